/**
 * The measurements, each a function from parameters to numbers. No scenario judges its own time.
 */
import { bundleWorker } from "../scripts/bundle.ts";
import { type LocalRuntime, printFault, startRuntime } from "../scripts/local-runtime.ts";
import { BENCH_SECRETS, clickRequests } from "./clicks.ts";
import { driveLoad } from "./load.ts";
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
export type RedirectResult = { readonly bare: Round[]; readonly redirect: Round[]; readonly redirects: number };

/**
 * Redirects of distinct links against bare ones, in turn, in one workerd. The queue has no consumer: this is the edge
 * alone, with its enqueueing, while shards and sinks, which share workerd's one thread, are measured end to end.
 */
export async function measureRedirect({
  rounds,
  roundMs,
}: {
  rounds: number;
  roundMs: number;
}): Promise<RedirectResult> {
  const runtime = await startRuntime({
    vars: BENCH_SECRETS,
    hasConsumers: false,
    neighbours: { bare: BARE_WORKER },
    onLog: printFault,
  });
  try {
    const requests = clickRequests(Math.ceil(roundMs * 5), { ads: 1_000, issuedAtMs: Date.now() });
    const bareUrl = runtime.neighbourUrls["bare"] ?? "";
    await runRound(bareUrl, requests, roundMs / 2);
    await runRound(runtime.url, requests, roundMs / 2);
    const bare: Round[] = [];
    const redirect: Round[] = [];
    let redirects = 0;
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? (["bare", "redirect"] as const) : (["redirect", "bare"] as const);
      for (const variant of order) {
        const measured = await runRound(variant === "bare" ? bareUrl : runtime.url, requests, roundMs);
        (variant === "bare" ? bare : redirect).push(measured.round);
        if (variant === "redirect") redirects += measured.answered;
      }
    }
    return { bare, redirect, redirects };
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
  const vars = { ...BENCH_SECRETS, FLUSH_INTERVAL_MS: "60000", ARCHIVE_INTERVAL_MS: "3600000" };
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
  readonly counters: Counters | null;
};
export type Counters = Readonly<
  Record<"shardRows" | "reportRows" | "postings" | "messages" | "events" | "batches", number>
>;

/** Sends distinct clicks as fast as they are taken, and waits until the report database shows every one as valid. */
export async function measureEndToEnd(size: {
  clicks: number;
  ads: number;
  bareMs: number;
  isCounting: boolean;
}): Promise<EndToEndResult> {
  const script = size.isCounting ? await bundleWorker("bench/workers/counting-worker.ts") : await bundleWorker();
  const neighbours = { bare: BARE_WORKER };
  const runtime = await startRuntime({ vars: BENCH_SECRETS, script, neighbours, onLog: printFault });
  try {
    const requests = clickRequests(size.clicks, { ads: size.ads, issuedAtMs: Date.now() });
    const bareUrl = runtime.neighbourUrls["bare"] ?? "";
    await runRound(bareUrl, requests, size.bareMs / 2);
    const { round: bare } = await runRound(bareUrl, requests, size.bareMs);
    const startMs = performance.now();
    const load = await driveLoad({
      url: runtime.url,
      requests,
      count: size.clicks,
      connections: CONNECTIONS,
      depth: DEPTH,
    });
    assertAll(load.byStatus, 302);
    await waitUntilCounted(runtime, size.clicks);
    const seconds = (performance.now() - startMs) / 1_000;
    const counters = size.isCounting
      ? ((await (await fetch(`${runtime.url}/bench/counters`)).json()) as Counters)
      : null;
    return {
      barePerSecond: bare.perSecond,
      countedPerSecond: size.clicks / seconds,
      acceptedPerSecond: load.answered / load.seconds,
      clicks: size.clicks,
      counters,
    };
  } finally {
    await runtime.stop();
  }
}

const SELECT_TOTALS = `SELECT coalesce(sum(valid), 0) AS valid, coalesce(sum(gross), 0) AS gross FROM facts_minute`;
const COUNTED_MAX_MS = 120_000;
const POLL_MS = 100;

async function waitUntilCounted({ database }: LocalRuntime, clicks: number): Promise<void> {
  const endsAtMs = Date.now() + COUNTED_MAX_MS;
  for (;;) {
    const totals = await database.prepare(SELECT_TOTALS).first<{ valid: number; gross: number }>();
    if (totals?.valid === clicks && totals.gross === clicks) return;
    if (Date.now() > endsAtMs) throw new Error(`of ${clicks} clicks the report shows ${JSON.stringify(totals)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function assertAll(byStatus: ReadonlyMap<number, number>, status: number): void {
  for (const [answered, count] of byStatus) {
    if (answered !== status) throw new Error(`${count} requests got ${answered} instead of ${status}`);
  }
}
