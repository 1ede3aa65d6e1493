/**
 * The conservation law, asked of facts of any tier: of one posting, of the log, the archive, the report, by minute, hour or
 * day.
 *
 *   gross = valid + duplicate + invalid + late          gross − valid = Σ reasons of clicks, late_accepted left out
 *   gross_impressions − impressions = Σ `impression.*`
 */
import type { Facts, FactsRow } from "../../src/core/facts.ts";
import { MEASURES } from "../../src/core/fields.ts";

const [GROSS, VALID, DUPLICATE, INVALID, LATE, GROSS_IMPRESSIONS, IMPRESSIONS] = (
  ["gross", "valid", "duplicate", "invalid", "late", "gross_impressions", "impressions"] as const
).map((measure) => MEASURES.indexOf(measure)) as [number, number, number, number, number, number, number];

/** What breaks the law, row by row. */
export function breachesOf(facts: Facts): string[] {
  const breaches: string[] = [];
  for (const row of facts.values()) {
    let [unjudged, notValid, notShown] = [0, 0, 0];
    for (const cell of row.cells.values()) {
      const of = (measure: number) => cell[measure] ?? 0;
      unjudged += of(GROSS) - of(VALID) - of(DUPLICATE) - of(INVALID) - of(LATE);
      notValid += of(GROSS) - of(VALID);
      notShown += of(GROSS_IMPRESSIONS) - of(IMPRESSIONS);
    }
    const [clicks, impressions] = reasonSums(row);
    if (unjudged === 0 && notValid === clicks && notShown === impressions) continue;
    const name = `${row.advertiserId} ${row.adId} ${row.window}`;
    if (unjudged !== 0) breaches.push(`gross is not the sum of the verdicts in ${name}`);
    if (notValid !== clicks) breaches.push(`the reasons of clicks do not explain ${name}`);
    if (notShown !== impressions) breaches.push(`the reasons of impressions do not explain ${name}`);
  }
  return breaches;
}

/** What the reasons say was not valid: of clicks, and of impressions. */
function reasonSums({ reasons }: FactsRow): [number, number] {
  let clicks = 0;
  let impressions = 0;
  for (const [reason, count] of reasons) {
    if (reason.startsWith("impression.")) impressions += count;
    else if (!reason.startsWith("conversion.") && reason !== "late_accepted") clicks += count;
  }
  return [clicks, impressions];
}
