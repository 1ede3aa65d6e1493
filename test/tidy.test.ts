// biome-ignore-all lint/suspicious/noTemplateCurlyInString: planted violations are source text.
/**
 * The repository polices its own rules (docs/ARCHITECTURE.md, CONTRIBUTING.md). Every rule is first shown to catch a
 * planted violation, then applied to the tree.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  bannedCalls,
  builtSql,
  deadFiles,
  FILE_LINES_MAX,
  FUNCTION_LINES_MAX,
  heavyAtStart,
  importCycles,
  importsAgainstTable,
  LINE_CHARS_MAX,
  loggedEvents,
  longFiles,
  longFunctions,
  missingModuleComment,
  parseModule,
  storedNames,
  strayTenantSql,
  type TextFile,
  titles,
  unboundedReads,
  undocumented,
  unfinished,
  untestedCore,
  wideLines,
} from "./support/tidy.ts";

const SKIPPED = new Set(["node_modules", "dist", "results", "vectors"]);

function filesBelow(folder: string): TextFile[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "." ? entry.name : join(folder, entry.name);
    if (entry.name.startsWith(".") || SKIPPED.has(entry.name)) return [];
    if (entry.isDirectory()) return filesBelow(path);
    return /\.(tsx?|mts|js|mjs|sql|md|sh|toml)$/.test(path) ? [{ path, text: readFileSync(path, "utf8") }] : [];
  });
}

const files = filesBelow(".").filter(({ path }) => path !== "worker-configuration.d.ts");
const modules = files.filter(({ path }) => /\.m?tsx?$/.test(path)).map(parseModule);
const sources = modules.filter(({ path }) => path.startsWith("src/"));

const planted = (path: string, text: string) => parseModule({ path, text });

describe("imports follow the table of folders", () => {
  it.each([
    ["src/core/a.ts", 'import { x } from "../log.ts";'],
    ["src/core/a.ts", 'import type { Config } from "../config.ts";'],
    ["src/core/a.ts", 'import { Hono } from "hono";'],
    ["src/core/a.ts", 'import "node:fs";'],
    ["src/facts/a.ts", 'import { x } from "../shard/object.ts";'],
    ["src/shard/a.ts", 'import { x } from "../queue/route.ts";'],
    ["src/queue/a.ts", 'import type { X } from "../track/click.ts";'],
    ["src/track/a.ts", 'export { x } from "../report/app.ts";'],
    ["src/track/a.ts", 'import { z } from "zod";'],
    ["src/track/a.ts", 'const report = import("../report/app.ts");'],
    ["src/track/a.ts", 'import { readConfig } from "../config.ts";'],
    ["src/report/a.ts", 'import { x } from "../shard/object.ts";'],
    ["src/batch/a.ts", 'export * from "../report/app.ts";'],
    ["src/log.ts", 'import { x } from "./track/click.ts";'],
    ["src/new/a.ts", ""],
  ])("and %s may not hold %s", (path, text) => {
    expect(importsAgainstTable(planted(path, text))).toHaveLength(1);
  });

  it.each([
    [
      "src/core/a.ts",
      'import { isbot } from "isbot"; import { sha256 } from "@noble/hashes/sha2.js"; import "./b.ts";',
    ],
    ["src/track/a.ts", 'import { logInfo } from "../log.ts"; import type { Config } from "../config.ts";'],
    ["src/report/a.ts", 'import { x } from "../shard/stub.ts"; import type { Y } from "../shard/object.ts";'],
    ["src/index.ts", 'import "./track/click.ts"; import "./config.ts"; import("./report/app.ts");'],
  ])("and %s may hold %s", (path, text) => {
    expect(importsAgainstTable(planted(path, text))).toEqual([]);
  });

  it("in the tree", () => {
    expect(sources.flatMap(importsAgainstTable)).toEqual([]);
  });
});

describe("imports at run time make no cycle", () => {
  const a = planted("src/core/a.ts", 'import "./b.ts";');
  it("which is found", () => {
    const b = planted("src/core/b.ts", 'export { x } from "./a.ts";');
    expect(importCycles([a, b])).toEqual(["src/core/a.ts → src/core/b.ts → src/core/a.ts"]);
  });

  it("while types may point back", () => {
    const b = planted("src/core/b.ts", 'import type { X } from "./a.ts";');
    expect(importCycles([a, b])).toEqual([]);
    expect(importCycles([a, b], { withTypes: true })).toHaveLength(1);
  });

  it("nor do types in scripts and benchmarks", () => {
    const tools = modules.filter(({ path }) => /^(scripts|bench)\//.test(path));
    expect(importCycles(tools, { withTypes: true })).toEqual([]);
  });

  it("in the tree", () => {
    expect(importCycles(sources)).toEqual([]);
  });
});

describe("the Worker starts without hono and zod", () => {
  const click = planted("src/track/click.ts", 'import "../report/app.ts";');
  const app = planted("src/report/app.ts", 'import { Hono } from "hono/tiny"; import type { z } from "zod";');
  it("which is found through any chain of static imports", () => {
    const index = planted("src/index.ts", 'import "./track/click.ts";');
    expect(heavyAtStart([index, click, app], "src/index.ts", ["hono", "zod"])).toHaveLength(1);
  });

  it("while a dynamic import may reach them", () => {
    const index = planted("src/index.ts", 'const app = () => import("./report/app.ts");');
    expect(heavyAtStart([index, app], "src/index.ts", ["hono", "zod"])).toEqual([]);
  });

  it("in the tree", () => {
    expect(heavyAtStart(sources, "src/index.ts", ["hono", "zod", "@hono/zod-openapi"])).toEqual([]);
  });

  it("and the front of the API loads no zod before a route is asked for", () => {
    expect(heavyAtStart(sources, "src/api/app.ts", ["zod"])).toEqual([]);
  });
});

describe("statements over tenants' rows", () => {
  it.each([
    ["src/report/page/a.ts", 'const SQL = "SELECT * FROM facts_day WHERE day = ?1";'],
    ["src/report/a.ts", "const SQL = `SELECT 1 FROM cells_${tier}`;"],
    ["src/operator/a.ts", "const SQL = `SELECT count(*)\nFROM advertisers JOIN late_clicks USING (advertiser_id)`;"],
    ["src/api/a.ts", 'const SQL = "UPDATE campaigns SET name = ?1";'],
    ["src/report/answer/a.ts", 'import { PLACES } from "../../facts/facts-schema.ts"; use(PLACES.day.table);'],
    ["src/report/live/live-sql.ts", 'const SQL = "SELECT 1 FROM facts_minute WHERE advertiser_id = ?1";'],
    ["src/admin/a.ts", 'const TEXT = "SELECT 1 FROM ads"; const SQL = new TenantSql(TEXT);'],
  ])("are found in %s: %s", (path, text) => {
    expect(strayTenantSql(planted(path, text))).toHaveLength(1);
  });

  it.each([
    ["src/admin/a.ts", 'const SQL = new TenantSql("SELECT 1 FROM facts_minute WHERE advertiser_id = ?1");'],
    ["src/admin/a.ts", "const SQL = new TenantSql({ all: `SELECT ${SUMS}\nFROM facts_minute` });"],
    ["src/facts/a.ts", 'const SQL = "DELETE FROM facts_day";'],
    ["src/report/a.ts", 'const SQL = "SELECT mark FROM roll_marks"; // FROM facts_day'],
  ])("are none in %s: %s", (path, text) => {
    expect(strayTenantSql(planted(path, text))).toEqual([]);
  });

  it("are made with a scope, or by those who write for everybody", () => {
    expect(sources.flatMap(strayTenantSql)).toEqual([]);
  });
});

describe("calls that are banned", () => {
  it.each([
    ["src/track/a.ts", "const id = Math.random();"],
    ["src/track/a.ts", "console.log(1);"],
    ["src/core/a.ts", "const now = Date.now();"],
    ["src/core/a.ts", "const id = crypto.randomUUID();"],
    ["src/queue/a.ts", "const body = JSON.parse(text);"],
  ])("are found in %s: %s", (path, text) => {
    expect(bannedCalls(planted(path, text))).toHaveLength(1);
  });

  it.each([
    ["src/log.ts", "console.log(1);"],
    ["src/track/a.ts", "const now = Date.now();"],
    ["src/core/base64url.ts", "JSON.parse(text);"],
    ["src/core/a.ts", "// Math.random() would lose clicks\nconst text = 'Date.now()';"],
  ])("are none in %s: %s", (path, text) => {
    expect(bannedCalls(planted(path, text))).toEqual([]);
  });

  it("are not in the tree", () => {
    expect(sources.flatMap(bannedCalls)).toEqual([]);
  });
});

describe("[attack 9] a request's body is read in one place", () => {
  it.each([
    "const body = await request.json();",
    "const body = await context.req.text();",
    "const body = await req.raw.arrayBuffer();",
    "const form = await given.formData();",
    "const stream = request.body ?? [];",
    "const copy = request.clone();",
    "const { body } = context.req.raw;",
    "const reader = new Response(request.body);",
  ])("and another is found: %s", (text) => {
    expect(unboundedReads(planted("src/operator/a.ts", text))).toHaveLength(1);
  });

  it.each([
    "await object.text();",
    "Response.json({});",
    "await new Response(stream).text();",
    "const { method } = request;",
  ])("while this is none: %s", (text) => {
    expect(unboundedReads(planted("src/operator/a.ts", text))).toEqual([]);
  });

  it("in the tree", () => {
    expect(sources.flatMap(unboundedReads)).toEqual([]);
  });
});

describe("SQL is a constant", () => {
  it("and a statement with a value in its text is found", () => {
    const text = "database.prepare(`SELECT key_id FROM api_keys WHERE key_hash = '${hash}'`);";
    expect(builtSql(planted("src/access/a.ts", text))).toHaveLength(1);
  });

  it("while the modules that build SQL from constants may, and others may name it", () => {
    expect(builtSql(planted("src/report/read/cells-sql.ts", "const sql = `SELECT ${columns} FROM facts`;"))).toEqual(
      [],
    );
    expect(builtSql(planted("src/access/a.ts", "const SELECT_KEY = `\nSELECT key_id\nFROM api_keys`;"))).toEqual([]);
    expect(builtSql(planted("src/access/a.ts", "throw new Error(`where ${x} is from`);"))).toEqual([]);
  });

  it("in the tree", () => {
    expect(sources.flatMap(builtSql)).toEqual([]);
  });
});

describe("files, functions and lines are short", () => {
  it("and long ones are found", () => {
    expect(wideLines({ path: "a.ts", text: `// ${"·".repeat(LINE_CHARS_MAX)}\n` })).toEqual([
      "a.ts:1: 123 characters, at most 120",
    ]);
    expect(wideLines({ path: "a.ts", text: `${"·".repeat(LINE_CHARS_MAX)}\n` })).toEqual([]);
    expect(longFiles({ path: "a.ts", text: "\n".repeat(FILE_LINES_MAX).concat("x") })).toHaveLength(1);
    const lines = (count: number) => `const f = () => {${"\n".repeat(count - 1)}};`;
    expect(longFunctions(planted("src/a.ts", lines(FUNCTION_LINES_MAX + 1)))).toHaveLength(1);
    expect(longFunctions(planted("src/a.ts", lines(FUNCTION_LINES_MAX)))).toEqual([]);
    expect(longFunctions(planted("src/a.ts", `class A { run() {${"\n".repeat(70)}} }`))).toHaveLength(1);
  });

  it("in the tree", () => {
    expect([...sources.flatMap(longFiles), ...sources.flatMap(longFunctions)]).toEqual([]);
    expect(sources.flatMap(wideLines)).toEqual([]);
  });
});

describe("files say what they are", () => {
  it("and one that does not is found", () => {
    expect(missingModuleComment({ path: "src/a.ts", text: 'import "b";\n' })).toHaveLength(1);
    expect(missingModuleComment({ path: "scripts/a.sh", text: "#!/bin/sh\nset -e\n" })).toHaveLength(1);
    expect(missingModuleComment({ path: "scripts/a.ts", text: "#!/usr/bin/env node\n/** Why. */\n" })).toEqual([]);
  });

  it("in the tree", () => {
    const described = files.filter(({ path }) => /^(src|scripts)\/.*\.(ts|mts|mjs|js|sh)$/.test(path));
    expect(described.flatMap(missingModuleComment)).toEqual([]);
  });
});

describe("every file of core has its test", () => {
  it("and one without is found", () => {
    expect(untestedCore(["src/core/a.ts", "src/core/b.ts", "test/core/b.test.ts", "src/core/c.d.ts"])).toHaveLength(1);
  });

  it("in the tree", () => {
    expect(untestedCore(files.map(({ path }) => path))).toEqual([]);
  });
});

describe("every file is used", () => {
  it("and one that is not is found", () => {
    const tree = [
      planted("src/index.ts", 'import type { A } from "./core/a.ts"; const b = () => import("./core/b.ts");'),
      planted("src/core/a.ts", ""),
      planted("src/core/b.ts", ""),
      planted("src/core/c.ts", ""),
      planted("src/core/d.ts", ""),
      planted("bench/d.ts", 'import "../src/core/d.ts";'),
    ];
    expect(deadFiles(tree)).toEqual(["src/core/c.ts: nothing imports it"]);
  });

  it("in the tree", () => {
    expect(deadFiles(modules)).toEqual([]);
  });
});

describe("docs/STORAGE.md lists every table and view", () => {
  const schema = {
    path: "s.ts",
    text: "CREATE TABLE log (…) CREATE VIEW IF NOT EXISTS cells AS … name GLOB 'seen_[0-9]*'",
  };
  it("and one that it does not list is found", () => {
    expect(storedNames([schema])).toEqual(["log", "cells", "seen_"]);
    const document = { path: "docs/STORAGE.md", text: "`backlog`, `seen_<hour>`, `cells_minute`" };
    expect(undocumented(["log", "cells", "seen_"], document)).toEqual([
      "docs/STORAGE.md: does not list log",
      "docs/STORAGE.md: does not list cells",
    ]);
  });

  it("in the tree", () => {
    const stores = files.filter(({ path }) =>
      /^(migrations\/.*\.sql|src\/shard\/(schema|sqlite-key-stores|sqlite-submission-book)\.ts)$/.test(path),
    );
    const document = files.find(({ path }) => path === "docs/STORAGE.md") ?? { path: "docs/STORAGE.md", text: "" };
    expect(storedNames(stores).length).toBeGreaterThan(10);
    expect(undocumented(storedNames(stores), document)).toEqual([]);
  });
});

describe("docs/OPERATIONS.md explains every event that the Worker logs", () => {
  const text = 'logFault("a_failed", fault); logInfo("done", {}); logFault(event, cause); log("no");';
  it("which is found where it is logged", () => {
    expect(loggedEvents(planted("src/a.ts", text))).toEqual(["a_failed", "done"]);
  });

  it("in the tree", () => {
    const events = sources.flatMap(loggedEvents);
    expect(events.length).toBeGreaterThan(40);
    const document = files.find(({ path }) => path === "docs/OPERATIONS.md") ?? {
      path: "docs/OPERATIONS.md",
      text: "",
    };
    expect(undocumented(events, document)).toEqual([]);
  });
});

describe("nothing is left unfinished", () => {
  it("and a mark is found", () => {
    expect(unfinished({ path: "a.ts", text: `done\n// ${"TO"}DO later` })).toEqual([`a.ts:2: // ${"TO"}DO later`]);
    expect(unfinished({ path: "a.ts", text: "const mastodon = 1;" })).toEqual([]);
  });

  it("in the tree", () => {
    expect(files.flatMap(unfinished)).toEqual([]);
  });
});

describe("a Markdown file has one title", () => {
  it("and another number is found", () => {
    expect(titles({ path: "a.md", text: "# One\n\n# Two\n" })).toHaveLength(1);
    expect(titles({ path: "a.md", text: "No title\n" })).toHaveLength(1);
    expect(titles({ path: "a.md", text: "# One\n\n```sh\n# a comment\n```\n" })).toEqual([]);
  });

  it("in the tree", () => {
    expect(files.filter(({ path }) => path.endsWith(".md")).flatMap(titles)).toEqual([]);
  });
});
