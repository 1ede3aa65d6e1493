/**
 * A report's way through the gates (src/access/read-pass.ts): the databases of its scope, and what its cost is guessed
 * by.
 *
 * Keeps: a scope enters the gates of all databases that it may be read from, whatever the filters say, so that a
 * foreign and an unknown id are refused alike. Whatever is read of those databases by the pass's directory is charged.
 */

import type { Principal } from "../../access/api-keys.ts";
import { fromDatabase } from "../../access/database.ts";
import { type ReadGates, type ReadPass, withinBudget } from "../../access/read-pass.ts";
import type { ReadScope } from "../../access/read-scope.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../core/limits.ts";
import type { Result } from "../../core/result.ts";
import { Directory, PRIMARY_DATABASE } from "../../facts/directory.ts";
import { needsCells } from "../plan/sources.ts";
import type { ReportQuery } from "../query/query.ts";
import type { Granularity, Range } from "../query/windows.ts";

/** Rows that a read of an unknown size is put down as beside its rows; one for each window of its tier. */
export type Size = { readonly shape: string; readonly windows: number };

/** Reads of these shapes have one size: the others' is that of their query. */
export const CATALOG: Size = { shape: "catalog", windows: 1 };
export const LATE_CLICKS: Size = { shape: "late_clicks", windows: 1 };
export const CHANGES: Size = { shape: "changes", windows: 1 };
export const EXPLAIN: Size = { shape: "explain", windows: 1 };
/** What looking for one event costs: shards and the archive rather than a database, as so many rows. */
export const EXPLAIN_ROWS = 20_000;

/** What a passed read finds: its databases, which charge it. */
export type PassedRead = {
  readonly directory: Pick<Directory, "databasesOf"> & {
    /** The same databases by their names. */
    readonly namedOf: (advertiserIds: readonly string[] | null) => Promise<ReadonlyMap<string, D1Database>>;
  };
  readonly pass: ReadPass;
};

type Way = { readonly gates: ReadGates; readonly principal: Principal; readonly scope: ReadScope };

/** The names of the databases that a scope may be read from. Throws DatabaseFault. */
export function databaseNames(
  env: { readonly REPORT_DB: D1Database },
  { advertiserId }: Pick<ReadScope, "advertiserId">,
): Promise<string[]> {
  return fromDatabase(() => new Directory(env).namesOf(advertiserId === null ? null : [advertiserId]));
}

/** Runs `read` within the budget of the key's owner; the answer to one who may not read now. Throws DatabaseFault. */
export async function passRead<T>(
  directory: Directory,
  { gates, principal, scope }: Way,
  size: Size,
  read: (passed: PassedRead) => Promise<T>,
): Promise<Result<T, Response>> {
  const databases = await fromDatabase(() =>
    directory.namesOf(scope.advertiserId === null ? null : [scope.advertiserId]),
  );
  return withinBudget({ gates, principal }, { databases, ...size }, (pass) => {
    const metered = (name: string) => pass.metered(name, directory.database(name));
    const namedOf = async (ids: readonly string[] | null) => {
      const names = ids === null ? databases : await directory.namesOf(ids);
      return new Map(names.map((name) => [name, metered(name)]));
    };
    const databasesOf = async (ids: readonly string[] | null) => [...(await namedOf(ids)).values()];
    return read({ directory: { databasesOf, namedOf }, pass });
  });
}

/** Runs `read` in the primary database within the budget of the key's owner. */
export async function passPrimaryRead<T>(
  primary: D1Database,
  { gates, principal }: Omit<Way, "scope">,
  size: Size,
  read: (database: D1Database, pass: ReadPass) => Promise<T>,
): Promise<Result<T, Response>> {
  return withinBudget({ gates, principal }, { databases: [PRIMARY_DATABASE], ...size }, (pass) =>
    read(pass.metered(PRIMARY_DATABASE, primary), pass),
  );
}

/**
 * What a query's cost is guessed by: how many windows of the tier that it is mostly read from, and what makes windows
 * dear. Queries of one shape are read alike: rows or cells, of some ads or of all, with users or without.
 */
export function sizeOf(query: ReportQuery, scope: ReadScope): Size {
  const { range, previous, granularity, filters, metrics } = query;
  const isNarrowed = filters.some(({ include }) => include.length > 0);
  const words = [
    tierOf(range, granularity),
    needsCells(query, scope) ? "cells" : "rows",
    ...(isNarrowed ? ["some"] : []),
    ...(metrics.includes("unique_users") ? ["users"] : []),
    ...(metrics.includes("reasons") ? ["reasons"] : []),
  ];
  const ranges = previous === null ? [range] : [range, previous];
  const windows = ranges.reduce((sum, one) => sum + windowsOf(one, granularity), 0);
  return { shape: words.join(" "), windows: query.wantsTotals ? 2 * windows : windows };
}

type Unit = "minute" | "hour" | "day";
const UNIT_MS: Readonly<Record<Unit, number>> = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };

function tierOf({ fromMs, toMs }: Range, granularity: Granularity): Unit {
  if (granularity === "minute" || granularity === "hour") return granularity;
  return toMs - fromMs < DAY_MS ? "hour" : "day";
}

function windowsOf(range: Range, granularity: Granularity): number {
  return Math.ceil((range.toMs - range.fromMs) / UNIT_MS[tierOf(range, granularity)]);
}
