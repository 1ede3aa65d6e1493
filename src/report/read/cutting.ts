/**
 * Cuts what is asked of one database into slices that are each a short statement.
 *
 *   weigh all ─▶ light: one transaction, no slices
 *             └▶ dear: runs of advertisers │ one advertiser, or sums of days: of windows │ one window: of keys
 *
 * Keeps: whatever is weighed is bounded in rows, and a slice weighs `SLICE_WEIGHT` as a rule and four times that at
 * most, so no statement of a report is long, however the rows are spread. What is left in one set is read at one
 * moment (sliced.ts): an advertiser's rows are always in one.
 */

import { fromDatabase } from "../../access/database.ts";
import type { ReadScope } from "../../access/read-scope.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { SLICES_MAX } from "../limits.ts";
import { isOpen, type Read } from "../plan/plan.ts";
import { type Plot, packSlices, type Slice, splitList, splitRead, windowsOf } from "../plan/plots.ts";
import { advertisersOf, type Share } from "../plan/subqueries.ts";
import type { ReportProblem } from "../problems.ts";
import type { Filter } from "../query/query.ts";
import type { Selection } from "./source-sql.ts";
import type { Statement } from "./statement.ts";
import { type KeyRow, keyOfText, keysStatement, type WeighedRow, weighStatement } from "./weigh-sql.ts";

/** What is cut, and how: `turn` is waited for before each further statement. */
export type Cutting = {
  readonly database: D1Database;
  readonly shares: readonly Share[];
  readonly scope: ReadScope;
  /** Of one slice. */
  readonly weightMax: number;
  /** What all of it weighs, where that has been looked for; null where it is more than could be seen. */
  readonly weight?: number | null;
  readonly turn: () => Promise<void>;
};

/** What has been weighed, as `weigh` answers it, or has not. */
type KnownWeight = number | null | undefined;

/** Advertisers that are read together, and what they weigh; null for one that is too dear for a slice. */
type Run = { readonly ids: readonly string[]; readonly weight: number | null };

/** Slices that must be of one moment. */
export type SliceSet = readonly Slice[];

/** What is known to be heavier than a slice by no more than this is cut without being weighed again. */
const HEAVIEST = 4;
/** Into how many parts something is cut that is heavier than could be seen. */
const PARTS = 8;
/** Parts that are cut by their average weight are this much lighter than they may be. */
const MARGIN = 1.5;
/** Days of an advertiser's sums of hours have about as many values each. */
const EVEN = 1.1;
const ADVERTISERS_PER_LOOK = 5_000;
const SELECT_ADVERTISERS = `
SELECT advertiser_id
FROM advertisers
WHERE advertiser_id > ?1
ORDER BY advertiser_id
LIMIT ?2`;

class TooManySlices extends Error {}

/** All plots of the shares. */
export function plotsOf(shares: readonly Share[]): Plot[] {
  return shares.flatMap(({ reads }, share) => reads.map((read) => ({ share, read, only: null })));
}

/** Those that are weighed and cut: what is open is bounded, and read whole. */
function cutPlotsOf(shares: readonly Share[]): Plot[] {
  return plotsOf(shares).filter(({ read }) => !isOpen(read));
}

function isBeside({ source }: Read, what: "sums" | "rows" | null): boolean {
  if (!("place" in source) || source.place !== "open") return false;
  return what === null || source.isBesideSums === (what === "sums");
}

/** What a plot selects: its share's query, of its own advertisers. */
export function selectionOf({ share, only }: Plot, { shares, scope }: Pick<Cutting, "shares" | "scope">): Selection {
  const of = shares[share] as Share;
  if (only === null || scope.advertiserId !== null) return { query: of.query, scope, after: of.after };
  const others = of.query.filters.filter(({ dimension }) => dimension !== "advertiser_id");
  const exclude = of.query.filters.find(({ dimension }) => dimension === "advertiser_id")?.exclude ?? [];
  const filter: Filter = { dimension: "advertiser_id", include: only, exclude };
  return { query: { ...of.query, filters: [...others, filter] }, scope, after: of.after };
}

/** What plots weigh together, but for what is open; null where it is more than may be seen. */
export async function weigh(all: readonly Plot[], cutting: Omit<Cutting, "turn">): Promise<number | null> {
  const plots = all.filter(({ read }) => !isOpen(read));
  if (plots.length === 0) return 0;
  const limit = Math.ceil(cutting.weightMax / plots.length);
  const statements = plots.map((plot) => weighStatement(plot.read, selectionOf(plot, cutting), limit));
  const answers = await run<WeighedRow>(cutting.database, statements);
  const weighed = answers.map(([row]) => row ?? { rows: 0, weight: 0 });
  if (weighed.some(({ rows }) => rows >= limit)) return null;
  return weighed.reduce((sum, { weight }) => sum + weight, 0);
}

/** The slices of all that is asked, in sets. */
export async function cutShares(cutting: Cutting): Promise<Result<readonly SliceSet[], ReportProblem>> {
  try {
    return ok(await new Cutter(cutting).cut());
  } catch (cause) {
    if (!(cause instanceof TooManySlices)) throw cause;
    const detail =
      `It would take more than ${SLICES_MAX} statements to read what this asks for. Ask for fewer days or ` +
      "advertisers, or for fewer of publisher, country, device and creative.";
    return err({ reason: "too_many_rows", detail });
  }
}

class Cutter {
  readonly #cutting: Cutting;
  #slices = 0;

  constructor(cutting: Cutting) {
    this.#cutting = cutting;
  }

  async cut(): Promise<SliceSet[]> {
    const { shares, scope } = this.#cutting;
    const plots = cutPlotsOf(shares);
    const [first] = shares;
    const named = first === undefined ? null : advertisersOf(first.query, scope);
    if (named?.length === 1) {
      const slices = await this.#windows(
        plots.map((plot) => ({ ...plot, only: named })),
        plots.length === 1 ? this.#cutting.weight : undefined,
      );
      return [[...slices, ...this.#openBeside(null, named)]];
    }
    const isSummed = ({ read }: Plot) => read.source.kind === "day_sums";
    const summed = await this.#windows(plots.filter(isSummed));
    const facts = plots.filter((plot) => !isSummed(plot));
    const sets = summed.length === 0 ? [] : [[...summed, ...this.#openBeside("sums", null)]];
    if (facts.length === 0) return sets;
    const known = summed.length === 0 ? this.#cutting.weight : undefined;
    return [...sets, ...(await this.#advertisers(facts, named ?? (await this.#allAdvertisers()), known))];
  }

  /** What is open beside sums or beside rows, or of both, as a slice of their set. */
  #openBeside(what: "sums" | "rows" | null, only: readonly string[] | null): Slice[] {
    const plots = plotsOf(this.#cutting.shares).filter(({ read }) => isOpen(read) && isBeside(read, what));
    return plots.length === 0 ? [] : [{ plots: plots.map((plot) => ({ ...plot, only })), weight: 0, isOpen: true }];
  }

  async #allAdvertisers(): Promise<string[]> {
    const ids: string[] = [];
    for (let after = "", hasMore = true; hasMore; ) {
      const bound = [after, ADVERTISERS_PER_LOOK];
      const [rows = []] = await this.#run<{ advertiser_id: string }>([{ sql: SELECT_ADVERTISERS, bound }]);
      ids.push(...rows.map((row) => row.advertiser_id));
      after = ids.at(-1) ?? "";
      hasMore = rows.length === ADVERTISERS_PER_LOOK;
    }
    return ids;
  }

  /** Sets of advertisers that are light enough together, and of one that is not. */
  async #advertisers(plots: readonly Plot[], all: readonly string[], known: KnownWeight): Promise<SliceSet[]> {
    const sets: SliceSet[] = [];
    for (const { ids, weight } of packRuns(await this.#runs(plots, all, known), this.#cutting.weightMax)) {
      const ours = plots.map((plot) => ({ ...plot, only: ids }));
      const slices = weight === null ? await this.#windows(ours) : [this.#slice(ours, weight)];
      sets.push([...slices, ...this.#openBeside("rows", ids)]);
    }
    return sets;
  }

  async #runs(plots: readonly Plot[], ids: readonly string[], known: KnownWeight): Promise<Run[]> {
    const weight = known === undefined ? await this.#weigh(plots.map((plot) => ({ ...plot, only: ids }))) : known;
    const { weightMax } = this.#cutting;
    if (weight !== null && weight <= weightMax) return [{ ids, weight }];
    if (ids.length === 1) return [{ ids, weight: null }];
    const { parts, isSure } = partsOf(weight, weightMax);
    const lists = splitList(ids, Math.min(parts, ids.length));
    const runs: Run[] = [];
    for (const list of lists) {
      const isWeighed = isSure && list.length > 1;
      runs.push(...(await this.#runs(plots, list, isWeighed ? (weight ?? 0) / lists.length : undefined)));
    }
    return runs;
  }

  /** One set: plots in runs of windows; `known` is of a single one. */
  async #windows(plots: readonly Plot[], known?: KnownWeight): Promise<Slice[]> {
    const slices: Slice[] = [];
    for (const plot of plots) slices.push(...(await this.#plot(plot, known)));
    const packed = packSlices(slices, this.#cutting.weightMax);
    this.#slices += packed.length - slices.length;
    return packed;
  }

  async #plot(plot: Plot, known?: KnownWeight): Promise<Slice[]> {
    const weight = known === undefined ? await this.#weigh([plot]) : known;
    const { weightMax } = this.#cutting;
    if (weight !== null && weight <= weightMax) return [this.#slice([plot], weight)];
    if (windowsOf(plot.read) === 1) return this.#keys(plot);
    const { parts, isSure } = partsOf(weight, weightMax, plot.read.source.kind === "hour_sums" ? EVEN : MARGIN);
    const reads = splitRead(plot.read, parts);
    if (isSure) return reads.map((read) => this.#slice([{ ...plot, read }], (weight ?? 0) / reads.length));
    const slices: Slice[] = [];
    for (const read of reads) slices.push(...(await this.#plot({ ...plot, read })));
    return slices;
  }

  /** The rows of one window, key after key. */
  async #keys(plot: Plot): Promise<Slice[]> {
    const { weightMax } = this.#cutting;
    const slices: Slice[] = [];
    let after: Read["keys"] = { after: null, upTo: null };
    for (;;) {
      const read: Read = { ...plot.read, keys: after };
      const statement = keysStatement(read, selectionOf(plot, this.#cutting), weightMax);
      const [rows = []] = await this.#run<KeyRow>([statement]);
      let weight = 0;
      for (const [at, row] of rows.entries()) {
        weight += row.weight;
        if (weight < weightMax && at < rows.length - 1) continue;
        const upTo = keyOfText(row.key);
        slices.push(this.#slice([{ ...plot, read: { ...read, keys: { after: after.after, upTo } } }], weight));
        after = { after: upTo, upTo: null };
        weight = 0;
      }
      if (rows.length < weightMax) break;
    }
    // Rows that come behind the last key meanwhile are its slice's.
    const last = slices.at(-1)?.plots[0];
    if (last?.read.keys !== undefined) {
      const open: Plot = { ...last, read: { ...last.read, keys: { ...last.read.keys, upTo: null } } };
      slices[slices.length - 1] = { plots: [open], weight: slices.at(-1)?.weight ?? 0 };
    }
    return slices;
  }

  #slice(plots: readonly Plot[], weight: number): Slice {
    this.#slices++;
    if (this.#slices > SLICES_MAX) throw new TooManySlices();
    return { plots, weight };
  }

  async #weigh(plots: readonly Plot[]): Promise<number | null> {
    await this.#cutting.turn();
    return weigh(plots, this.#cutting);
  }

  async #run<T>(statements: readonly Statement[]): Promise<T[][]> {
    await this.#cutting.turn();
    return run<T>(this.#cutting.database, statements);
  }
}

/** Neighbouring runs joined while they are light enough together. */
function packRuns(runs: readonly Run[], weightMax: number): Run[] {
  const packed: Run[] = [];
  for (const run of runs) {
    const last = packed.at(-1);
    const weight = last === undefined || last.weight === null || run.weight === null ? null : last.weight + run.weight;
    if (last === undefined || weight === null || weight > weightMax) packed.push(run);
    else packed[packed.length - 1] = { ids: [...last.ids, ...run.ids], weight };
  }
  return packed;
}

/** Into how many parts what weighs so much is cut, and whether none of them can be too heavy. */
function partsOf(
  weight: number | null,
  weightMax: number,
  margin = MARGIN,
): { readonly parts: number; readonly isSure: boolean } {
  if (weight === null) return { parts: PARTS, isSure: false };
  const isSure = weight <= HEAVIEST * weightMax;
  return { parts: Math.ceil(isSure ? (weight * margin) / weightMax : weight / (weightMax * (HEAVIEST - 1))), isSure };
}

async function run<T>(database: D1Database, statements: readonly Statement[]): Promise<T[][]> {
  const prepared = statements.map(({ sql, bound }) => database.prepare(sql).bind(...bound));
  const answers = await fromDatabase(() => database.batch<T>(prepared));
  return answers.map(({ results }) => results);
}
