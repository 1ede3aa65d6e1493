/**
 * Sums of days against the days that they are made of, of one service day in one report database.
 *
 * Keeps: one statement, so that both are of one moment. Relies on: below the lowest mark of sums of all buckets a row
 * is the fold of all cells (facts/day-sums-sql.ts); above it nothing is compared.
 */
import { parseJson } from "../core/base64url.ts";
import { MEASURES } from "../core/fields.ts";
import { DAY_MS } from "../core/limits.ts";
import { SELECT_WRONG_SUMS, SUM_KEY } from "./audit-sql.ts";
import type { Totals } from "./repair.ts";
import type { Finding } from "./scan.ts";

type SumRow = Record<string, string | number>;

/** The findings about a day's sums. */
export async function checkSums(
  { name, d1 }: { name: string; d1: D1Database },
  serviceDay: string,
  onRead: (results: readonly D1Result[]) => void,
): Promise<Finding[]> {
  const answer = await d1
    .prepare(SELECT_WRONG_SUMS)
    .bind(Date.parse(serviceDay) / DAY_MS)
    .all<SumRow>();
  onRead([answer]);
  return answer.results.map(({ audited, ...row }): Finding => {
    const differs = MEASURES.filter((measure) => row[measure] !== 0).map((measure) => `${measure} ${row[measure]}`);
    return {
      kind: "tier",
      where: `${name}/day_sums/${SUM_KEY.map((column) => row[column]).join("/")}`,
      detail: `On ${serviceDay} it lacks, to be the sum of its days: ${differs.join(", ")}.`,
      repair: { database: name, tier: "day_sum", row, audited: parseJson(String(audited)) as Totals },
    };
  });
}
