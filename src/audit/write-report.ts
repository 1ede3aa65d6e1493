/**
 * The report of an audit: what the steps found, without what was mended since or accepted by name.
 */
import { compareLogged } from "../core/audit-record.ts";
import { DISCREPANCY_KINDS, type DiscrepancyKind, isAcceptable } from "../core/discrepancy.ts";
import { isoDay } from "../core/time.ts";
import { type AcceptedLoss, type AuditReport, auditId, auditKey, type Found } from "./audit-report.ts";
import { type AuditOf, type AuditPorts, attemptsOf } from "./context.ts";
import { addCosts, type Cost } from "./cost.ts";
import { putFoldIndex } from "./folds.ts";
import { markAudited } from "./log-days.ts";
import {
  acceptedIn,
  foundPrefix,
  getJson,
  getLines,
  keysBelow,
  ofAttempts,
  putLines,
  putOnce,
  revisionsPrefix,
  type Seal,
  sealKey,
  workPrefix,
} from "./objects.ts";
import { recordsOfKey } from "./records.ts";
import type { Finding } from "./scan.ts";
import { doneKey, type ShardDone } from "./shard-audit.ts";
import { type RevisedEvent, tailKey } from "./tail.ts";

const EXAMPLES_MAX = 20;

/** Everything that the steps found and nobody has mended since, without what an operator accepted as lost. */
async function openFindings(
  { meter }: AuditPorts,
  of: AuditOf,
  working: readonly string[],
  attempts: ReadonlyMap<string, number>,
) {
  const { bucket } = meter;
  const revised = await revisionsOf(bucket, { of, working, attempts });
  const losses = await acceptedIn(bucket, of.day);
  const open = new Map<string, Finding>();
  const accepted = new Map<string, AcceptedLoss>();
  let mendedOn: string | null = null;
  for (const finding of await foundBy(bucket, of)) {
    const { kind, where, event, place } = finding;
    const last = event === undefined ? undefined : revised.get(copyOf(place?.shard, event));
    const isHeld = finding.withdrawn === undefined || (await isHeldByOwner(bucket, finding, attempts));
    if (last !== undefined && isHeld && isMendedBy(last, finding)) {
      const day = isoDay(last.loggedAtMs);
      if (day > of.day && day > (mendedOn ?? "")) mendedOn = day;
      continue;
    }
    const loss = losses.get(where);
    if (loss === undefined) open.set(`${kind} ${where}`, finding);
    else accepted.set(where, loss);
  }
  return { open: Array.from(open.values()), accepted: Array.from(accepted.values()), mendedOn };
}

/**
 * Whether the last revision of an event leaves nothing of a finding. What its log has withdrawn is its owner's to
 * judge; but a log that contradicts itself may count it still.
 */
function isMendedBy({ verdict }: RevisedEvent, { kind, to }: Finding): boolean {
  if (verdict === "deferred") return kind === "foreign_shard" || kind === "rules_unknown" || (to ?? null) !== null;
  return kind !== "foreign_shard" && verdict === to?.verdict;
}

/** Whether the owner of an event that another log gave up has logged it: else nobody counts it. */
async function isHeldByOwner(
  bucket: R2Bucket,
  { event, owner = "", withdrawn }: Finding,
  attempts: ReadonlyMap<string, number>,
): Promise<boolean> {
  if (withdrawn === undefined) return true;
  const records = await recordsOfKey(bucket, { shard: owner, attempts, ...withdrawn });
  return records.some((record) => record.event === event);
}

const copyOf = (shard: string | undefined, event: string) => `${shard} ${event}`;

/** What the steps found, but for deferred events by their scan: the check of claims says which of them still wait. */
async function foundBy(bucket: R2Bucket, of: AuditOf): Promise<Finding[]> {
  const prefix = foundPrefix(of.day, of.attempt);
  const found: Finding[] = [];
  for (const key of await keysBelow(bucket, prefix)) {
    const isScan = key.startsWith(`${prefix}scan-`);
    for (const finding of await getLines<Finding>(bucket, key)) {
      if (!isScan || finding.kind !== "unsettled") found.push(finding);
    }
  }
  return found;
}

/** The last revision of each event in each log that has one, in scanned days and behind them. */
async function revisionsOf(
  bucket: R2Bucket,
  { of, working, attempts }: { of: AuditOf; working: readonly string[]; attempts: ReadonlyMap<string, number> },
): Promise<ReadonlyMap<string, RevisedEvent>> {
  const last = new Map<string, RevisedEvent>();
  for (const shard of working) {
    const revised: RevisedEvent[] = [];
    const prefix = revisionsPrefix(shard);
    for (const key of ofAttempts(await keysBelow(bucket, prefix), prefix, attempts)) {
      revised.push(...(await getLines<RevisedEvent>(bucket, key)));
    }
    revised.push(...(await getLines<RevisedEvent>(bucket, `${tailKey({ ...of, shard })}.revised`)));
    for (const each of revised.sort(compareLogged)) last.set(copyOf(shard, each.event), each);
  }
  return last;
}

/** Writes the report once, and marks the day by it. */
export async function writeReport(
  ports: AuditPorts,
  of: AuditOf,
  { startedAtMs, working, cost }: { startedAtMs: number; working: readonly string[]; cost: Cost },
): Promise<void> {
  const { primary, clock, closeGraceMs } = ports;
  const { bucket } = ports.meter;
  const { day, attempt } = of;
  const attempts = await attemptsOf(ports, of);
  const { open, accepted, mendedOn } = await openFindings(ports, of, working, attempts);
  const seal = await getJson<Seal>(bucket, sealKey(day));
  const parts = await Promise.all(working.map((shard) => getJson<ShardDone>(bucket, doneKey({ ...of, shard }))));
  const done = parts.filter((part) => part !== null);
  await putLines(bucket, findingsKey(of), open);
  const report: AuditReport = {
    ...{ v: 1, id: auditId(day, attempt), day, attempt, outcome: open.length === 0 ? "clean" : "blocked" },
    ...{ sealedAtMs: seal?.sealedAtMs ?? 0, startedAtMs, endedAtMs: clock(), found: countOf(open) },
    ...{ accepted, mendedOn },
    folds: await putFoldIndex(bucket, of, done),
    cost: {
      ...addCosts([cost, ...done.map((part) => part.cost)]),
      events: done.reduce((sum, { events }) => sum + events, 0),
      segments: done.reduce((sum, { segments }) => sum + segments, 0),
    },
  };
  await markAudited(primary, await putOnce(bucket, auditKey(day, attempt), report), closeGraceMs);
}

/** All findings of an audit that stand open, for whoever mends them. */
export const findingsKey = ({ day, attempt }: AuditOf) => `${workPrefix(day, attempt)}open.ndjson`;

function countOf(open: readonly Finding[]): AuditReport["found"] {
  const found: Partial<Record<DiscrepancyKind, Found>> = {};
  for (const kind of Object.keys(DISCREPANCY_KINDS) as DiscrepancyKind[]) {
    const ofKind = open.filter((finding) => finding.kind === kind);
    if (ofKind.length === 0) continue;
    const examples = ofKind.slice(0, EXAMPLES_MAX).map(({ where, detail, advertiserId, event, to = null }) => ({
      ...{ kind, where, detail, acceptable: isAcceptable({ kind, to }) },
      ...(advertiserId === undefined ? {} : { advertiserId }),
      ...(event === undefined ? {} : { event }),
    }));
    found[kind] = { count: ofKind.length, examples };
  }
  return found;
}
