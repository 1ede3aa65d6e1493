/**
 * The measurements, each a function from parameters to numbers. No scenario judges its own time.
 */
import { bundleModule, bundleWorker } from "../scripts/bundle.ts";
import { printFault, startRuntime } from "../scripts/local-runtime.ts";
import { BENCH_SECRETS, clickRequests } from "./clicks.ts";
import { driveLoad } from "./load.ts";
import { NAIVE, naiveNeighbour } from "./naive-neighbour.ts";
import { workerdCpuSeconds } from "./process.ts";

/** The least that a redirect can be: no verification, no counting, the same headers. */
const BARE_WORKER = `export default {
  fetch() {
    return new Response(null, { status: 302, headers: {
      Location: "https://shop.example/offer/ad_1?from=pub_1&click_id=0P71RZkQN3o7qBEHguu8nFWe",
      "Cache-Control": "no-store", "Referrer-Policy": "strict-origin-when-cross-origin", "X-Robots-Tag": "noindex" } });
  },
};`;

const CONNECTIONS = 32;
const DEPTH = 2;

export type Round = { readonly perSecond: number; readonly cpuMicros: number };
/** What is measured in turn; `… alone` is without its queue. */
export const REDIRECTS = ["bare", "redirect", "naive", "redirect alone", "naive alone"] as const;
export type RedirectKind = (typeof REDIRECTS)[number];
export type RedirectResult = { readonly rounds: Readonly<Record<RedirectKind, Round[]>>; readonly redirects: number };

/**
 * Redirects of distinct links against bare ones and the naive Worker's, in turn, in one workerd, with their queues and
 * without. Queues have no consumer: this is the edge alone, while shards and sinks, which share workerd's one thread, are
 * measured end to end.
 */
export async function measureRedirect({
  rounds: count,
  roundMs,
}: {
  rounds: number;
  roundMs: number;
}): Promise<RedirectResult> {
  const naive = await bundleModule("bench/workers/naive-bench-worker.ts");
  const runtime = await startRuntime({
    ...{ vars: BENCH_SECRETS, entry: "bench/workers/redirect-worker.ts", hasConsumers: false, onLog: printFault },
    neighbours: { bare: BARE_WORKER, [NAIVE]: naiveNeighbour(naive, { hasConsumers: false }) },
  });
  try {
    const requests = clickRequests(Math.ceil(roundMs * 5), { ads: 1_000, issuedAtMs: Date.now() });
    const urls: Readonly<Record<string, string>> = { redirect: runtime.url, ...runtime.neighbourUrls };
    const rounds = Object.fromEntries(REDIRECTS.map((kind) => [kind, [] as Round[]])) as Record<RedirectKind, Round[]>;
    let redirects = 0;
    // The first round warms up.
    for (let round = 0; round <= count; round++) {
      for (const kind of round % 2 === 0 ? REDIRECTS : REDIRECTS.toReversed()) {
        const [who = "", alone] = kind.split(" ");
        const url = urls[who] ?? "";
        if (who !== "bare") await fetch(`${url}/bench/queue/${alone ? "off" : "on"}`, { method: "PUT" });
        const measured = await runRound(url, requests, round === 0 ? roundMs / 2 : roundMs);
        if (round === 0) continue;
        rounds[kind].push(measured.round);
        if (kind === "redirect") redirects += measured.answered;
      }
    }
    return { rounds, redirects };
  } finally {
    await runtime.stop();
  }
}

/** Redirects as many of the requests as are answered in this time; each has to be a redirect. */
export async function runRound(
  url: string,
  requests: readonly Buffer[],
  durationMs: number,
): Promise<{ round: Round; answered: number }> {
  const cpuBefore = workerdCpuSeconds();
  const { answered, seconds, byStatus } = await driveLoad({
    url,
    requests,
    durationMs,
    connections: CONNECTIONS,
    depth: DEPTH,
  });
  assertAll(byStatus, 302);
  const cpuMicros = ((workerdCpuSeconds() - cpuBefore) * 1e6) / answered;
  return { answered, round: { perSecond: answered / seconds, cpuMicros } };
}

export type IngestResult = { readonly perSecond: number[]; readonly counted: number };

/** Events a second that one shard decides and logs, in calls of `messages` × `events` events, one call at a time. */
export async function measureIngest(size: {
  rounds: number;
  calls: number;
  messages: number;
  events: number;
}): Promise<IngestResult> {
  const script = await bundleWorker("bench/workers/ingest-worker.ts");
  const vars = { ...BENCH_SECRETS, FLUSH_INTERVAL_MS: "60000", POST_INTERVAL_MS: "0", ARCHIVE_INTERVAL_MS: "3600000" };
  const runtime = await startRuntime({ vars, script, hasConsumers: false, onLog: printFault });
  try {
    const perSecond: number[] = [];
    let counted = 0;
    for (let round = 0; round <= size.rounds; round++) {
      const query = new URLSearchParams({
        calls: String(size.calls),
        messages: String(size.messages),
        events: String(size.events),
      });
      await fetch(`${runtime.url}/prepare?${query}`, { method: "POST" });
      const startMs = performance.now();
      const answer = (await (await fetch(`${runtime.url}/run`, { method: "POST" })).json()) as Record<string, number>;
      const seconds = (performance.now() - startMs) / 1_000;
      if (answer["events"] !== answer["counted"]) throw new Error("the shard did not count every event");
      // The first round warms up.
      if (round > 0) perSecond.push((answer["counted"] ?? 0) / seconds);
      counted += answer["counted"] ?? 0;
    }
    return { perSecond, counted };
  } finally {
    await runtime.stop();
  }
}

export type EndToEndResult = {
  /** Bare redirects a second, just before, in the same workerd. */
  readonly barePerSecond: number;
  /** Clicks a second until the report database shows all of them, and while they were sent. */
  readonly countedPerSecond: number;
  readonly acceptedPerSecond: number;
  readonly clicks: number;
  /** The naive Worker's, in the same workerd afterwards; not where counters run. */
  readonly naivePerSecond: number | null;
  readonly counters: Counters | null;
};
export type Counters = Readonly<
  Record<"shardRows" | "reportRows" | "postings" | "messages" | "events" | "batches", number>
>;

/**
 * Sends distinct clicks as fast as they are taken, and waits until the report database shows every one as valid; then the
 * same to the naive Worker and its table.
 */
export async function measureEndToEnd(size: {
  clicks: number;
  ads: number;
  bareMs: number;
  isCounting: boolean;
}): Promise<EndToEndResult> {
  const { clicks, isCounting } = size;
  const script = isCounting ? await bundleWorker("bench/workers/counting-worker.ts") : await bundleWorker();
  const naive = naiveNeighbour(await bundleModule("bench/workers/naive-bench-worker.ts"), { hasConsumers: true });
  const neighbours = { bare: BARE_WORKER, [NAIVE]: naive };
  const runtime = await startRuntime({ vars: BENCH_SECRETS, script, neighbours, onLog: printFault });
  try {
    const requests = clickRequests(clicks, { ads: size.ads, issuedAtMs: Date.now() });
    const [bareUrl = "", naiveUrl = ""] = [runtime.neighbourUrls["bare"], runtime.neighbourUrls[NAIVE]];
    await runRound(bareUrl, requests, size.bareMs / 2);
    const { round: bare } = await runRound(bareUrl, requests, size.bareMs);
    const ours = await countAll({ url: runtime.url, requests, counted: () => countedBy(runtime.database) });
    const counters = isCounting ? ((await (await fetch(`${runtime.url}/bench/counters`)).json()) as Counters) : null;
    const total = async () => (await (await fetch(`${naiveUrl}/bench/total`, { method: "POST" })).json()) as number;
    if (!isCounting) await total();
    const theirs = isCounting ? null : await countAll({ url: naiveUrl, requests, counted: total });
    return {
      ...ours,
      barePerSecond: bare.perSecond,
      naivePerSecond: theirs?.countedPerSecond ?? null,
      clicks,
      counters,
    };
  } finally {
    await runtime.stop();
  }
}

type Counting = {
  readonly url: string;
  readonly requests: readonly Buffer[];
  readonly counted: () => Promise<number>;
};

async function countAll({ url, requests, counted }: Counting) {
  const startMs = performance.now();
  const count = requests.length;
  const load = await driveLoad({ url, requests, count, connections: CONNECTIONS, depth: DEPTH });
  assertAll(load.byStatus, 302);
  const endsAtMs = Date.now() + COUNTED_MAX_MS;
  for (let found = await counted(); found !== count; found = await counted()) {
    if (Date.now() > endsAtMs) throw new Error(`of ${count} clicks ${found} are counted`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const seconds = (performance.now() - startMs) / 1_000;
  return { countedPerSecond: count / seconds, acceptedPerSecond: load.answered / load.seconds };
}

const SELECT_TOTALS = `SELECT coalesce(sum(valid), 0) AS valid, coalesce(sum(gross), 0) AS gross
FROM (SELECT valid, gross FROM facts_minute UNION ALL SELECT valid, gross FROM facts_open)`;
const COUNTED_MAX_MS = 120_000;
const POLL_MS = 100;

/** Valid clicks in the report database; NaN while others are counted beside them. */
async function countedBy(database: D1Database): Promise<number> {
  const totals = await database.prepare(SELECT_TOTALS).first<{ valid: number; gross: number }>();
  return totals === null || totals.valid !== totals.gross ? Number.NaN : totals.valid;
}

function assertAll(byStatus: ReadonlyMap<number, number>, status: number): void {
  for (const [answered, count] of byStatus) {
    if (answered !== status) throw new Error(`${count} requests got ${answered} instead of ${status}`);
  }
}
