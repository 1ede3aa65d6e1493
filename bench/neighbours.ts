/**
 * `npm run bench:neighbours`: what one tenant can do to another's report, and large bodies to memory (ATTACK rows 8 and 9 of
 * the first review; docs/decisions/0021).
 *
 *   npm run bench:neighbours -- [--small] [--save FILE]
 *
 *   quiet alone ─▶ noisy: 150 dear reports at a time, again and again, and 800 streams ─▶ quiet beside it ─▶ bodies
 *
 * Keeps: every answer's status is counted; the quiet tenant's must all be 200. Who is refused waits a second before it
 * asks again. Relies on: facts by day on disk (report/build.ts), and one workerd, so all share one processor.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type LocalRuntime, startRuntime } from "../scripts/local-runtime.ts";
import { hashApiKey, makeApiKey } from "../src/access/api-keys.ts";
import { percentileOf } from "./ack-window.ts";
import { BENCH_SECRETS } from "./clicks.ts";
import { describeMachine } from "./machine.ts";
import { workerdResidentBytes } from "./process.ts";
import { buildFacts } from "./report/build.ts";
import { dateOf, makeCalendar } from "./report/calendar.ts";
import { makeCatalog } from "./report/catalog.ts";

export const NEIGHBOURS_SIZES = {
  full: { ads: 270, days: 730, activeShare: 0.5, asked: 200, noise: 150, streams: 800, bodies: 20, bodyMb: [60, 99] },
  small: { ads: 6, days: 40, activeShare: 0.02, asked: 10, noise: 12, streams: 12, bodies: 2, bodyMb: [2, 3] },
} as const;
export type NeighboursSize = (typeof NEIGHBOURS_SIZES)[keyof typeof NEIGHBOURS_SIZES];

type ByStatus = Record<number, number>;
export type NeighboursResult = {
  /** Cells that the dear report is about. */
  readonly cells: number;
  readonly aloneMs: readonly number[];
  readonly besideMs: readonly number[];
  readonly noise: ByStatus;
  readonly streams: ByStatus;
  readonly bodies: ByStatus;
  readonly residentMb: { readonly before: number; readonly highest: number; readonly after: number };
};

const SEED = 20_261_128;
const MEGABYTE = 1_000_000;
const REFUSED_WAIT_MS = 1_000;
const APART_MS = 50;
const [NOISY, QUIET] = ["adv_0000", "adv_0001"];

export async function measureNeighbours(size: NeighboursSize): Promise<NeighboursResult> {
  const statePath = await mkdtemp(join(tmpdir(), "clickledger-bench-neighbours-"));
  try {
    const calendar = makeCalendar({ days: size.days, minuteDays: 2 });
    const catalog = makeCatalog({ advertisers: 2, ads: size.ads, activeShare: size.activeShare }, SEED);
    await buildFacts(statePath, catalog, { calendar, seed: SEED });
    const runtime = await startRuntime({ statePath, vars: BENCH_SECRETS, hasConsumers: false });
    try {
      const range = (days: number) => `from=${dateOf(calendar.toDay - days)}&to=${dateOf(calendar.toDay - 1)}`;
      const dear = `/v1/reports/clicks?${range(size.days)}&group_by=day,country,device`;
      const small = `/v1/reports/clicks?${range(7)}&group_by=day`;
      return await measure(runtime, size, { dear, small });
    } finally {
      await runtime.stop();
    }
  } finally {
    await rm(statePath, { recursive: true, force: true });
  }
}

type Paths = { readonly dear: string; readonly small: string };

async function measure(runtime: LocalRuntime, size: NeighboursSize, { dear, small }: Paths): Promise<NeighboursResult> {
  const cells = await runtime.database
    .prepare("SELECT sum(json_array_length(cells)) AS cells FROM facts_day WHERE advertiser_id = ?1")
    .bind(NOISY)
    .first<number>("cells");
  const [noisyKey, quietKey] = [await keyOf(runtime, NOISY), await keyOf(runtime, QUIET)];
  const askQuiet = async () => {
    const taken: number[] = [];
    for (let round = 0; round < size.asked; round++) {
      const startMs = performance.now();
      const status = await statusOf(runtime, small, quietKey);
      if (status !== 200) throw new Error(`the quiet tenant was answered ${status}`);
      taken.push(performance.now() - startMs);
      await sleep(APART_MS);
    }
    return taken;
  };
  await statusOf(runtime, small, quietKey);
  const aloneMs = await askQuiet();

  const noise: ByStatus = {};
  const { streams, close } = await openStreams(runtime, noisyKey, size.streams);
  const over = { isOver: false };
  const asking = Array.from({ length: size.noise }, async () => {
    while (!over.isOver) {
      const status = await statusOf(runtime, dear, noisyKey);
      count(noise, status);
      if (status !== 200) await sleep(REFUSED_WAIT_MS);
    }
  });
  const besideMs = await askQuiet();
  over.isOver = true;
  await Promise.all(asking);
  close();
  return { cells: cells ?? 0, aloneMs, besideMs, noise, streams, ...(await sendBodies(runtime, noisyKey, size)) };
}

async function openStreams({ url }: LocalRuntime, key: string, times: number) {
  const streams: ByStatus = {};
  const gone = new AbortController();
  const headers = { Authorization: `Bearer ${key}` };
  const open = async () => count(streams, (await fetch(`${url}/v1/live`, { headers, signal: gone.signal })).status);
  await Promise.all(Array.from({ length: times }, open));
  return { streams, close: () => gone.abort() };
}

/** Large bodies one after the other, with their length and without it in turn. */
async function sendBodies({ url }: LocalRuntime, key: string, { bodies: times, bodyMb }: NeighboursSize) {
  const bodies: ByStatus = {};
  const inMb = () => Math.round(workerdResidentBytes() / MEGABYTE);
  const before = inMb();
  let highest = before;
  for (let at = 0; at < times; at++) {
    const megabytes = bodyMb[0] + Math.round(((bodyMb[1] - bodyMb[0]) * at) / Math.max(1, times - 1));
    const body = at % 2 === 0 ? Buffer.alloc(megabytes * MEGABYTE, "a") : streamOf(megabytes);
    const headers = { Authorization: `Bearer ${key}` };
    const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
    const watch = setInterval(() => {
      highest = Math.max(highest, inMb());
    }, 20);
    // The server may answer and close before it has been sent all; then there is no status to see.
    const status = await fetch(`${url}/v1/explain`, init).then(
      (answer) => answer.status,
      () => 0,
    );
    clearInterval(watch);
    count(bodies, status);
    highest = Math.max(highest, inMb());
  }
  return { bodies, residentMb: { before, highest, after: inMb() } };
}

function streamOf(megabytes: number): ReadableStream<Uint8Array> {
  let left = megabytes;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(new Uint8Array(MEGABYTE).fill(97));
      else controller.close();
    },
  });
}

const INSERT_KEY = `INSERT INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms)
  VALUES (?1, ?2, ?2, '["report"]', 0)`;

/** A report key of the advertiser. */
async function keyOf({ database }: LocalRuntime, advertiserId: string): Promise<string> {
  const key = makeApiKey(crypto.getRandomValues(new Uint8Array(32)));
  await database.prepare(INSERT_KEY).bind(hashApiKey(key), advertiserId).run();
  return key;
}

/** The status of a request whose answer has been read to its end. */
async function statusOf({ url }: LocalRuntime, path: string, key: string): Promise<number> {
  const answer = await fetch(`${url}${path}`, { headers: { Authorization: `Bearer ${key}` } });
  await answer.arrayBuffer();
  return answer.status;
}

function count(byStatus: ByStatus, status: number): void {
  byStatus[status] = (byStatus[status] ?? 0) + 1;
}

export function toNeighboursPage(result: NeighboursResult, size: NeighboursSize, machine: readonly string[]): string {
  const { aloneMs, besideMs, residentMb } = result;
  const times = (all: readonly number[]) => [0.5, 0.99, 1].map((share) => percentileOf(all, share));
  const [alone, beside] = [times(aloneMs), times(besideMs)];
  const row = (what: string, all: readonly number[]) => `| ${what} | ${all.map((ms) => ms.toFixed(1)).join(" | ")} |`;
  const ratios = alone.map((ms, at) => (beside[at] ?? Number.NaN) / ms);
  const statuses = (byStatus: ByStatus) =>
    Object.entries(byStatus)
      .map(([status, times]) => `${times} × ${status === "0" ? "closed" : status}`)
      .join(", ");
  return [
    "# What one tenant can do to another",
    "",
    ...machine.map((line) => `- ${line}`),
    `- parameters: ${JSON.stringify(size)}`,
    "",
    `A small report of a quiet tenant, ${size.asked} times, in ms:`,
    "",
    "| | p50 | p99 | longest |",
    "|---|---|---|---|",
    row("alone", alone),
    row("beside", beside),
    row("ratio", ratios),
    "",
    `Beside it, one tenant asks \`day,country,device\` over ${result.cells} cells, ${size.noise} at a time: ` +
      `${statuses(result.noise)}; and opens ${size.streams} streams: ${statuses(result.streams)}.`,
    "",
    `${size.bodies} bodies of ${size.bodyMb.join(" to ")} MB to /v1/explain: ${statuses(result.bodies)}; resident memory of workerd ` +
      `${residentMb.before} MB before, ${residentMb.highest} MB at most, ${residentMb.after} MB after.`,
    "",
  ].join("\n");
}

async function main(): Promise<void> {
  const options = { small: { type: "boolean" }, save: { type: "string" } } as const;
  const { values } = parseArgs({ options, strict: true });
  const size = values.small ? NEIGHBOURS_SIZES.small : NEIGHBOURS_SIZES.full;
  const page = toNeighboursPage(
    await measureNeighbours(size),
    size,
    describeMachine(`npm run bench:neighbours${values.small ? " -- --small" : ""}`),
  );
  console.log(page);
  if (values.save !== undefined) await writeFile(values.save, page);
}

if (import.meta.main) {
  main().catch((cause: unknown) => {
    console.error(cause);
    process.exit(1);
  });
}
