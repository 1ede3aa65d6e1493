/**
 * `npm run schema`: the tables and views of facts follow the catalogue (src/core/fields.ts).
 *
 *   npm run schema -- NAME     writes migrations/<next>_NAME.sql with what the committed migrations lack; nothing, if none
 *   npm run schema -- --base   writes the first migration's part anew; only before anybody has deployed it
 *
 * Keeps: migrations only append. A measure is a column that is added, a dimension of cells changes views alone, and what
 * is stored is never rewritten. test/schema.test.ts holds the committed migrations to the catalogue.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MEASURES, ROW_DIMENSIONS } from "../src/core/fields.ts";
import { CELL_COLUMNS, PLACES, type Place } from "../src/facts/facts-schema.ts";

const MIGRATIONS = "migrations";
const BASE = "0001_base.sql";
const BEGIN = "-- From here to the end: written by `npm run schema -- --base`.";

type Column = { readonly name: string; readonly type: string };
type Table = {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly constraints: readonly string[];
};

const LAW = "CHECK (gross = valid + duplicate + invalid + late)";
const text = (name: string): Column => ({ name, type: "TEXT NOT NULL" });
const integer = (name: string): Column => ({ name, type: "INTEGER NOT NULL" });
/** A default, since SQLite adds a column that may not be NULL only with one. */
const measure = (name: string): Column => ({ name, type: "INTEGER NOT NULL DEFAULT 0" });

function factsTable({ table, time }: (typeof PLACES)[Place]): Table {
  const key = ["advertiser_id", time, ...ROW_DIMENSIONS, "part"];
  const columns = [
    ...[text("advertiser_id"), integer(time), ...ROW_DIMENSIONS.map(text), integer("part")],
    // What is short lies before what is long: a sum is read without the pages that a row's cells go on to.
    ...[...MEASURES.map(measure), text("cells"), text("reasons"), { name: "sketch", type: "BLOB" }],
  ];
  return { name: table, columns, constraints: [`PRIMARY KEY (${key.join(", ")})`, LAW] };
}

const FACTS_TABLES: readonly Table[] = [
  ...(["minute", "hour", "day"] as const).map((tier) => factsTable(PLACES[tier])),
  {
    name: "day_sums",
    columns: [text("dimension"), text("publisher_id"), integer("day"), text("value"), ...MEASURES.map(measure)],
    constraints: ["PRIMARY KEY (dimension, publisher_id, day, value)", LAW],
  },
];

/**
 * What src/facts/open-sql.ts stores, with the columns of facts_minute, of which `cells` and `reasons` are JSONB, and the
 * minutes of all that is shown with it.
 */
const OPEN_ROWS = `SELECT
  owner.key AS advertiser_id,
  delta.value ->> '$[0]' AS minute,
  ${ROW_DIMENSIONS.map((name, at) => `delta.value ->> '$[${1 + at}]' AS ${name}`).join(",\n  ")},
  delta.value ->> '$[4]' AS part,
  ${MEASURES.map((name, at) => `coalesce(delta.value ->> '$[${8 + at}]', 0) AS ${name}`).join(",\n  ")},
  jsonb_extract(delta.value, '$[5]') AS cells,
  jsonb_extract(delta.value, '$[6]') AS reasons,
  CAST(delta.value ->> '$[7]' AS BLOB) AS sketch,
  open_postings.first_minute,
  open_postings.last_minute
FROM open_postings, jsonb_each(open_postings.facts) AS owner, jsonb_each(owner.value) AS delta`;

/** View → the statement that makes it. */
const FACTS_VIEWS: Readonly<Record<string, string>> = Object.fromEntries([
  [PLACES.open.table, `CREATE VIEW ${PLACES.open.table} AS\n${OPEN_ROWS}`],
  ...Object.values(PLACES).map(({ table, view, time }) => {
    const more = table === PLACES.open.table ? ["first_minute", "last_minute"] : [];
    const key = ["advertiser_id", time, ...ROW_DIMENSIONS, "part", ...more].map((name) => `facts.${name}`);
    const columns = [...key, CELL_COLUMNS].join(",\n  ");
    return [
      view,
      `CREATE VIEW ${view} AS\nSELECT\n  ${columns}\nFROM ${table} AS facts, jsonb_each(facts.cells) AS cell`,
    ];
  }),
]);

/** The statement that makes a table. */
function createTable({ name, columns, constraints }: Table): string {
  const lines = [...columns.map((column) => `${column.name} ${column.type}`), ...constraints];
  return `CREATE TABLE ${name} (\n  ${lines.join(",\n  ")}\n) STRICT, WITHOUT ROWID`;
}

/** The statements of all tables and views, as an empty database needs them. */
export function factsStatements(): string[] {
  return [...FACTS_TABLES.map(createTable), ...Object.values(FACTS_VIEWS)];
}

/** The statements that a database lacks to be as the catalogue says; none when it is. */
export function missingStatements(database: DatabaseSync): string[] {
  const statements: string[] = [];
  for (const table of FACTS_TABLES) {
    const has = new Set(
      database
        .prepare("SELECT name FROM pragma_table_info(?)")
        .all(table.name)
        .map(({ name }) => name),
    );
    const missing = table.columns.filter(({ name }) => !has.has(name));
    if (has.size === 0) statements.push(createTable(table));
    else statements.push(...missing.map(({ name, type }) => `ALTER TABLE ${table.name} ADD COLUMN ${name} ${type}`));
  }
  for (const [name, statement] of Object.entries(FACTS_VIEWS)) {
    const there = database.prepare("SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?").get(name);
    if (there?.["sql"] === statement) continue;
    if (there !== undefined) statements.push(`DROP VIEW ${name}`);
    statements.push(statement);
  }
  return statements;
}

/** A database in memory to which the committed migrations are applied. */
export function migratedDatabase(folder = MIGRATIONS): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  for (const file of migrationFiles(folder)) database.exec(readFileSync(join(folder, file), "utf8"));
  return database;
}

function migrationFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort();
}

function toText(statements: readonly string[]): string {
  return statements.map((statement) => `${statement};\n`).join("\n");
}

function writeBase(): void {
  const path = join(MIGRATIONS, BASE);
  const [written = ""] = readFileSync(path, "utf8").split(BEGIN);
  writeFileSync(path, `${written}${BEGIN}\n\n${toText(factsStatements())}`);
  console.log(`${path} is as the catalogue says.`);
}

function writeNext(name: string): void {
  const statements = missingStatements(migratedDatabase());
  if (statements.length === 0) {
    console.log("The migrations are as the catalogue says: nothing to write.");
    return;
  }
  const number = Number(migrationFiles(MIGRATIONS).at(-1)?.slice(0, 4) ?? 0) + 1;
  const path = join(MIGRATIONS, `${String(number).padStart(4, "0")}_${name}.sql`);
  writeFileSync(path, `-- Why: (say what is counted from here on)\n\n${toText(statements)}`);
  console.log(`${path} is written: say in its first line why.`);
}

if (import.meta.main) {
  const [argument = ""] = process.argv.slice(2);
  if (argument === "--base") writeBase();
  else if (/^[a-z0-9_]+$/.test(argument)) writeNext(argument);
  else {
    console.error("npm run schema -- NAME (small letters, digits and _), or --base");
    process.exit(1);
  }
}
