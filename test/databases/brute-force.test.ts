/**
 * Any report equals a fold of the raw events also where advertisers stand in three databases, each rolled to other marks
 * and with other minutes moved to R2.
 *
 * 24 queries; `CLICKLEDGER_QUERIES` asks for three tenths of its number.
 */
import { env } from "cloudflare:workers";
import { it } from "vitest";
import { compareReports } from "../report/brute-force.ts";
import { assignHomes, databaseOf, HOMES, NAMES } from "./spread.ts";

const QUERIES = Number((env as unknown as Record<string, string>)["CLICKLEDGER_QUERIES"] ?? 80) * 0.3;

it("any table and any series equal a fold of the raw events of all databases", { timeout: 3_600_000 }, async () => {
  await assignHomes();
  const places = NAMES.map((name) => ({ database: databaseOf(name), takes: (id: string) => HOMES[id] === name }));
  await compareReports(places, QUERIES);
});
