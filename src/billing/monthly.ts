/**
 * Statements by cron: each tenant's next month, as soon as its days are reconciled and their evidence is made.
 *
 *   monthly-statements/v1/pass.json   {"after":"adv=adv_7","waiting":2}   how far a pass over all tenants is
 *   monthly-statements/v1/pub=<id>/cur=EUR.json   {"nothingUntil":"2026-03-01T00:00:00Z"}   a chain that is not begun
 *
 * A pass takes the tenants in their order, some each time. A tenant's month ends with the local month that holds the
 * first instant that no statement covers, in the zone that its profile has then. What is still to be reconciled waits
 * for a later pass; a month that should be reconciled and is not is told. A publisher's chain in a currency begins when
 * a month has clicks in it: its months are looked at once each, together with what came late into the one before.
 *
 * Keeps: idempotent, killed anywhere: a month that is issued is behind the last statement, a draft is finalised once.
 * Relies on: draftStatement and finalizeDraft refusing what is not reconciled.
 */
import { getJson, putJson } from "../audit/objects.ts";
import { DAY_MS, MINUTE_MS, SERVICE_DAYS_BEFORE } from "../core/limits.ts";
import { isoDay, isoSecond } from "../core/time.ts";
import { cleanDays, isMadeThrough } from "../evidence/due.ts";
import { dateMinute, datesOf, toZone, type Zone } from "../report/query/zone.ts";
import { type Billed, type BillingPorts, draftStatement, finalizeDraft, firstDay } from "./issue.ts";
import { type Owner, ownerPath, spellNumber } from "./owner.ts";
import { readStatements } from "./statement.ts";

/** Tenants that one call looks at, and months of one that it issues at most. */
const TENANTS_AT_ONCE = 20;
const MONTHS_AT_ONCE = 3;
/** So long after its end and the grace a month that is not reconciled is told. */
const PATIENCE_MS = DAY_MS;

const PASS_KEY = "monthly-statements/v1/pass.json";
type Pass = { readonly after: string; readonly waiting: number };

const lookedKey = (owner: Owner) => `monthly-statements/v1/${ownerPath(owner)}.json`;
type Looked = { readonly nothingUntil: string };

export type MonthlyPorts = BillingPorts & {
  /** All tenants that statements are issued to, in the order of their paths. */
  readonly tenants: () => Promise<readonly Billed[]>;
};

export type Monthly = {
  /** `adv=adv_1 000003` */
  readonly issued: readonly string[];
  /** Tenants whose month is long over and not reconciled; told when a pass is over. */
  readonly waiting: number | null;
};

/** Issues what is due to the next tenants of the pass. */
export async function issueMonths(ports: MonthlyPorts): Promise<Monthly> {
  const { bucket, primary, graceMs } = ports;
  const { clean, reconciledUntilMs } = await cleanDays(primary, graceMs);
  if (!(await isMadeThrough(bucket, clean))) return { issued: [], waiting: null };
  const pass = (await getJson<Pass>(bucket, PASS_KEY)) ?? { after: "", waiting: 0 };
  const left = (await ports.tenants()).filter(({ owner }) => ownerPath(owner) > pass.after);
  const some = left.slice(0, TENANTS_AT_ONCE);
  const issued: string[] = [];
  let { waiting } = pass;
  for (const tenant of some) {
    const { numbers, isWaiting } = await issueTo(ports, tenant, reconciledUntilMs);
    issued.push(...numbers.map((number) => `${ownerPath(tenant.owner)} ${spellNumber(number)}`));
    if (isWaiting) waiting++;
  }
  const last = some.at(-1);
  const isOver = last === undefined || left.length === some.length;
  await putJson(bucket, PASS_KEY, isOver ? { after: "", waiting: 0 } : { after: ownerPath(last.owner), waiting });
  return { issued, waiting: isOver ? waiting : null };
}

/** Issues a tenant's months that are reconciled. */
async function issueTo(
  ports: BillingPorts,
  tenant: Billed,
  reconciledUntilMs: number,
): Promise<{ numbers: number[]; isWaiting: boolean }> {
  const { bucket, graceMs, nowMs } = ports;
  const zone = toZone(tenant.timeZone);
  const numbers: number[] = [];
  if (zone === null) return { numbers, isWaiting: true };
  for (let months = 0; months < MONTHS_AT_ONCE; months++) {
    const last = (await readStatements(bucket, tenant.owner)).at(-1)?.statement;
    const beginsMs = last === undefined ? await firstInstant(ports, tenant.owner, zone) : Date.parse(last.to);
    if (beginsMs === null) break;
    const toMs = monthEnd(beginsMs, zone);
    if (toMs > reconciledUntilMs) return { numbers, isWaiting: toMs + graceMs + PATIENCE_MS < nowMs };
    if (last === undefined && "publisherId" in tenant.owner) {
      // A click counts so long before it was received at most, so one of the month before may have come since.
      const from = isoSecond(beginsMs - SERVICE_DAYS_BEFORE * DAY_MS);
      const earned = await draftStatement(ports, tenant, { from, to: isoSecond(toMs) });
      if (!earned.ok) return { numbers, isWaiting: true };
      if (earned.value.content.totals.gross === 0) {
        await putJson(bucket, lookedKey(tenant.owner), { nothingUntil: isoSecond(toMs) } satisfies Looked);
        continue;
      }
    }
    const draft = await draftStatement(ports, tenant, { to: isoSecond(toMs) });
    // A profile without a currency, or a day that was blocked meanwhile.
    if (!draft.ok) return { numbers, isWaiting: true };
    const issued = await finalizeDraft(ports, draft.value.id);
    if (!issued.ok) return { numbers, isWaiting: true };
    numbers.push(issued.value.stored.statement.number);
  }
  return { numbers, isWaiting: false };
}

/** The first instant of which an owner without a statement may have one; null where it has no evidence. */
async function firstInstant({ bucket }: BillingPorts, owner: Owner, zone: Zone): Promise<number | null> {
  const looked = "publisherId" in owner ? await getJson<Looked>(bucket, lookedKey(owner)) : null;
  if (looked !== null) return Date.parse(looked.nothingUntil);
  return (await firstDay(bucket, owner, zone))?.beginsMs ?? null;
}

/** The end of the local month that holds an instant. */
export function monthEnd(atMs: number, zone: Zone): number {
  const minute = Math.floor(atMs / MINUTE_MS);
  const [date = isoDay(atMs)] = datesOf(minute, minute + 1, zone);
  const [year = 0, month = 0] = date.split("-").map(Number);
  const next = isoDay(Date.UTC(year, month, 1));
  return (dateMinute(next, zone) ?? 0) * MINUTE_MS;
}
