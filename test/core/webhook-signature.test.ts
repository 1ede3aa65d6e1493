/** Signatures as the reference library of Standard Webhooks verifies them, and its own vector. */
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { decodeBase64 } from "../../src/core/base64.ts";
import { encodeUtf8 } from "../../src/core/base64url.ts";
import { signWebhook, spellWebhookSecret } from "../../src/core/webhook-signature.ts";

const headersOf = (id: string, timestampS: number, signature: string) => ({
  ...{ "webhook-id": id, "webhook-timestamp": String(timestampS), "webhook-signature": signature },
});

describe("the signature of a webhook", () => {
  it("is that of the published vector", () => {
    const secret = decodeBase64("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") ?? new Uint8Array();
    const message = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestampS: 1_614_265_330, body: '{"test": 2432232314}' };
    expect(signWebhook(message, [secret])).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    expect(spellWebhookSecret(secret)).toBe("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  });

  it("is taken by the reference library under either secret of a rotation, and not for anything else", () => {
    const [old, next, foreign] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const timestampS = Math.floor(Date.now() / 1_000);
    const message = { id: "evt_AAAA", timestampS, body: '{"type":"report.moved","ü":"\\u0000"}' };
    const headers = headersOf(message.id, timestampS, signWebhook(message, [next, old]));
    for (const secret of [old, next]) {
      expect(new Webhook(spellWebhookSecret(secret)).verify(message.body, headers)).toMatchObject({
        type: "report.moved",
      });
    }
    expect(() => new Webhook(spellWebhookSecret(foreign)).verify(message.body, headers)).toThrow();
    const mine = new Webhook(spellWebhookSecret(next));
    expect(() => mine.verify(`${message.body} `, headers)).toThrow();
    expect(() => mine.verify(message.body, { ...headers, "webhook-id": "evt_AAAB" })).toThrow();
    expect(() => mine.verify(message.body, { ...headers, "webhook-timestamp": String(timestampS - 1) })).toThrow();
  });

  it("is over the text's UTF-8", () => {
    const secret = encodeUtf8("a".repeat(24));
    const of = (body: string) => signWebhook({ id: "evt_1", timestampS: 1, body }, [secret]);
    expect(of("ü")).not.toBe(of("u"));
  });
});
