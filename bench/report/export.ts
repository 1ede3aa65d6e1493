/**
 * The same facts for DuckDB: each tier of the SQLite file as one Parquet file with a row for each cell, in the order of
 * its key, which is the form that suits DuckDB best; and who clicked, a row for each user of a facts row.
 *
 *   facts_day.parquet   advertiser_id, day, campaign_id, ad_group_id, ad_id, publisher_id, …, one column per measure
 *   users_day.parquet   advertiser_id, day, ad_id, user
 *
 * Keeps: counts come out of the stored cells, never out of the totals beside them, so that both are compared.
 * Relies on: values hold no tabulator. Stored sketches are exact sets (bench/report/catalog.ts).
 */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { CELL_DIMENSIONS, MEASURES, ROW_DIMENSIONS } from "../../src/core/fields.ts";
import { ELEMENT_CHARS } from "../../src/core/sketch.ts";
import type { Tier } from "../../src/facts/facts-schema.ts";
import { TIERS } from "./build.ts";

const FLUSH_CHARS = 1_000_000;

export type Duck = { readonly connection: DuckDBConnection; readonly version: string; close(): void };

const KEYS = (tier: Tier) => ["advertiser_id", tier, ...ROW_DIMENSIONS];
const SELECT_LINES = (tier: Tier) =>
  `SELECT ${[...KEYS(tier), "cells"].join(" || char(9) || ")} FROM facts_${tier} ORDER BY advertiser_id, ${tier}`;
const SELECT_SKETCHES = `
SELECT advertiser_id, day, ad_id, CAST(sketch AS TEXT)
FROM facts_day
WHERE sketch IS NOT NULL
ORDER BY advertiser_id, day`;

/** DuckDB's reading of a file of lines with tabulators between the columns. */
const LINES = (path: string, columns: Record<string, string>) =>
  `read_csv('${path}', delim = '\\t', quote = '', escape = '', header = false, columns = ${JSON.stringify(columns).replaceAll('"', "'")})`;

const COPY_FACTS = (tier: Tier, from: string, to: string) => {
  const columns = Object.fromEntries(
    [...KEYS(tier), "cells"].map((name) => [name, name === tier ? "BIGINT" : "VARCHAR"]),
  );
  const members = [
    ...CELL_DIMENSIONS.map((name, at) => `coalesce(cell[1][${at + 1}], '') AS ${name}`),
    ...MEASURES.map((name, at) => `CAST(cell[2][${at + 1}] AS BIGINT) AS ${name}`),
  ];
  return `
COPY (
  SELECT ${KEYS(tier)
    .map((key) => `coalesce(${key}, ${key === tier ? "0" : "''"}) AS ${key}`)
    .join(", ")}, ${members.join(", ")}
  FROM (SELECT *, unnest(from_json(cells, '[[["VARCHAR"]]]')) AS cell FROM ${LINES(from, columns)})
) TO '${to}' (FORMAT parquet)`;
};

const COPY_USERS = (from: string, to: string) => `
COPY (
  SELECT * FROM ${LINES(from, { advertiser_id: "VARCHAR", day: "BIGINT", ad_id: "VARCHAR", user: "VARCHAR" })}
) TO '${to}' (FORMAT parquet)`;

/** Writes the Parquet files into `folder`. */
export async function exportFacts(databaseFile: string, folder: string): Promise<void> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(databaseFile, { readOnly: true });
  const duck = await openInstance();
  const lines = join(folder, "lines.tsv");
  try {
    for (const tier of TIERS) {
      await writeLines(lines, selectTexts(database, SELECT_LINES(tier)));
      await duck.connection.run(COPY_FACTS(tier, lines, join(folder, `facts_${tier}.parquet`)));
    }
    await writeLines(lines, userLines(database));
    await duck.connection.run(COPY_USERS(lines, join(folder, "users_day.parquet")));
  } finally {
    duck.close();
    database.close();
    await rm(lines, { force: true });
  }
}

/** DuckDB with a view on each file. */
export async function openDuck(folder: string): Promise<Duck> {
  const duck = await openInstance();
  for (const name of [...TIERS.map((tier) => `facts_${tier}`), "users_day"]) {
    await duck.connection.run(`CREATE VIEW ${name} AS SELECT * FROM '${join(folder, name)}.parquet'`);
  }
  return duck;
}

async function openInstance(): Promise<Duck> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const [[version] = []] = (await connection.runAndReadAll("SELECT version()")).getRowsJson();
  const close = () => {
    connection.closeSync();
    instance.closeSync();
  };
  return { connection, version: String(version), close };
}

type Source = import("node:sqlite").DatabaseSync;

function* selectTexts(database: Source, sql: string): Generator<string, void> {
  const select = database.prepare(sql);
  select.setReturnArrays(true);
  for (const row of select.iterate()) yield String((row as unknown as unknown[])[0]);
}

function* userLines(database: Source): Generator<string, void> {
  const select = database.prepare(SELECT_SKETCHES);
  select.setReturnArrays(true);
  for (const row of select.iterate()) {
    const [advertiserId, day, adId, sketch] = row as unknown as string[];
    for (let at = 0; at < (sketch ?? "").length; at += ELEMENT_CHARS) {
      yield [advertiserId, day, adId, (sketch ?? "").slice(at, at + ELEMENT_CHARS)].join("\t");
    }
  }
}

async function writeLines(path: string, lines: Iterable<string>): Promise<void> {
  const file = createWriteStream(path);
  const opened = once(file, "open");
  await opened;
  let chunk = "";
  for (const line of lines) {
    chunk += line.concat("\n");
    if (chunk.length < FLUSH_CHARS) continue;
    if (!file.write(chunk)) await once(file, "drain");
    chunk = "";
  }
  file.end(chunk);
  await once(file, "finish");
}
