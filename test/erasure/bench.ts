/**
 * `npm run bench:erasure`: lines a second that an erasure looks through, of a segment that holds nothing of the person,
 * and at how many a day a pass no longer fits into its half of a day (docs/OPERATIONS.md, Erasure).
 *
 * Keeps: every token is another one, as in a log; nothing is erased, which is what nearly every segment comes to.
 */

import { gzip } from "../../src/archive/r2-archive.ts";
import { encodeLogLine } from "../../src/core/log-line.ts";
import { ASSUMED_MS } from "../../src/core/prices.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { eraseSegment } from "../../src/erasure/erase.ts";
import { aClick, NOON_MS } from "../support/builders.ts";
import { MemoryR2 } from "../support/memory-r2.ts";
import { aToken, testRing } from "../support/tokens.ts";

declare const process: { cpuUsage(before?: object): { readonly user: number; readonly system: number } };

const LINES = 9_000;
const PER_ROW = 100;
const ROUNDS = 9;
const KEPT_DAYS = 90;
/** Two passes and two hours between them make a day; of it a turn has 45 s of every two minutes. */
const PASS_S = 11 * 3_600 * (45 / 120);
const TOGETHER = 6;

const ring = await testRing();
const owner = { shard: "clicks-0", incarnation: "a" };
const key = "raw/v1/dt=2026-04-20/hour=12/shard=clicks-0/a-000000000001.ndjson.gz";
const rows: string[] = [];
for (let seq = 1; seq <= LINES / PER_ROW; seq++) {
  const at = { seq, loggedAtMs: NOON_MS, rules: "4-0123abcd" };
  const events = Array.from({ length: PER_ROW }, async () => ({
    ...aClick(),
    token: await aToken({ uid: `u_${seq}` }),
  }));
  const lines = (await Promise.all(events)).map((event) =>
    encodeLogLine(at, { verdict: "valid", reason: null }, encodeTokenEvent(event)),
  );
  rows.push(lines.join("\n"));
}
const r2 = new MemoryR2();
const packed = await gzip(rows.map((lines) => ({ lines: () => lines })));
await r2.bucket.put(key, packed);

const rates: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const before = process.cpuUsage();
  const segment = { key, owner } as Parameters<typeof eraseSegment>[2];
  const erased = await eraseSegment({ bucket: r2.bucket, ring }, { advertiserId: "adv_1", uid: "nobody" }, segment);
  if (erased !== 0) throw new Error("nobody was erased");
  const { user, system } = process.cpuUsage(before);
  rates.push(LINES / ((user + system) / 1e6));
}
const rate = rates.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
const perSegment = PASS_S / (ASSUMED_MS.r2 / 1_000 / TOGETHER);
console.log(
  `${Math.round(rate)} lines/s of CPU, median of ${ROUNDS}; ${Math.round(packed.byteLength / LINES)} bytes a line packed`,
);
console.log(
  `a pass of ${PASS_S} s: ${((rate * PASS_S) / 1e9).toFixed(1)} G lines, ${Math.round(perSegment / 1_000)} 000 segments at ${ASSUMED_MS.r2} ms`,
);
console.log(
  `kept ${KEPT_DAYS} days, that is ${((rate * PASS_S) / KEPT_DAYS / 1e6).toFixed(0)} M events and ${Math.round(perSegment / KEPT_DAYS)} segments a day`,
);
