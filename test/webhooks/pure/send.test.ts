/** One try of a delivery against a receiver and a resolver that answer as they are told. */
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { spellWebhookSecret } from "../../../src/core/webhook-signature.ts";
import { type SendPorts, send } from "../../../src/webhooks/send.ts";

const URL_OF_HOOK = "https://hooks.shop.com/clicks?key=1";
const SECRET = new Uint8Array(32).fill(7);
const MESSAGE = { id: "evt_AAAA", body: '{"type":"report.moved"}' };
const RECEIVER = { url: URL_OF_HOOK, secrets: [SECRET] };

type Sent = { readonly url: string; readonly init: RequestInit };

/** Records what is sent; the resolver answers with addresses. */
function ports(
  answer: () => Response | Promise<Response>,
  addresses: readonly string[] = ["93.184.216.34"],
): SendPorts & { readonly sent: Sent[] } {
  const sent: Sent[] = [];
  return {
    sent,
    httpHosts: new Set(["localhost:4000"]),
    fetch: async (url, init) => {
      if (!url.startsWith("https://cloudflare-dns.com/")) {
        sent.push({ url, init });
        return answer();
      }
      const isV6 = url.endsWith("type=AAAA");
      const records = addresses.filter((address) => address.includes(":") === isV6);
      const alias = { type: 5, data: "alias.shop.com." };
      return Response.json({ Answer: [alias, ...records.map((data) => ({ type: isV6 ? 28 : 1, data }))] });
    },
  };
}

const ok = () => new Response("thank you", { status: 202 });

describe("a try of a delivery", () => {
  it("posts what the reference library verifies, follows no redirect and has an end", async () => {
    const to = ports(ok, ["93.184.216.34", "2606:2800:220:1::1"]);
    expect(await send(to, RECEIVER, MESSAGE, Date.now())).toEqual({ isDelivered: true, status: 202 });
    const [{ url, init } = { url: "", init: {} }] = to.sent;
    expect([url, init.method, init.redirect, init.body]).toEqual([URL_OF_HOOK, "POST", "manual", MESSAGE.body]);
    expect(init.signal).toBeInstanceOf(AbortSignal);
    const headers = init.headers as Record<string, string>;
    expect(new Webhook(spellWebhookSecret(SECRET)).verify(MESSAGE.body, headers)).toEqual({ type: "report.moved" });
  });

  it.each([200, 201, 204, 299])("is delivered by %i", async (status) => {
    expect(
      await send(
        ports(() => new Response(null, { status })),
        RECEIVER,
        MESSAGE,
        0,
      ),
    ).toMatchObject({ status });
  });

  it.each([
    [301, "redirected"],
    [302, "redirected"],
    [307, "redirected"],
    [400, "status"],
    [410, "status"],
    [429, "status"],
    [500, "status"],
  ])("is not delivered by %i", async (status, error) => {
    const answer = () => new Response(null, { status, headers: { Location: "http://169.254.169.254/" } });
    const to = ports(answer);
    expect(await send(to, RECEIVER, MESSAGE, 0)).toEqual({ isDelivered: false, status, error });
    expect(to.sent).toHaveLength(1);
  });

  it.each([
    ["a private address", ["10.0.0.1"]],
    ["the metadata address", ["169.254.169.254"]],
    ["a public address and a private one", ["93.184.216.34", "192.168.0.1"]],
    ["a private address of IPv6 alone", ["fd00::1"]],
    ["a mapped address", ["::ffff:127.0.0.1"]],
    ["no address that can be read", ["not an address"]],
  ])("is not made where the name resolves to %s", async (_, addresses) => {
    const to = ports(ok, addresses);
    expect(await send(to, RECEIVER, MESSAGE, 0)).toEqual({
      isDelivered: false,
      status: null,
      error: "address_refused",
    });
    expect(to.sent).toEqual([]);
  });

  it("is not made where the name has no address, or the stored address is refused by now", async () => {
    expect(await send(ports(ok, []), RECEIVER, MESSAGE, 0)).toMatchObject({ error: "address_unknown" });
    const inside = { ...RECEIVER, url: "https://127.1/" };
    expect(await send(ports(ok), inside, MESSAGE, 0)).toMatchObject({ error: "address_refused" });
  });

  it("says whether a receiver was late or not there", async () => {
    const late = () => Promise.reject(new DOMException("late", "TimeoutError"));
    expect(await send(ports(late), RECEIVER, MESSAGE, 0)).toMatchObject({ error: "timed_out" });
    const away = () => Promise.reject(new TypeError("connection refused"));
    expect(await send(ports(away), RECEIVER, MESSAGE, 0)).toMatchObject({ error: "unreachable" });
  });

  it("reads nothing of what the receiver answers", async () => {
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    expect(
      await send(
        ports(() => new Response(endless)),
        RECEIVER,
        MESSAGE,
        0,
      ),
    ).toMatchObject({ isDelivered: true });
    expect(pulled).toBeLessThan(3);
  });

  it("asks no resolver for a host that the operator has named for local runs", async () => {
    const to = ports(ok, ["127.0.0.1"]);
    const local = { ...RECEIVER, url: "http://localhost:4000/hook" };
    expect(await send(to, local, MESSAGE, 0)).toMatchObject({ isDelivered: true });
  });
});
