/**
 * `npm run bench:audit`: what the audit of a shard's day costs by event: segments read again, tokens verified, verdicts
 * decided again, lines added up, claims checked over all records (src/audit/shard-audit.ts).
 *
 *   npm run bench:audit -- [--events N] [--save FILE]
 *
 * Keeps: the Worker's code in workerd, on archived lines whose tokens are really signed; an audit that finds anything,
 * or does not read every event, is no measurement. R2 lies on the local disk.
 */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { bundleWorker } from "../scripts/bundle.ts";
import { signToken } from "../scripts/demo/tokens.ts";
import { startRuntime } from "../scripts/local-runtime.ts";
import { LogText } from "../src/archive/log-text.ts";
import { makeEventId } from "../src/core/event-id.ts";
import { encodeLogLine } from "../src/core/log-line.ts";
import { LOG_START, type Position, positionAfter } from "../src/core/position.ts";
import { PRICES, PRICES_READ } from "../src/core/prices.ts";
import { encodeRuleSet, ruleSetKey, ruleSetOf } from "../src/core/rules.ts";
import { encodeTokenEvent } from "../src/core/token-event.ts";
import { BENCH_KEY, BENCH_SECRETS, benchClaims } from "./clicks.ts";
import { describeMachine } from "./machine.ts";
import { workerdCpuSeconds, workerdResidentBytes } from "./process.ts";

const DAY = "2026-11-27";
const NOON_MS = Date.parse(`${DAY}T12:00:00Z`);
const ADS = 1_000;
const ROW_EVENTS = 100;
/** A segment of a shard at 145 clicks a second, one a minute. */
const SEGMENT_ROWS = 87;
const MEGABYTE = 1_000_000;
const AGENT =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/** As wrangler.toml deploys them; their object is put beside the segments. */
const RULES = ruleSetOf({ late: { mode: "review", allowedLatenessS: 30 }, tokenTtlMaxS: 86_400 });

/** The line of click `index`, which is valid. */
function lineOf(index: number, at: { seq: number; loggedAtMs: number }): string {
  const receivedAtMs = at.loggedAtMs - 500;
  const event = {
    ...({ type: "click", id: makeEventId({ receivedAtMs, routingHash: index >>> 0 }, randomBytes(8)) } as const),
    token: signToken(benchClaims(index, ADS, receivedAtMs - 30_000), BENCH_KEY),
    ...({ receivedAtMs, occurredAtMs: receivedAtMs, method: "GET", count: 1, country: "DE", region: "BE" } as const),
    ...({ colo: "TXL", asn: 3_320, device: "desktop", ipHash: "a1b2c3d4e5f60718", userHash: null } as const),
    ...({ userAgent: AGENT, hints: {}, referrerHost: "news.example", gpc: false, clock: "server" } as const),
    ...({ redirectByMs: null, acceptedAtMs: null } as const),
  };
  return encodeLogLine({ ...at, rules: RULES.id }, { verdict: "valid", reason: null }, encodeTokenEvent(event));
}

type Put = (key: string, value: Uint8Array | string) => Promise<unknown>;

/** Writes the segments of a day and what an inventory says of them; resolves to their compressed bytes. */
async function fill(put: Put, events: number): Promise<number> {
  const segments: { bytes: number }[] = [];
  let at: Position = LOG_START;
  for (let first = 0; first < events; first += ROW_EVENTS * SEGMENT_ROWS) {
    const from = at;
    const rows: string[] = [];
    const last = Math.min(events, first + ROW_EVENTS * SEGMENT_ROWS);
    for (let index = first; index < last; index += ROW_EVENTS) {
      const place = { seq: at.seq + 1, loggedAtMs: NOON_MS + Math.floor(index / 0.145) };
      const size = Math.min(ROW_EVENTS, last - index);
      const lines = Array.from({ length: size }, (_, line) => lineOf(index + line, place)).join("\n");
      rows.push(`${lines}\n`);
      at = await positionAfter(at, new LogText(place.seq, place.loggedAtMs, lines));
    }
    const key = `raw/bench/${segments.length}`;
    const bytes = gzipSync(rows.join(""));
    await put(key, bytes);
    const owner = { shard: "clicks-0", incarnation: "bench" };
    const segment = { key, owner, from, to: at, events: last - first, isClosed: false, bytes: bytes.length };
    segments.push(segment);
  }
  const sources = [{ source: "clicks-0/bench", from: LOG_START, to: at }];
  const work = { shard: "clicks-0", sources, lives: ["bench"], segments, tail: [] };
  await put(ruleSetKey(RULES.id), encodeRuleSet(RULES));
  await put(`audits/v1/dt=${DAY}/0001/work/clicks-0.json`, JSON.stringify(work));
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

const DAY_EVENTS = 100_000_000;

/** CPU and R2 of a day; a step is billed as the CPU and the calls that it makes. */
function dollarsOfDay(result: { cpuSeconds: number } & Record<CostName, number>, events: number): number {
  const units = [
    [result.cpuSeconds * 1_000, PRICES.cpuMs],
    [result.objectsWritten + result.objectLists, PRICES.classA],
    [result.objectsRead, PRICES.classB],
  ] as const;
  const micros = units.reduce((sum, [count, { perMillion }]) => sum + count * perMillion, 0);
  return ((micros / 1_000_000) * DAY_EVENTS) / events;
}

type CostName = "objectsRead" | "objectsWritten" | "objectLists" | "steps";
type Audited = {
  readonly seconds: number;
  readonly done: { readonly events: number; readonly cost: Readonly<Record<CostName, number>> } | null;
  readonly found: readonly unknown[];
};

async function measure(events: number) {
  const script = await bundleWorker("bench/workers/audit-worker.ts");
  const vars = { ...BENCH_SECRETS, TOPOLOGY: '[{"since":0,"shards":1}]' };
  const runtime = await startRuntime({ vars, script });
  try {
    const put: Put = (key, value) => runtime.bindings.ARCHIVE.put(key, value as string);
    const archivedBytes = await fill(put, events);
    const [cpu, resident] = [workerdCpuSeconds(), workerdResidentBytes()];
    const answer = await fetch(`${runtime.url}/bench/audit?day=${DAY}`, { method: "POST" });
    if (!answer.ok) throw new Error(await answer.text());
    const audited = (await answer.json()) as Audited;
    const { done, found } = audited;
    if (done?.events !== events || found.length > 0) throw new Error(`${done?.events}: ${JSON.stringify(found)}`);
    const cpuSeconds = workerdCpuSeconds() - cpu;
    return { ...audited, ...done.cost, cpuSeconds, archivedBytes, grownBytes: workerdResidentBytes() - resident };
  } finally {
    await runtime.stop();
  }
}

async function main(): Promise<void> {
  const options = { events: { type: "string", default: "200000" }, save: { type: "string" } } as const;
  const { values } = parseArgs({ options });
  const events = Number(values.events);
  const result = await measure(events);
  const per = (count: number) => ((count / events) * MEGABYTE).toFixed(1);
  const page = [
    "# What an audit costs",
    "",
    ...describeMachine(`npm run bench:audit -- --events ${events}`).map((line) => `- ${line}`),
    "",
    "| | whole | of a million events |",
    "|---|---|---|",
    `| events a second, signatures and claims with it | ${Math.round(events / result.seconds)} | |`,
    `| processor seconds of workerd | ${result.cpuSeconds.toFixed(2)} | ${per(result.cpuSeconds)} |`,
    `| R2 reads | ${result.objectsRead} | ${per(result.objectsRead)} |`,
    `| R2 writes | ${result.objectsWritten} | ${per(result.objectsWritten)} |`,
    `| R2 lists | ${result.objectLists} | ${per(result.objectLists)} |`,
    `| steps | ${result.steps} | ${per(result.steps)} |`,
    `| dollars at list prices of ${PRICES_READ}, a day of 100 million events | | ${dollarsOfDay(result, events).toFixed(2)} |`,
    `| MB archived, compressed | ${(result.archivedBytes / MEGABYTE).toFixed(1)} | |`,
    `| MB by which workerd grew | ${(result.grownBytes / MEGABYTE).toFixed(0)} | |`,
    "",
  ].join("\n");
  console.log(page);
  if (values.save !== undefined) await writeFile(values.save, page);
}

main().catch((cause: unknown) => {
  console.error(cause);
  process.exit(1);
});
