/**
 * The truth: what was sent and acknowledged, folded into figures; and what differs between it and the report.
 *
 * Keeps: the minute of a click is that of its receipt, which the click id in the redirect tells, or of the time that the
 * client reported; that of a pixel is the one in which it was sent and answered. The truth uses no rule of the Worker's
 * code.
 */
import {
  ALL,
  type Book,
  count,
  isoMinute,
  keysOf,
  LEVELS,
  METRICS,
  NOTHING,
  type Row,
  type Tallies,
} from "./figures.ts";
import type { AdIds } from "./requests.ts";
import type { Answer } from "./traffic.ts";

export type Refusals = { readonly expected: Map<string, number>; readonly answered: Map<string, number> };

export type Difference = { readonly what: string; readonly truth: number | null; readonly report: number | null };

/** A click that was answered with a click id, and what it is worth. */
export type CountedClick = {
  readonly clickId: string;
  /** Its place in the plan. */
  readonly impression: number;
  readonly ids: AdIds;
  /** The minute in which it is counted, as an ISO instant. */
  readonly minute: string;
  readonly receivedAtMs: number;
  readonly verdict: Verdict;
  readonly reason: string | null;
};

type Verdict = "valid" | "duplicate" | "invalid" | "late";
type Decision = { readonly verdict: Verdict; readonly reason: string | null };

/** No person clicks sooner after the token was made than this. */
const HUMAN_MS = 300;

export function noRefusals(): Refusals {
  return { expected: new Map(), answered: new Map() };
}

/**
 * Folds the traffic's answers. Requests that got another answer than expected are in `refusals`, and in no figure.
 * Returns the clicks that a landing page could hand on.
 */
export function addTraffic(answers: readonly Answer[], tallies: Tallies, refusals: Refusals): CountedClick[] {
  const clicks: CountedClick[] = [];
  const claimed = new Set<string>();
  const inOrder = answers.toSorted((a, b) => (a.receivedAtMs ?? 0) - (b.receivedAtMs ?? 0));
  for (const answer of inOrder) {
    const { planned, receivedAtMs, clickId } = answer;
    const { expect, ids, reportedAtMs } = planned;
    if (expect.kind === "refused") count(refusals.expected, `${expect.status} ${expect.problem}`);
    if (!isTaken(answer) || receivedAtMs === null) {
      count(refusals.answered, nameOf(answer));
      continue;
    }
    if (expect.kind === "refused" || expect.kind === "unseen") continue;
    const decision = decide(answer, receivedAtMs, claimed);
    const minute = isoMinute(reportedAtMs ?? receivedAtMs);
    const tally = tallies.at({ ...ids, minute });
    if (planned.type === "impression") {
      tally.sums.gross_impressions++;
      if (decision.verdict === "valid") tally.sums.impressions++;
      if (decision.reason !== null) count(tally.reasons, `impression.${decision.reason}`);
      continue;
    }
    addClick(tally, decision, planned);
    if (clickId !== null)
      clicks.push({ clickId, impression: planned.impression, ids, minute, receivedAtMs, ...decision });
  }
  return clicks;
}

/** Whether the request was answered as one that is counted: a click by a redirect, an impression by a pixel. */
function isTaken({ planned, status, isPixel }: Answer): boolean {
  return planned.type === "click" ? status === 302 : status === 200 && isPixel;
}

function nameOf({ status, problem }: Answer): string {
  return status === 0 ? "no answer" : `${status} ${problem ?? "no problem"}`;
}

/** What the request is worth by the demonstration's own rules. The first that claims an impression has it. */
function decide({ planned }: Answer, receivedAtMs: number, claimed: Set<string>): Decision {
  const { expect, type, impression } = planned;
  if (expect.kind === "counted") return { verdict: expect.verdict, reason: expect.reason };
  if (expect.kind === "soon" && receivedAtMs - expect.issuedAtMs < HUMAN_MS) {
    return { verdict: "invalid", reason: "too_fast" };
  }
  const key = `${type} ${impression}`;
  if (claimed.has(key)) return { verdict: "duplicate", reason: "same_impression" };
  claimed.add(key);
  return { verdict: "valid", reason: null };
}

function addClick(
  { sums, reasons, users }: ReturnType<Tallies["at"]>,
  { verdict, reason }: Decision,
  { cpcMicros, user }: Answer["planned"],
): void {
  sums.gross_clicks++;
  if (reason !== null) count(reasons, reason);
  if (verdict !== "valid") {
    sums[`${verdict}_clicks`]++;
    return;
  }
  sums.clicks++;
  sums.spend_micros += cpcMicros;
  if (user === null) return;
  sums.clicks_with_user++;
  users.add(user);
}

/** Every number in which the two books, or the expected and the answered refusals, are not the same. */
export function differencesBetween(truth: Book, report: Book, refusals: Refusals): Difference[] {
  const differences: Difference[] = [];
  const compare = (what: string, a: number | null, b: number | null) => {
    if (a !== b) differences.push({ what, truth: a, report: b });
  };
  const compareRows = (key: string, a: Row, b: Row) => {
    for (const metric of METRICS) compare(`${key} · ${metric}`, a.values[metric], b.values[metric]);
    for (const reason of keysOf(a.reasons, b.reasons)) {
      compare(`${key} · reason ${reason}`, a.reasons.get(reason) ?? 0, b.reasons.get(reason) ?? 0);
    }
  };
  for (const level of LEVELS) {
    for (const key of keysOf(truth[level], report[level])) {
      compareRows(key, truth[level].get(key) ?? NOTHING, report[level].get(key) ?? NOTHING);
    }
  }
  for (const refusal of keysOf(refusals.expected, refusals.answered)) {
    compare(`refused ${refusal}`, refusals.expected.get(refusal) ?? 0, refusals.answered.get(refusal) ?? 0);
  }
  return differences;
}

/** How many numbers are compared. */
export function comparedIn(truth: Book, report: Book, refusals: Refusals): number {
  let compared = keysOf(refusals.expected, refusals.answered).length;
  for (const level of LEVELS) {
    for (const key of keysOf(truth[level], report[level])) {
      const [a, b] = [truth[level].get(key) ?? NOTHING, report[level].get(key) ?? NOTHING];
      compared += METRICS.length + keysOf(a.reasons, b.reasons).length;
    }
  }
  return compared;
}

/** The row of everything. */
export function totalOf({ all }: Book): Row {
  return all.get(ALL) ?? NOTHING;
}
