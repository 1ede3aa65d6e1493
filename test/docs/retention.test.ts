// biome-ignore-all lint/suspicious/noTemplateCurlyInString: prefixes are found in source text.
/** The table of retention: nothing that the code writes is missing in it, and docs/STORAGE.md names the same jobs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LOCKS } from "../../scripts/platform/wanted.ts";
import { RETENTION } from "../../src/batch/retention-table.ts";

const sources = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((path) => /\.tsx?$/.test(path));
const code = sources.map((path) => readFileSync(`src/${path}`, "utf8")).join("\n");
const migrations = readdirSync("migrations").map((name) => readFileSync(`migrations/${name}`, "utf8"));
const storage = readFileSync("docs/STORAGE.md", "utf8");
const names = RETENTION.map(({ of }) => of);

const prefixesIn = (text: string) =>
  new Set(Array.from(text.matchAll(/["`]([a-z][a-z/-]*\/v\d+\/)/g), ([, found]) => found));
const tablesIn = (sql: string) => Array.from(sql.matchAll(/CREATE TABLE (\w+)/g), ([, found]) => found);
/** What the tables of storage say deletes an entry: the last cell of each row whose first one names it. */
function deletedBy(of: string): string[] {
  const rows = storage.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const named = of.endsWith("/") ? `\`${of}` : `\`${of}\``;
  return rows.flatMap((cells) => (cells[1]?.includes(named) ? [cells.at(-2) ?? ""] : []));
}

describe("the table of retention", () => {
  it("has every prefix of R2 that the code names, and every table of the migrations", () => {
    expect(prefixesIn('put("raw/v1/x"); list(`cold/minute/v1/${day}`); "/v1/reports"')).toEqual(
      new Set(["raw/v1/", "cold/minute/v1/"]),
    );
    const prefixes = [...prefixesIn(code)].filter((prefix) => prefix !== undefined);
    expect(prefixes.length).toBeGreaterThan(20);
    expect(prefixes.filter((prefix) => !names.includes(prefix))).toEqual([]);
    const tables = migrations.flatMap(tablesIn);
    expect(tables.length).toBeGreaterThan(20);
    expect(tables.filter((table) => !names.includes(table ?? ""))).toEqual([]);
  });

  it("names each thing once, and nothing that the code does not have", () => {
    expect(new Set(names).size).toBe(names.length);
    const known = new Set([...prefixesIn(code), ...migrations.flatMap(tablesIn)]);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  it.each(RETENTION)("and docs/STORAGE.md say the same of $of", ({ of, by, kept }) => {
    const said = deletedBy(of).join("\n");
    expect(said).not.toBe("");
    if (by === null) expect(said).not.toMatch(/`batch\//);
    else if (by.startsWith("batch/")) expect(said).toContain(by);
    if (by !== null && by !== "operator") expect(existsSync(`src/${by}`), by).toBe(true);
    const [setting] = /\b[A-Z_]+_(DAYS|H)\b/.exec(kept) ?? [];
    if (setting !== undefined) expect(readFileSync("wrangler.toml", "utf8")).toContain(`${setting} = "`);
  });
});

describe("what an erasure replaces", () => {
  it("lies under no lock of the bucket, so nothing of a person is locked", () => {
    const replaced = ["raw/v1/", "clicks/v1/", "evidence/v1/", "dead/v1/", "dead-replayed/v1/", "replays/v1/"];
    expect(replaced.filter((prefix) => !names.includes(prefix))).toEqual([]);
    const locked = LOCKS.map(({ prefix }) => prefix);
    expect(locked.length).toBeGreaterThan(2);
    const meet = (a: string, b: string) => a.startsWith(b) || b.startsWith(a);
    expect(locked.filter((prefix) => replaced.some((one) => meet(prefix, one)))).toEqual([]);
  });
});
