/**
 * One try of a delivery: the name is resolved, the message signed and posted, the status read and nothing else.
 *
 * Keeps: a try ends within ten seconds. No redirect is followed, and no body is read: what a receiver answers beside
 * its status is nobody's business. Whatever goes wrong has a name.
 */
import { parseJson } from "../core/base64url.ts";
import { SECOND_MS } from "../core/limits.ts";
import { signWebhook } from "../core/webhook-signature.ts";
import { checkAddress, isLocal, isPublicAddress } from "./address.ts";

const TRY_MS = 10 * SECOND_MS;
const RESOLVE_MS = 3 * SECOND_MS;
const RESOLVER = "https://cloudflare-dns.com/dns-query";
const RECORD_TYPES = { A: 1, AAAA: 28 } as const;

export type Outcome =
  | { readonly isDelivered: true; readonly status: number }
  | {
      readonly isDelivered: false;
      /** The receiver's status, where there was one. */
      readonly status: number | null;
      readonly error: "status" | "redirected" | "timed_out" | "unreachable" | "address_refused" | "address_unknown";
    };

export type Message = { readonly id: string; readonly body: string };

export type SendPorts = {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly httpHosts: ReadonlySet<string>;
};

export type Receiver = { readonly url: string; readonly secrets: readonly Uint8Array[] };

/** Tries once. Never rejects. */
export async function send(
  ports: SendPorts,
  { url, secrets }: Receiver,
  { id, body }: Message,
  nowMs: number,
): Promise<Outcome> {
  const checked = checkAddress(url, ports.httpHosts);
  if (!checked.ok) return failed("address_refused");
  try {
    if (!isLocal(checked.value, ports.httpHosts)) {
      const addresses = await resolve(ports, checked.value.hostname);
      if (addresses.length === 0) return failed("address_unknown");
      if (!addresses.every(isPublicAddress)) return failed("address_refused");
    }
    const timestampS = Math.floor(nowMs / SECOND_MS);
    const answered = await ports.fetch(checked.value.href, {
      method: "POST",
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(TRY_MS),
      headers: {
        "Content-Type": "application/json",
        "User-Agent": "Clickledger-Webhooks/1",
        "webhook-id": id,
        "webhook-timestamp": String(timestampS),
        "webhook-signature": signWebhook({ id, timestampS, body }, secrets),
      },
    });
    await answered.body?.cancel();
    const { status } = answered;
    if (status >= 200 && status < 300) return { isDelivered: true, status };
    return { isDelivered: false, status, error: status >= 300 && status < 400 ? "redirected" : "status" };
  } catch (fault) {
    return failed(isTimeout(fault) ? "timed_out" : "unreachable");
  }
}

function failed(error: "timed_out" | "unreachable" | "address_refused" | "address_unknown"): Outcome {
  return { isDelivered: false, status: null, error };
}

function isTimeout(fault: unknown): boolean {
  return fault instanceof Error && /^(TimeoutError|AbortError)$/.test(fault.name);
}

/** The addresses of a name, of both families. */
async function resolve(ports: Pick<SendPorts, "fetch">, name: string): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(RECORD_TYPES).map(async ([type, code]) => {
      const answered = await ports.fetch(`${RESOLVER}?name=${encodeURIComponent(name)}&type=${type}`, {
        headers: { Accept: "application/dns-json" },
        redirect: "manual",
        signal: AbortSignal.timeout(RESOLVE_MS),
      });
      if (!answered.ok) throw new Error(`the resolver answered ${answered.status}`);
      return addressesIn(parseJson(await answered.text()), code);
    }),
  );
  return found.flat();
}

function addressesIn(said: unknown, code: number): string[] {
  const { Answer: records = [] } = (said ?? {}) as { Answer?: readonly { type?: unknown; data?: unknown }[] };
  return records.flatMap(({ type, data }) => (type === code && typeof data === "string" ? [data] : []));
}
