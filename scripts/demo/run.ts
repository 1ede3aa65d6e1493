/**
 * One demonstration run: fresh Worker → planned traffic → complete report → truth beside report.
 *
 * Keeps: the report is read once, as soon as it says that it is complete; it gets no second chance to become right.
 */
import { randomBytes } from "node:crypto";
import { makeApiKey } from "../../src/access/api-keys.ts";
import { printFault, startRuntime } from "../local-runtime.ts";
import { loadAgents } from "./agents.ts";
import { differencesBetween, truthOf } from "./ledger.ts";
import { makeKeys, makePlan, PROBE_AD, probesIn } from "./plan.ts";
import { progressBar } from "./progress.ts";
import { readLedger, readReasons, waitUntilComplete, watchProbes } from "./report.ts";
import { type DemoResult, spreadOf } from "./result.ts";
import { keyRingOf } from "./tokens.ts";
import { type Answer, sendTraffic } from "./traffic.ts";

export type DemoOptions = { readonly clicks: number; readonly seed: number; readonly port: number };

/** Traffic takes this long, or longer where that would mean more than `RATE_MAX` requests a second. */
const DURATION_MS = 15_000;
const RATE_MAX = 800;
/** For making the plan, which needs to know when the traffic starts. */
const LEAD_MS = 1_000;
const LEAD_PER_CLICK_MS = 0.1;
const COMPLETE_MAX_MS = 40_000;
/** Late clicks report minutes that lie before the traffic. */
const LOOK_BACK_MS = 3_600_000;

export async function runDemo({ clicks, seed, port }: DemoOptions): Promise<DemoResult> {
  const beganAtMs = Date.now();
  const agents = loadAgents();
  const keys = makeKeys(seed);
  const apiKey = makeApiKey(randomBytes(32));
  const signingKid = keys.active[0]?.kid ?? "";
  const vars = { TOKEN_KEYS: keyRingOf(keys.active), TOKEN_SIGNING_KID: signingKid, ADMIN_API_KEY: apiKey };
  const runtime = await startRuntime({ port, vars, onLog: printFault });
  try {
    const startMs = Math.ceil(Date.now() + LEAD_MS + clicks * LEAD_PER_CLICK_MS);
    const durationMs = Math.max(DURATION_MS, (clicks / RATE_MAX) * 1_000);
    const plan = makePlan({ requests: clicks, seed, startMs, durationMs, agents, keys });
    const source = { url: runtime.url, apiKey };
    const probes = watchProbes(source, probesIn(clicks), startMs);
    const bar = progressBar("clicks", plan.length);
    const answers = await sendTraffic(plan, { url: runtime.url, startMs, onAnswer: bar.update });
    bar.end();
    const lastMs = Math.max(0, ...answers.map(({ receivedAtMs }) => receivedAtMs ?? 0));
    const isComplete = await waitUntilComplete(source, lastMs, COMPLETE_MAX_MS);
    await probes.stop();
    const report = await readLedger(source, startMs - LOOK_BACK_MS, lastMs);
    for (const [reason, total] of await readReasons(runtime.database)) report.byReason.set(reason, total);
    const { ledger: truth, refusals } = truthOf(answers);
    return {
      seed,
      requests: plan.length,
      truth,
      report,
      refusals,
      differences: differencesBetween(truth, report, refusals),
      isComplete,
      redirectMs: spreadOf(answers.filter(({ status }) => status === 302).map(({ latencyMs }) => latencyMs)),
      freshnessMs: spreadOf(freshnessOf(answers, probes.seenAtMs)),
      agents,
      tookMs: Date.now() - beganAtMs,
    };
  } finally {
    await runtime.stop();
  }
}

/** From receipt to the first report that shows it, for each probe that was seen. */
function freshnessOf(answers: readonly Answer[], seenAtMs: ReadonlyMap<string, number>): number[] {
  return answers.flatMap(({ planned: { adId }, receivedAtMs }) => {
    const seen = adId.startsWith(PROBE_AD) ? seenAtMs.get(adId) : undefined;
    return seen === undefined || receivedAtMs === null ? [] : [seen - receivedAtMs];
  });
}
