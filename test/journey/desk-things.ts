/** What waits for an operator, made as it comes about: clicks that are reported late, and letters that were buried. */
import { expect } from "vitest";
import type { LocalRuntime } from "../../scripts/local-runtime.ts";
import { encodeMessage } from "../../src/core/message.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { buryLetter, type DeadLetter, deadLetterKey } from "../../src/queue/dead-letter.ts";
import { aClick, BROWSER } from "../support/builders.ts";
import { aToken, testSeal } from "../support/tokens.ts";

let serial = 0;

/** Buries a whole message of one new click, as the dead-letter queue's consumer does; returns its key. */
export async function buryClick({ bindings }: LocalRuntime, claims: Record<string, unknown> = {}): Promise<string> {
  const event = encodeTokenEvent({ ...aClick({ receivedAtMs: Date.now() }), token: await aToken(claims) });
  const letter: DeadLetter = {
    reason: "retries_exhausted",
    queue: "clickledger-clicks-dead",
    messageId: `letter-${serial++}`,
    index: 0,
    attempts: 101,
    sentAtMs: Date.now(),
    payload: encodeMessage([event]),
  };
  await buryLetter({ archive: bindings.ARCHIVE as unknown as R2Bucket, seal: testSeal }, letter);
  return deadLetterKey(letter);
}

/** A click that its client reports ten minutes after it happened. */
export async function clickLate({ url }: Pick<LocalRuntime, "url">, claims: Record<string, unknown>): Promise<void> {
  const nowMs = Date.now();
  const iat = Math.floor(nowMs / 1_000) - 1_200;
  const token = await aToken({ ...claims, iat, exp: iat + 7_200 });
  const answer = await fetch(`${url}/v1/click?redirect=false`, {
    method: "POST",
    headers: { "User-Agent": BROWSER },
    body: JSON.stringify({ token, timestamp_ms: nowMs - 600_000 }),
  });
  expect(answer.status).toBe(204);
}
