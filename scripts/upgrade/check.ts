/**
 * Two versions side by side over the demonstration's traffic, on one state, through an upgrade and back:
 *
 *   phase     core (queues, objects, cron, reports)     edges (clicks, pixels, orders)
 *   before    the version before                        the version before
 *   upgrade   this version, its migrations applied      both, request by request
 *   back      the version before                        both
 *
 * Keeps: every phase also sends again a part of what the phases before it counted, which has to be duplicate, whoever
 * claimed it. So each version reads the messages, the objects' storage, the tables and the archive of the other. The truth
 * is the demonstration's own; 0 differences is the only pass.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeOperatorKey } from "../../src/access/api-keys.ts";
import { loadAgents } from "../demo/agents.ts";
import { sendOrders } from "../demo/conversions.ts";
import { Tallies } from "../demo/figures.ts";
import {
  addTraffic,
  type CountedClick,
  comparedIn,
  type Difference,
  differencesBetween,
  noRefusals,
} from "../demo/ledger.ts";
import { addOrder } from "../demo/orders.ts";
import { makeKeys, makePlan } from "../demo/plan.ts";
import { planOrders } from "../demo/purchases.ts";
import { readBook, waitUntilComplete } from "../demo/report.ts";
import type { PlannedRequest } from "../demo/requests.ts";
import { makeTenants, type Tenants } from "../demo/tenants.ts";
import { keyRingOf } from "../demo/tokens.ts";
import { type Answer, sendTraffic } from "../demo/traffic.ts";
import { type LocalRuntime, printFault, startRuntime, type Version } from "../local-runtime.ts";
import { readWanted } from "../platform/wanted.ts";
import { edgeOf } from "./edge.ts";

export type UpgradeOptions = {
  readonly before: Version;
  readonly now: Version;
  readonly clicks: number;
  readonly seed: number;
  /** How long a phase's traffic takes. */
  readonly phaseMs: number;
  /** Fewer than all, where a test has no time. */
  readonly phases?: readonly PhaseName[];
};
export type UpgradeResult = {
  readonly clicks: number;
  readonly again: number;
  readonly orders: number;
  readonly compared: number;
  readonly differences: readonly Difference[];
  /** Phases after which something was still under way. */
  readonly incomplete: readonly string[];
};

const PHASES = ["before", "upgrade", "back"] as const;
export type PhaseName = (typeof PHASES)[number];

const LEAD_MS = 700;
const CARRIED_MAX_MS = 60_000;
/** Of a phase's requests, one in so many of those before is sent again. */
const AGAIN_EVERY = 4;
const FIRST_ORDER = 1_000;
const LOOK_BACK_MS = 3_600_000;
/** Stations post sooner than in a deployment, so that a phase ends soon. */
const SOON = { FLUSH_INTERVAL_MS: "300", SUBMISSION_FLUSH_INTERVAL_MS: "300", ARCHIVE_INTERVAL_MS: "1000" };
const STILL_MS = 2_000;

export async function checkUpgrade(options: UpgradeOptions): Promise<UpgradeResult> {
  const statePath = await mkdtemp(join(tmpdir(), "clickledger-upgrade-"));
  const keys = makeKeys(options.seed);
  const apiKey = makeOperatorKey(randomBytes(32));
  const vars = {
    ...{ TOKEN_KEYS: keyRingOf(keys.active), TOKEN_SIGNING_KID: keys.active[0]?.kid ?? "", ADMIN_API_KEY: apiKey },
    ...{ EVIDENCE_LOG_KEYS: "[]", SESSION_KEYS: randomBytes(32).toString("base64url"), ...SOON },
  };
  const run = new Run({ ...options, statePath, vars, keys, apiKey });
  try {
    for (const phase of options.phases ?? PHASES) await run.phase(phase);
    return run.result();
  } finally {
    await rm(statePath, { recursive: true, force: true });
  }
}

type RunOptions = UpgradeOptions & {
  readonly statePath: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly keys: ReturnType<typeof makeKeys>;
  readonly apiKey: string;
};

class Run {
  readonly #options: RunOptions;
  readonly #agents = loadAgents();
  readonly #answers: Answer[] = [];
  readonly #incomplete: string[] = [];
  #again = 0;
  #tenants: Tenants | null = null;
  #last: Pick<UpgradeResult, "orders" | "compared" | "differences"> = { orders: 0, compared: 0, differences: [] };
  /** Orders of the phases so far are settled once. */
  readonly #ordered = new Set<string>();
  readonly #orders: ReturnType<typeof planOrders>[number][] = [];
  readonly #refusals = noRefusals();
  #phases = 0;
  #fromMs = 0;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  async phase(name: PhaseName): Promise<void> {
    const { before, now, vars, statePath, apiKey } = this.#options;
    const core = name === "upgrade" ? now : before;
    const about = { core: (await readWanted()).worker, vars };
    const edges = {
      "edge-before": await edgeOf(before, about),
      ...(name === "before" ? {} : { "edge-now": await edgeOf(now, about) }),
    };
    const runtime = await startRuntime({ ...core, statePath, vars, neighbours: edges, onLog: printFault });
    try {
      const source = { url: runtime.url, apiKey };
      this.#tenants ??= await makeTenants(source);
      const urls = Object.keys(edges).map((edge) => runtime.neighbourUrls[edge] ?? "");
      await this.#send(urls);
      if (!(await runtime.waitUntilCarried(CARRIED_MAX_MS))) this.#incomplete.push(`${name}: clicks`);
      await this.#settle(name, runtime, urls);
    } finally {
      await runtime.stop();
    }
  }

  result(): UpgradeResult {
    const clicks = this.#answers.filter(({ planned }) => planned.type === "click").length;
    return { clicks, again: this.#again, incomplete: this.#incomplete, ...this.#last };
  }

  /** A phase's own traffic, and some of what was sent before, over all edges in turn. */
  async #send(urls: readonly string[]): Promise<void> {
    const { clicks, seed, phaseMs, keys, phases = PHASES } = this.#options;
    const startMs = Date.now() + LEAD_MS;
    if (this.#fromMs === 0) this.#fromMs = startMs;
    const phase = this.#phases++;
    // One plan for all phases, made anew for the times of each: of its impressions every phase has its own.
    const own = makePlan({
      ...{ clicks, seed, startMs, durationMs: phaseMs, agents: this.#agents, keys },
    }).filter(({ impression }) => impression % phases.length === phase);
    const again = this.#answers
      .filter(({ planned, status }) => isRepeatable(planned) && status > 0)
      .filter((_, index) => index % AGAIN_EVERY === 0)
      .map(({ planned }, index, { length }) => ({ ...planned, atMs: (index / length) * phaseMs }));
    this.#again += again.length;
    const plan = [...own, ...again].sort((a, b) => a.atMs - b.atMs);
    const shares = urls.map((url, at) => ({ url, plan: plan.filter((_, index) => index % urls.length === at) }));
    const sent = shares.map((share) => sendTraffic(share.plan, { ...share, startMs, onAnswer: () => {} }));
    this.#answers.push(...(await Promise.all(sent)).flat());
  }

  /** Orders for the clicks that are new, by each edge in turn; then truth beside report. */
  async #settle(name: string, { url }: LocalRuntime, urls: readonly string[]): Promise<void> {
    const { seed, apiKey } = this.#options;
    const { advertisers } = this.#tenants as Tenants;
    const tallies = new Tallies();
    const refusals = { expected: new Map(this.#refusals.expected), answered: new Map(this.#refusals.answered) };
    const clicked = addTraffic(this.#answers, tallies, refusals);
    const isNew = ({ clickId }: CountedClick) => !this.#ordered.has(clickId);
    const orders = planOrders(clicked.filter(isNew), {
      ...{ seed: seed + this.#phases, nowMs: Date.now(), firstOrder: FIRST_ORDER + this.#orders.length },
    });
    for (const { clickId } of clicked) this.#ordered.add(clickId);
    for (const [at, edge] of urls.entries()) {
      const share = orders.filter((_, index) => index % urls.length === at);
      await sendOrders(share, { url: edge, advertisers }, this.#refusals);
    }
    this.#orders.push(...orders);
    for (const order of this.#orders) addOrder(order, tallies);
    const untilMs = Date.now();
    const source = { url, apiKey };
    const range = { fromMs: this.#fromMs - LOOK_BACK_MS, untilMs };
    const isComplete = await waitUntilComplete(source, { ...range, timeoutMs: CARRIED_MAX_MS, stillMs: STILL_MS });
    if (!isComplete) this.#incomplete.push(`${name}: report`);
    const tenants = Array.from(advertisers.values(), (advertiser) => advertiser.apiKey);
    const report = await readBook(source, tenants, { fromMs: range.fromMs, toMs: untilMs });
    const all = addAll(refusals, this.#refusals);
    const truth = tallies.toBook();
    const differences = differencesBetween(truth, report, all).map((one) => ({ ...one, what: `${name}: ${one.what}` }));
    this.#last = {
      ...{ orders: this.#orders.length, compared: this.#last.compared + comparedIn(truth, report, all) },
      differences: [...this.#last.differences, ...differences],
    };
  }
}

/** What counts by when it comes first: the same request later is a duplicate. */
function isRepeatable({ type, expect, reportedAtMs }: PlannedRequest): boolean {
  return type === "click" && expect.kind === "claims" && reportedAtMs === null;
}

type Refusals = ReturnType<typeof noRefusals>;

function addAll(one: Refusals, other: Refusals): Refusals {
  const sum = (a: Map<string, number>, b: Map<string, number>) => {
    const added = new Map(a);
    for (const [name, count] of b) added.set(name, (added.get(name) ?? 0) + count);
    return added;
  };
  return { expected: sum(one.expected, other.expected), answered: sum(one.answered, other.answered) };
}
