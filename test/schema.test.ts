/** `npm run schema`: what the committed migrations make is what the catalogue says, and what is missing can be added. */
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { factsStatements, migratedDatabase, missingStatements } from "../scripts/schema.ts";
import { MEASURES } from "../src/core/fields.ts";

function madeOf(statements: readonly string[]): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  for (const statement of statements) database.exec(statement);
  return database;
}

describe("the committed migrations", () => {
  it("make the tables and views of the catalogue, each once", () => {
    expect(missingStatements(migratedDatabase())).toEqual([]);
  });
});

describe("a database that is older than the catalogue", () => {
  it("gets the columns of a new measure in each table, and views that show it, and keeps its rows", () => {
    const newest = MEASURES.at(-1) ?? "";
    const older = factsStatements().map((statement) =>
      statement
        .split("\n")
        .filter((line) => !line.includes(newest))
        .join("\n")
        .replace(/,\nFROM/g, "\nFROM"),
    );
    const database = madeOf(older);
    database.exec(`INSERT INTO facts_day (advertiser_id, day, campaign_id, ad_group_id, ad_id, part, gross, valid, cells, reasons)
      VALUES ('adv_1', 1, 'cmp_1', '', 'ad_1', 0, 1, 1, '[[["pub_1"],[0,0,1,1]]]', '{}')`);
    const missing = missingStatements(database);
    expect(missing.filter((statement) => statement.startsWith("ALTER TABLE"))).toHaveLength(4);
    for (const statement of missing) database.exec(statement);
    expect(missingStatements(database)).toEqual([]);
    const [cell] = database.prepare(`SELECT publisher_id, country, valid, ${newest} AS newest FROM cells_day`).all();
    expect({ ...cell }).toEqual({ publisher_id: "pub_1", country: "", valid: 1, newest: 0 });
  });

  it("gets views that show a new dimension of cells, and no other change", () => {
    const older = factsStatements().map((statement) =>
      statement
        .split("\n")
        .filter((line) => !line.includes("AS creative_id"))
        .join("\n"),
    );
    const missing = missingStatements(madeOf(older));
    expect(missing.map((statement) => statement.split("\n")[0])).toEqual(
      ["cells_minute", "cells_hour", "cells_day", "cells_open"].flatMap((view) => [
        `DROP VIEW ${view}`,
        `CREATE VIEW ${view} AS`,
      ]),
    );
  });
});
