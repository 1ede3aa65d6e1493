/** An event that its queue gave up, as far as it gets: a letter, which waits for the operator. */
import { setTimeout as sleep } from "node:timers/promises";
import type { R2Bucket } from "@cloudflare/workers-types";
import { encodeMessage } from "../../src/core/message.ts";

const LETTERS = "dead/v1/";
const LETTER_MAX_MS = 60_000;

/** Resolves when the letter is kept: an audit that is quicker than the queue would not find it. */
export async function giveUp(
  queue: { send(message: string): Promise<unknown> },
  archive: R2Bucket,
  encoded: string,
): Promise<void> {
  const count = async () => (await archive.list({ prefix: LETTERS })).objects.length;
  const before = await count();
  await queue.send(encodeMessage([encoded]));
  for (const endMs = Date.now() + LETTER_MAX_MS; (await count()) === before; await sleep(200)) {
    if (Date.now() > endMs) throw new Error("the letter of an event that its queue gave up was not kept");
  }
}
