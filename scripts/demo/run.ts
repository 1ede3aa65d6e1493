/**
 * One demonstration run: fresh Worker → tenants → planned clicks and pixels → uploaded counts → orders → complete report
 * → truth beside report → what DuckDB makes of the raw archive beside report → the day tampered with and closed → its
 * statements, verified by a stranger.
 *
 * Keeps: the report is read once, as soon as it is complete; it gets no second chance to become right.
 */
import { randomBytes } from "node:crypto";
import { makeOperatorKey } from "../../src/access/api-keys.ts";
import { formatVerifierKey, noteSigner } from "../../src/core/signed-note.ts";
import { type LocalRuntime, printFault, startRuntime } from "../local-runtime.ts";
import { loadAgents } from "./agents.ts";
import { billAndProve } from "./billing.ts";
import { closeDay } from "./closing.ts";
import { sendOrders } from "./conversions.ts";
import { isoMinute, Tallies } from "./figures.ts";
import { addTraffic, comparedIn, differencesBetween, noRefusals } from "./ledger.ts";
import type { Left } from "./left.ts";
import { askOracle, disputedEvents } from "./opinion.ts";
import { addOrder } from "./orders.ts";
import { makeKeys, makePlan, PROBE_AD, probesIn, requestsFor } from "./plan.ts";
import { progressBar } from "./progress.ts";
import { planOrders } from "./purchases.ts";
import { readBook, waitUntilComplete, watchProbes } from "./report.ts";
import { type DemoResult, spreadOf } from "./result.ts";
import { makeTenants } from "./tenants.ts";
import { keyRingOf, publicKeysOf, type SigningKey } from "./tokens.ts";
import { type Answer, sendTraffic } from "./traffic.ts";
import { planUploads, sendUploads } from "./uploads.ts";

export type DemoOptions = { readonly clicks: number; readonly seed: number; readonly port: number };
export type WhenDone = (result: DemoResult, left: Left) => Promise<void>;

/** Traffic takes this long, or longer where that would mean more than `RATE_MAX` requests a second. */
const DURATION_MS = 20_000;
const RATE_MAX = 700;
/** For making the plan, which needs to know when the traffic starts. */
const LEAD_MS = 1_000;
const LEAD_PER_REQUEST_MS = 0.1;
const COMPLETE_MAX_MS = 60_000;
/** Late clicks report minutes that lie before the traffic. */
const LOOK_BACK_MS = 3_600_000;
const DAY_MS = 86_400_000;
const LOG_NAME = "demo/evidence";

/** Runs, and hands over the result while the Worker still answers. */
export async function runDemo({ clicks, seed, port }: DemoOptions, whenDone: WhenDone): Promise<void> {
  const beganAtMs = Date.now();
  const keys = makeKeys(seed);
  const apiKey = makeOperatorKey(randomBytes(32));
  const signingKid = keys.active[0]?.kid ?? "";
  const logSeed = randomBytes(32);
  const vars = {
    ...{ TOKEN_KEYS: keyRingOf(keys.active), TOKEN_SIGNING_KID: signingKid, ADMIN_API_KEY: apiKey },
    EVIDENCE_LOG_KEYS: JSON.stringify([{ name: LOG_NAME, seed: logSeed.toString("base64url") }]),
    SESSION_KEYS: randomBytes(32).toString("base64url"),
    // Its day is closed before it is over.
    CLOSE_GRACE_H: "0",
    // Facts are tampered with where they stand for good.
    POST_INTERVAL_MS: "0",
    // The archive is asked at the end, and nobody wants to wait a minute for its last segments.
    ARCHIVE_INTERVAL_MS: "5000",
  };
  const runtime = await startRuntime({ port, vars, onLog: printFault, entry: "src/demo/tampered-worker.ts" });
  try {
    const logKey = formatVerifierKey((await noteSigner(LOG_NAME, logSeed)).key);
    const { result, left } = await runOn(runtime, { clicks, seed, apiKey, keys, logKey, beganAtMs });
    await whenDone(result, left);
  } finally {
    await runtime.stop();
  }
}

type Stage = Pick<DemoOptions, "clicks" | "seed"> & {
  readonly apiKey: string;
  readonly keys: ReturnType<typeof makeKeys>;
  /** Which signs the evidence log. */
  readonly logKey: string;
  readonly beganAtMs: number;
};

async function runOn(runtime: LocalRuntime, stage: Stage): Promise<{ result: DemoResult; left: Left }> {
  const { clicks, seed, apiKey, keys, logKey, beganAtMs } = stage;
  const { url } = runtime;
  const source = { url, apiKey };
  const agents = loadAgents();
  const tenants = await makeTenants(source);
  const { advertisers, adServerKey } = tenants;
  const requests = requestsFor(clicks);
  const durationMs = Math.max(DURATION_MS, (requests / RATE_MAX) * 1_000);
  const startMs = withinOneDay(Math.ceil(Date.now() + LEAD_MS + requests * LEAD_PER_REQUEST_MS), durationMs);
  const plan = makePlan({ clicks, seed, startMs, durationMs, agents, keys });

  const probes = watchProbes(source, probesIn(clicks), startMs);
  const bar = progressBar("requests", plan.length);
  const answers = await sendTraffic(plan, { url, startMs, onAnswer: bar.update });
  bar.end();
  const tallies = new Tallies();
  const refusals = noRefusals();
  const clicked = addTraffic(answers, tallies, refusals);

  const minutes = [...new Set(plan.map(({ atMs }) => isoMinute(startMs + atMs)))];
  const uploads = planUploads({ clicks, seed, minutes });
  const uploaded = await sendUploads(uploads, { url, apiKey: adServerKey }, { tallies, refusals });
  const orders = planOrders(clicked, { seed, nowMs: Date.now() });
  await sendOrders(orders, { url, advertisers }, refusals);
  for (const order of orders) addOrder(order, tallies);

  const untilMs = Date.now();
  const fromMs = startMs - LOOK_BACK_MS;
  const isComplete = await waitUntilComplete(source, { fromMs, untilMs, timeoutMs: COMPLETE_MAX_MS });
  await probes.stop();
  const advertiserKeys = Array.from(advertisers.values(), (advertiser) => advertiser.apiKey);
  const report = await readBook(source, advertiserKeys, { fromMs, toMs: untilMs });
  const truth = tallies.toBook();
  const oracle = await askOracle(runtime, source, { fromMs, toMs: untilMs });
  const closing = await closeDay(runtime, source, { key: keys.active[0] as SigningKey, tallies });
  const readAgain = await readBook(source, advertiserKeys, { fromMs, toMs: untilMs });
  const truthAfter = tallies.toBook();
  const disputedAfter = await disputedEvents(runtime, source, closing.accepted);
  const tokenKeys = publicKeysOf(keys.active);
  const elsewhere = closing.tampered.flatMap((one) => one.elsewhere ?? []);
  const bills = { tenants, day: closing.day, logKey, tokenKeys, truth: truthAfter.advertiser_id, elsewhere };
  const { billing, overAtMs } = await billAndProve(runtime, source, bills);
  const clickAnswers = answers.filter(({ planned }) => planned.type === "click");
  const result = {
    seed,
    sent: {
      clicks: clickAnswers.length,
      pixels: answers.length - clickAnswers.length,
      pixelsRefused: plan.filter(({ expect }) => expect.kind === "unseen").length,
      impressionsUploaded: uploaded,
      orders: orders.length,
    },
    truth,
    report,
    refusals,
    differences: differencesBetween(truth, report, refusals),
    compared: comparedIn(truth, report, refusals),
    oracle,
    closing,
    differencesAfter: differencesBetween(truthAfter, readAgain, refusals),
    comparedAfter: comparedIn(truthAfter, readAgain, refusals),
    disputedAfter,
    billing,
    isComplete,
    redirectMs: spreadOf(clickAnswers.filter(({ status }) => status === 302).map(({ latencyMs }) => latencyMs)),
    freshnessMs: spreadOf(freshnessOf(clickAnswers, probes.seenAtMs)),
    agents,
    tookMs: Date.now() - beganAtMs,
  };
  return { result, left: { url, billKeys: tenants.billKeys, logKey, tokenKeys, overAtMs } };
}

/** The same instant, or the next day's start where the traffic would reach into it: a person is counted once a day. */
function withinOneDay(startMs: number, durationMs: number): number {
  const nextDayMs = (Math.floor(startMs / DAY_MS) + 1) * DAY_MS;
  return startMs + 2 * durationMs < nextDayMs ? startMs : Math.max(startMs, nextDayMs);
}

/** From receipt to the first report that shows it, for each probe that was seen. */
function freshnessOf(answers: readonly Answer[], seenAtMs: ReadonlyMap<string, number>): number[] {
  return answers.flatMap(({ planned: { ids }, receivedAtMs }) => {
    const seen = ids.adId.startsWith(PROBE_AD) ? seenAtMs.get(ids.adId) : undefined;
    return seen === undefined || receivedAtMs === null ? [] : [seen - receivedAtMs];
  });
}
