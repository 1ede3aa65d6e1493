/**
 * Any report equals a fold of the raw events in JavaScript: random logs, postings, rolls and moves of minutes to R2 in
 * any order, also moves that are under way, zones, ranges, filters, dimensions, metrics, orders, pages.
 *
 * 80 queries; `CLICKLEDGER_QUERIES=2000` asks more.
 */
import { env } from "cloudflare:workers";
import { it } from "vitest";
import { compareReports } from "./brute-force.ts";

const QUERIES = Number((env as unknown as Record<string, string>)["CLICKLEDGER_QUERIES"] ?? 80);

it("any table and any series equal a fold of the raw events, whatever is rolled", { timeout: 3_600_000 }, async () => {
  await compareReports([{ database: env.REPORT_DB, takes: () => true }], QUERIES);
});
