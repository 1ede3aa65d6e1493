/**
 * The report databases as the report reads them: a snapshot of each that may hold what is asked, added up as one.
 *
 *   directory ─▶ databases ─▶ marks of each ─▶ plan ─▶ its weight
 *     ─▶ of its range, where it is dear, as much as a page needs (first-windows.ts)
 *     ─▶ a snapshot of each (snapshot.ts), or one in slices (sliced.ts)
 *     ─▶ minutes of objects in R2 ─▶ sketches, where they are long ─▶ groups
 *
 * Keeps: a snapshot is one transaction of one database, or slices of which none has changed since it was read, and an
 * advertiser's rows stand in one database, so the figures of each advertiser are of one moment; those of two
 * advertisers may be some moments apart. Long sketches are read on in further steps: they only grow, and a user that is
 * read twice counts once. Where minutes were moved meanwhile, so that plan or sketches may have missed some, all is
 * read again.
 * Relies on: an advertiser is assigned before anything of it is posted (src/facts/directory.ts), and the watermark is
 * read before the directory: whatever the watermark speaks for is assigned by then.
 */

import { DatabaseFault, fromDatabase } from "../../access/database.ts";
import type { ReadScope } from "../../access/read-scope.ts";
import type { SliceTurns } from "../../access/slice-line.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { Directory } from "../../facts/directory.ts";
import { GROUPS_MAX, SLICE_WEIGHT } from "../limits.ts";
import { type Segment, slicedPage, wholePage } from "../plan/plan.ts";
import { hourSumsFor } from "../plan/sources.ts";
import {
  type Ask,
  advertisersOf,
  bucketsOf,
  type DatabaseMarks,
  planAsks,
  segmentsRead,
  sharesOf,
} from "../plan/subqueries.ts";
import type { ReportProblem } from "../problems.ts";
import { type CurrencySource, namesCurrency, nothingRead, putCurrency, takeCurrency } from "../query/currency.ts";
import type { ReportQuery } from "../query/query.ts";
import { COLD_ROWS_MAX, type ColdReading, movedReads, readColdGroups, uniteUsers } from "./cold-minutes.ts";
import { plotsOf, weigh } from "./cutting.ts";
import { FirstWindows } from "./first-windows.ts";
import { type Cutting, cutGroups, type Group, keyOf, sumGroups } from "./groups.ts";
import type { KeyAfter } from "./segments-sql.ts";
import { readSketches, type SketchPlace } from "./sketches.ts";
import { readSliced } from "./sliced.ts";
import { hasMoved, type PartRead, readMarks, readSnapshot, type Snapshot } from "./snapshot.ts";

/** Readings that minutes may be moved under before the caller is asked to come again. */
const READINGS_MAX = 5;

/** What was read for a query. */
export type Reading = Cutting & {
  readonly segments: readonly Segment[];
  readonly rowsRead: number;
  /** One group over the whole query, or none where nothing was counted; null unless asked. */
  readonly totals: readonly Group[] | null;
  /** The same of the previous period. */
  readonly previous: { readonly groups: readonly Group[]; readonly totals: readonly Group[] } | null;
};

export type ReportSources = {
  readonly directory: Pick<Directory, "databasesOf">;
  readonly bucket: R2Bucket;
  readonly currencies: CurrencySource;
  /** Told of rows that were decoded from objects; those of databases are counted by the databases. */
  readonly charge?: (rows: number) => void;
  /** Asked where a report is read in slices. */
  readonly turns?: (database: D1Database) => SliceTurns;
  /** What a slice may weigh, where it is not as ever. */
  readonly sliceWeight?: number | undefined;
};
/** `nowMs` is when it is asked. */
type Asked = {
  readonly query: ReportQuery;
  readonly scope: ReadScope;
  readonly after: KeyAfter | null;
  readonly nowMs: number;
};
type Places = Omit<ReportSources, "directory" | "currencies"> & { readonly databases: readonly D1Database[] };

/** What a query asks for, within a scope and behind a key. Throws DatabaseFault. */
export async function readReport(sources: ReportSources, asked: Asked): Promise<Result<Reading, ReportProblem>> {
  const { currencies } = sources;
  const { query } = asked;
  if (!namesCurrency(query)) return readFacts(sources, asked);
  for (let readings = 0; readings < READINGS_MAX; readings++) {
    const { of, only } = await fromDatabase(currencies.read);
    if (only === null) return readFacts(sources, { ...asked, query: { ...query, currencies: of } });
    const { isEmpty, ...taken } = takeCurrency(query, asked.after, only);
    if (isEmpty) return ok(nothingRead(query));
    const reading = await readFacts(sources, { ...asked, ...taken });
    if (!reading.ok) return reading;
    if (await fromDatabase(() => currencies.areAll(only))) return ok(putCurrency(reading.value, query, only));
  }
  throw new DatabaseFault("currencies changed under every reading");
}

async function readFacts(
  { directory, ...places }: Omit<ReportSources, "currencies">,
  asked: Asked,
): Promise<Result<Reading, ReportProblem>> {
  const databases = await fromDatabase(() => directory.databasesOf(lookedUp(asked)));
  for (let readings = 0; readings < READINGS_MAX; readings++) {
    const reading = await readOnce({ ...places, databases }, asked);
    if (reading !== "moved") return reading;
  }
  throw new DatabaseFault("minutes were moved under every reading");
}

/**
 * The advertisers whose databases are read; null for all. Under a key with an owner no filter has a say, so that a
 * foreign and an unknown id are the same work: an advertiser's key reads its own database, a publisher's key all.
 */
function lookedUp({ query, scope }: Asked): readonly string[] | null {
  return scope.publisherId === null ? advertisersOf(query, scope) : null;
}

/** The databases with their marks, which all that is planned of one reading is planned by. */
type Known = { readonly database: D1Database; readonly marks: DatabaseMarks; readonly rowsRead: number };

async function readOnce(places: Places, asked: Asked): Promise<Result<Reading, ReportProblem> | "moved"> {
  const buckets = bucketsOf(asked.query, asked.scope);
  const known = await Promise.all(
    places.databases.map(async (database) => ({
      database,
      ...(await readMarks(database, buckets, hourSumsFor(asked))),
    })),
  );
  const marks = known.map((one) => one.marks);
  const whole = await weighAsks(asked, known, places);
  const first = whole.weights.some((weight) => isDearer(weight, places)) ? FirstWindows.of(whole.of) : null;
  let rowsRead = known.reduce((sum, one) => sum + one.rowsRead, 0);
  for (let range = first?.range ?? null; ; range = first?.range ?? null) {
    const part = range === null ? asked : { ...asked, query: { ...asked.query, range } };
    const asks = range === null ? whole : await weighAsks(part, known, places);
    const reading = await readAsks(asks, known, { places, asked: part });
    if (reading === "moved" || !reading.ok) return reading;
    rowsRead += reading.value.rowsRead;
    if (range === null || reading.value.isCut) {
      const [main] = whole.of;
      const segments = main === undefined ? [] : segmentsRead(main, marks);
      return ok({ ...reading.value, segments, rowsRead });
    }
    first?.widen(reading.value.groups.length);
  }
}

/** What is planned and weighed, read. */
async function readAsks(
  asks: Weighed,
  known: readonly Known[],
  { places, asked: { query, scope } }: { readonly places: Places; readonly asked: Asked },
): Promise<Result<Omit<Reading, "segments">, ReportProblem> | "moved"> {
  const buckets = bucketsOf(query, scope);
  const looks = await Promise.all(
    known.map(async ({ database, marks: { cold } }, at) => {
      const ask = { database, shares: sharesOf(asks.of, at), scope, buckets, since: cold };
      const turns = places.turns?.(database) ?? NO_TURNS;
      const isDear = isDearer(asks.weights[at] ?? null, places);
      const snapshot = isDear
        ? await readSliced({ ...ask, turns, weightMax: weightMaxOf(places), weight: asks.weights[at] ?? null })
        : ok(await readSnapshot(database, ask.shares, ask));
      return { snapshot, place: { database, turn: isDear ? turns.next : NO_TURNS.next } };
    }),
  );
  const snapshots: (Snapshot & { readonly place: SketchPlace })[] = [];
  for (const { snapshot, place } of looks) {
    if (!snapshot.ok) return snapshot;
    if (snapshot.value === "moved") return "moved";
    snapshots.push({ ...snapshot.value, place });
  }

  let rowsRead = snapshots.reduce((sum, one) => sum + one.rowsRead, 0);
  const summed: Group[][] = [];
  for (const [index, ask] of asks.of.entries()) {
    const parts = snapshots.map(({ parts, place }) => ({ ...(parts[index] ?? NOTHING), ...place }));
    const moved = parts.map(({ objects }, at) => ({ objects, reads: movedReads(ask.reads[at] ?? []) }));
    const cold = await readColdGroups(places.bucket, moved, { ...ask, scope });
    places.charge?.(cold.ok ? cold.value.cost.rows : COLD_ROWS_MAX);
    if (!cold.ok) return cold;
    const added = await addUp(parts, ask, cold.value);
    if (!added.ok) return added;
    rowsRead += cold.value.cost.rows + added.value.rowsRead;
    summed.push(added.value.groups);
  }
  if (query.metrics.includes("unique_users")) {
    const moves = await Promise.all(snapshots.map(({ place, cold }) => hasMoved(place.database, cold, buckets)));
    if (moves.includes(true)) return "moved";
  }
  return ok({ ...toReading(asks.of, summed, query), rowsRead });
}

const NOTHING: PartRead = { rows: [], objects: [], looks: [] };
const NO_TURNS: SliceTurns = { claim: async () => null, next: async () => {} };

function weightMaxOf({ sliceWeight = SLICE_WEIGHT }: Pick<Places, "sliceWeight">): number {
  return sliceWeight;
}

/** What is asked, and what it weighs in each database; null where that is more than could be seen. */
type Weighed = { readonly of: readonly Ask[]; readonly weights: readonly (number | null)[] };

/** Plans and weighs. Cuts no page by sums that slices do not have. */
async function weighAsks(asked: Asked, known: readonly Known[], places: Places): Promise<Weighed> {
  const marks = known.map((one) => one.marks);
  const asks = planAsks(asked, marks);
  const { scope } = asked;
  const weightMax = weightMaxOf(places);
  const weights = await Promise.all(
    known.map(({ database }, at) => {
      const shares = sharesOf(asks, at);
      return weigh(plotsOf(shares), { database, shares, scope, weightMax });
    }),
  );
  const of = weights.some((weight) => isDearer(weight, places))
    ? asks.map((ask) => ({ ...ask, page: slicedPage(ask.query, ask.page) }))
    : asks;
  return { of, weights };
}

/** Whether what weighs so much, or more than could be seen, is more than a slice. */
function isDearer(weight: number | null, places: Pick<Places, "sliceWeight">): boolean {
  return weight === null || weight > weightMaxOf(places);
}

/** The groups of one part from all rows that were read for it, with their users where they are asked. */
async function addUp(
  parts: readonly (PartRead & SketchPlace)[],
  ask: Ask,
  cold: ColdReading,
): Promise<Result<{ groups: Group[]; rowsRead: number }, ReportProblem>> {
  const rows = [...parts.flatMap((part) => part.rows), cold.rows];
  if (!ask.page.isExact && rows.some((some) => some.length > GROUPS_MAX)) return err(tooManyRows());
  const groups = sumGroups(rows, [], ask.query);
  if (!ask.query.metrics.includes("unique_users")) return ok({ groups, rowsRead: 0 });
  const sketched = await readSketches(parts, { query: ask.query, upTo: endOf(groups, ask) });
  if (!sketched.ok) return sketched;
  const users = uniteUsers(sketched.value.groups, cold.sketched);
  return ok({ groups: sumGroups(rows, users, ask.query), rowsRead: sketched.value.rowsRead });
}

/** The last group of a page that the databases have cut: nobody asks for the users of those behind it. */
function endOf(groups: readonly Group[], { query, page }: Ask): KeyAfter | null {
  const last = page.isExact ? groups[page.limit - 1] : undefined;
  return last === undefined ? null : keyOf(last, query);
}

function toReading(
  asks: readonly Ask[],
  summed: readonly (readonly Group[])[],
  query: ReportQuery,
): Omit<Reading, "rowsRead" | "segments"> {
  const parts = summed.map(
    (groups, index) => cutGroups(groups, asks[index]?.page ?? wholePage(query), Infinity).groups,
  );
  const cutting = cutGroups(summed[0] ?? [], asks[0]?.page ?? wholePage(query), query.limit);
  const totals = query.wantsTotals ? (parts[1] ?? []) : null;
  const [groups = [], previousTotals = []] = parts.slice(query.wantsTotals ? 2 : 1);
  const previous = query.previous === null ? null : { groups, totals: previousTotals };
  return { ...cutting, totals, previous };
}

function tooManyRows(): ReportProblem {
  const detail = `A part of the range has more than ${GROUPS_MAX} rows; order by time or a dimension, or narrow it.`;
  return { reason: "too_many_rows", detail, field: "order" };
}
