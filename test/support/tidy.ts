/**
 * The rules of the repository, each a pure function from files to findings, so that each is tested on a planted
 * violation. `test/tidy.test.ts` applies them to the tree.
 *
 * Keeps: a finding names the file and what to do instead. Imports are resolved by their text: `.ts` paths, no aliases.
 */
import { posix } from "node:path";
import { parseAst } from "vitest/node";

export type TextFile = { readonly path: string; readonly text: string };

export type Import = {
  /** A path from the root for a relative import, else the name of a package. */
  readonly target: string;
  readonly isType: boolean;
  readonly isDynamic: boolean;
};

export type Module = TextFile & { readonly imports: readonly Import[]; readonly nodes: readonly Node[] };

/** One node of the syntax tree (ESTree with TypeScript). */
type Node = { readonly type: string; readonly start: number; readonly end: number } & Readonly<Record<string, unknown>>;

/** Parses a TypeScript file. */
export function parseModule({ path, text }: TextFile): Module {
  const nodes: Node[] = [];
  collect(parseAst(text, { lang: path.endsWith(".tsx") ? "tsx" : "ts" }, path), nodes);
  const imports = nodes.flatMap((node) => {
    const source = node["source"] as Node | null | undefined;
    const specifier = source?.["value"];
    if (!/^(Import|Export(All|Named))/.test(node.type) || typeof specifier !== "string") return [];
    const target = specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : specifier;
    const isType = node["importKind"] === "type" || node["exportKind"] === "type";
    return [{ target, isType, isDynamic: node.type === "ImportExpression" }];
  });
  return { path, text, imports, nodes };
}

function collect(value: unknown, nodes: Node[]): void {
  if (typeof value !== "object" || value === null) return;
  if ("type" in value && "start" in value) nodes.push(value as Node);
  for (const child of Object.values(value)) collect(child, nodes);
}

const lineOf = (text: string, offset: number) => text.slice(0, offset).split("\n").length;
const at = (file: TextFile, node: Node) => `${file.path}:${lineOf(file.text, node.start)}`;
const folderOf = (path: string) => path.split("/").slice(1, -1)[0] ?? "";
const packageOf = (target: string) => /^(@[^/]+\/[^/]+|[^/]+)/.exec(target)?.[0] ?? target;

/** Folder → folders of src that it may import; imports run down the data's way, never back. */
export const FOLDER_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  problems: ["core"],
  access: ["problems", "core"],
  archive: ["core"],
  facts: ["archive", "core"],
  // Its leaves are opaque: it knows nothing of clicks.
  tlog: ["access", "problems", "core"],
  cold: ["facts", "core"],
  shard: ["facts", "archive", "core"],
  queue: ["shard", "core"],
  track: ["queue", "shard", "access", "problems", "core"],
  conversions: ["track", "queue", "shard", "access", "problems", "core"],
  "impression-counts": ["conversions", "track", "queue", "shard", "access", "problems", "core"],
  // Queue and spool are where events wait that a report does not hold yet: its watermark asks them.
  replay: ["audit", "archive", "shard", "core"],
  audit: ["facts", "cold", "archive", "shard", "core"],
  evidence: ["audit", "archive", "tlog", "core"],
  billing: ["evidence", "audit", "facts", "report", "admin", "access", "tlog", "problems", "core"],
  // Outbox and endpoints: what happened, told to whoever asked.
  webhooks: ["facts", "report", "admin", "access", "problems", "core"],
  // It asks each place where something can be wrong.
  metrics: ["canary", "report", "audit", "tlog", "queue", "shard", "facts", "access", "core"],
  report: ["queue", "audit", "facts", "cold", "access", "shard", "problems", "core"],
  erasure: ["evidence", "audit", "archive", "queue", "shard", "core"],
  operator: [
    "report",
    "queue",
    "replay",
    "erasure",
    "evidence",
    "audit",
    "tlog",
    "shard",
    "facts",
    "archive",
    "access",
    "core",
  ],
  admin: ["report", "access", "core"],
  canary: ["facts", "access", "problems", "core"],
  batch: ["queue", "audit", "facts", "cold", "shard", "archive", "core"],
  "well-known": ["report", "access", "core"],
  // The document gathers the schemas and the problems of every route.
  openapi: [
    "billing",
    "webhooks",
    "admin",
    "operator",
    "erasure",
    "replay",
    "report",
    "conversions",
    "impression-counts",
    "access",
    "problems",
    "core",
  ],
  // The front: it knows every room, and no room knows it.
  api: [
    "billing",
    "webhooks",
    "metrics",
    ...["admin", "operator", "report", "conversions", "impression-counts", "openapi", "well-known", "track"],
    ...["dashboard", "tlog", "canary"],
    ...["access", "problems", "core"],
  ],
  // Pages are made of answers of the API, which they are handed a way to ask; they know its words, and nothing behind them.
  dashboard: ["well-known", "report", "access", "core"],
  // Its history drives the modules that count, archive and post.
  demo: ["conversions", "track", "queue", "shard", "facts", "archive", "report", "access", "core"],
};

/** Folder → packages that it may import; "" are the root files. */
export const PACKAGE_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  "": ["itty-router"],
  core: ["@noble/ed25519", "@noble/hashes", "isbot"],
  access: ["@noble/hashes", "cloudflare:workers", "hono"],
  cold: ["hyparquet", "hyparquet-writer"],
  shard: ["cloudflare:workers"],
  tlog: ["@noble/hashes", "cloudflare:workers"],
  track: ["@noble/hashes"],
  conversions: ["@noble/hashes", "zod"],
  "impression-counts": ["@noble/hashes", "zod"],
  report: ["hono", "zod", "@hono/zod-openapi", "temporal-polyfill", "hyparquet"],
  api: ["hono"],
  // With the types of the answers, which are made from the document of the API, and what the minute explorer draws with.
  dashboard: ["hono", "client", "uplot"],
  erasure: ["@noble/hashes"],
  operator: ["zod"],
  admin: ["zod"],
  openapi: ["zod"],
  replay: ["cloudflare:workers"],
  billing: ["zod"],
  webhooks: ["@noble/hashes", "cloudflare:workers", "ipaddr.js", "zod"],
  audit: ["cloudflare:workers", "node:zlib"],
  evidence: ["@noble/hashes", "canonicalize", "cloudflare:workers", "hyparquet", "hyparquet-writer"],
  batch: ["cloudflare:workers", "hyparquet", "hyparquet-writer"],
};

/** What of a shard is meant for callers: the way to it, and how many there are. */
const SHARD_OUTSIDE = ["src/shard/stub.ts", "src/shard/topology-keeper.ts"];

/** Modules that are handed `Env` and so read the configuration; all others are handed what they need of it. */
const ENV_READERS = [
  "src/shard/event-shard.ts",
  "src/shard/submission-log.ts",
  "src/audit/ports.ts",
  "src/replay/workflow.ts",
  "src/tlog/evidence-log.ts",
  "src/webhooks/endpoint.ts",
  "src/evidence/ports.ts",
  "src/evidence/workflow.ts",
  "src/api/app.ts",
  "src/track/edge.ts",
];

/** Root files that every folder but core may import, and whether as types only. */
const ROOT_IMPORTS = new Map([
  ["src/log.ts", "value"],
  ["src/bindings.ts", "value"],
  ["src/placement.ts", "value"],
  ["src/metering.ts", "type"],
  ["src/operations.ts", "value"],
  ["src/tally.ts", "value"],
  ["src/timing.ts", "value"],
  ["src/problem.ts", "value"],
  ["src/body.ts", "value"],
  ["src/routes.ts", "value"],
  ["src/static-files.ts", "value"],
  ["src/config.ts", "type"],
]);

/** Scripts of pages, which the build finds by their folder (scripts/docs-assets.ts). */
const isIsland = (path: string) => path.startsWith("src/dashboard/islands/");

/** The deployed Worker, and that of a local run with its demonstration. */
const COMPOSITION_ROOTS = [
  ...["src/index.ts", "src/objects.ts", "src/every-minute.ts"],
  ...["src/demo/worker.ts", "src/demo/tampered-worker.ts"],
];

/** Imports that the two tables do not allow. */
export function importsAgainstTable({ path, imports }: Module): string[] {
  if (COMPOSITION_ROOTS.includes(path)) return [];
  const folder = folderOf(path);
  const isRoot = folder === "";
  const folders = isRoot ? ["problems", "core"] : FOLDER_IMPORTS[folder];
  if (folders === undefined) return [`${path}: folder ${folder} is not in the import table`];
  return imports.flatMap(({ target, isType }) => {
    if (!target.startsWith("src/")) {
      const isAllowed = (PACKAGE_IMPORTS[folder] ?? []).includes(packageOf(target));
      return isAllowed ? [] : [`${path}: ${folder || "root"} may not import ${target}`];
    }
    const targetFolder = folderOf(target);
    if (targetFolder === "") {
      const kind = folder === "core" ? undefined : ROOT_IMPORTS.get(target);
      if (kind === "value" || (kind === "type" && (isType || ENV_READERS.includes(path)))) return [];
      return [`${path}: ${folder || "root"} may not import ${target}${kind === "type" ? " except as a type" : ""}`];
    }
    if (folder === "report" && targetFolder === "shard" && !isType && !SHARD_OUTSIDE.includes(target)) {
      return [`${path}: report may import only the outside of shard and types, not ${target}`];
    }
    const isAllowed = targetFolder === folder || folders.includes(targetFolder);
    return isAllowed ? [] : [`${path}: ${folder || "root"} may not import ${targetFolder} (${target})`];
  });
}

/** Cycles of runtime imports, and of types where asked for, each once, as `a.ts → b.ts → a.ts`. */
export function importCycles(modules: readonly Module[], { withTypes = false } = {}): string[] {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    const from = trail.indexOf(path);
    if (from !== -1) cycles.push([...trail.slice(from), path].join(" → "));
    if (from !== -1 || done.has(path)) return;
    for (const { target, isType } of byPath.get(path)?.imports ?? []) {
      if (withTypes || !isType) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of byPath.keys()) visit(path, []);
  return cycles;
}

/** Files and packages that `entry` loads; dynamic imports and types count where asked for. */
export function reachable(
  modules: readonly Module[],
  entries: readonly string[],
  { withDynamic, withTypes }: { withDynamic: boolean; withTypes: boolean },
): Set<string> {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const seen = new Set<string>();
  const visit = (target: string) => {
    if (seen.has(target)) return;
    seen.add(target);
    for (const next of byPath.get(target)?.imports ?? []) {
      if ((withDynamic || !next.isDynamic) && (withTypes || !next.isType)) visit(next.target);
    }
  };
  for (const entry of entries) visit(entry);
  return seen;
}

/** Packages that the entry must not load before its first request. */
export function heavyAtStart(modules: readonly Module[], entry: string, heavy: readonly string[]): string[] {
  const loaded = reachable(modules, [entry], { withDynamic: false, withTypes: false });
  const isHeavy = (target: string) => heavy.includes(packageOf(target));
  return [...loaded].filter(isHeavy).map((target) => `${entry} loads ${target} at start: import it dynamically`);
}

/** Files of src that neither the Worker nor a test, benchmark or script imports. */
export function deadFiles(modules: readonly Module[]): string[] {
  const users = modules.map((module) => module.path).filter((path) => !path.startsWith("src/"));
  const alive = reachable(modules, ["src/index.ts", ...users, ...modules.map(({ path }) => path).filter(isIsland)], {
    withDynamic: true,
    withTypes: true,
  });
  const sources = modules.filter(({ path }) => path.startsWith("src/") && !path.endsWith(".d.ts"));
  return sources.filter(({ path }) => !alive.has(path)).map(({ path }) => `${path}: nothing imports it`);
}

type Ban = { readonly what: RegExp; readonly instead: string; readonly isBanned: (path: string) => boolean };

const BANS: readonly Ban[] = [
  { what: /^Math\.random$/, instead: "crypto.getRandomValues in a shell", isBanned: () => true },
  { what: /^console\./, instead: "log.ts", isBanned: (path) => path !== "src/log.ts" },
  { what: /^JSON\.parse$/, instead: "parseJson", isBanned: (path) => path !== "src/core/base64url.ts" },
  {
    what: /^(Date\.now|performance\.now|crypto\.(randomUUID|getRandomValues))$/,
    instead: "an argument",
    isBanned: (path) => path.startsWith("src/core/"),
  },
];

/** Members that are banned where they stand, with their replacement. */
export function bannedCalls(module: Module): string[] {
  return module.nodes.flatMap((node) => {
    if (node.type !== "MemberExpression") return [];
    const name = `${(node["object"] as Node)["name"]}.${(node["property"] as Node)["name"]}`;
    const ban = BANS.find(({ what, isBanned }) => what.test(name) && isBanned(module.path));
    return ban === undefined ? [] : [`${at(module, node)}: ${name} is banned here, use ${ban.instead}`];
  });
}

/** Tables and views whose rows are a tenant's. */
const TENANT_TABLES =
  /\b(FROM|JOIN|INTO|UPDATE)\s+(facts_|cells_|day_sums\b|hour_sums\b|changed_days\b|late_clicks\b|campaigns\b|ad_groups\b|ads\b|creatives\b|advertiser_profiles\b|outbox\b)/;
/** Who may name them in plain text: those who write for everybody, and those who read by the owner of a key. */
const TENANT_SQL = {
  writers: ["src/facts/", "src/cold/", "src/batch/", "src/demo/"],
  keys: [
    ...["src/access/api-keys.ts", "src/admin/keys-sql.ts", "src/admin/me.ts", "src/admin/resources-sql.ts"],
    ...["src/conversions/attribution-windows.ts", "src/audit/audit-sql.ts", "src/metrics/metrics-sql.ts"],
  ],
  /** Which makes nothing of them but a `Source`, within a scope. */
  source: "src/report/read/source-sql.ts",
} as const;

/** Statements over tenants' rows whose text can be had without a scope: not as a `TenantSql` (src/access/read-scope.ts). */
export function strayTenantSql(module: Module): string[] {
  const { path } = module;
  if (TENANT_SQL.writers.some((folder) => path.startsWith(folder))) return [];
  if ((TENANT_SQL.keys as readonly string[]).includes(path)) return [];
  const scoped = module.nodes.filter(
    (node) => node.type === "NewExpression" && (node["callee"] as Node)["name"] === "TenantSql",
  );
  const isScoped = ({ start, end }: Node) => scoped.some((made) => made.start < start && end < made.end);
  const tables = module.nodes.flatMap((node) => {
    const text =
      node.type === "Literal" || node.type === "TemplateElement" ? module.text.slice(node.start, node.end) : "";
    const found = TENANT_TABLES.exec(text);
    const line = `${at(module, node)}: ${found?.[0]}… reads tenants' rows; ${TENANT_SQL_ADVICE}`;
    return found === null || isScoped(node) ? [] : [line];
  });
  // The tables by tier are named by this constant.
  const places = module.imports.filter(({ target }) => target.endsWith("facts/facts-schema.ts"));
  const isSource = path === TENANT_SQL.source;
  const names = isSource || places.length === 0 || !/\bPLACES\b/.test(module.text) ? [] : [path];
  return [...tables, ...names.map((name) => `${name}: PLACES; ${TENANT_SQL_ADVICE}`)];
}

const TENANT_SQL_ADVICE = "make it a TenantSql (src/access/read-scope.ts), which takes a scope";

const BODY_READS = /^(text|json|formData|arrayBuffer|blob|bytes|clone|parseBody)$/;
/** What may be read whole: objects of R2, by the names that they have here, answers of our own API, what was made here. */
const READABLE = /^(object|existing|winner|answered|Response|new (Response|Blob)\b)/;
const REQUEST = /(^|\.)(request|req|raw)$/i;

/** Reads of a request's body outside the one module that bounds them. */
export function unboundedReads(module: Module): string[] {
  if (module.path === "src/body.ts" || folderOf(module.path) === "core") return [];
  const textOf = (node: Node) => module.text.slice(node.start, node.end);
  return module.nodes.flatMap((node) => {
    const found = `${at(module, node)}: ${textOf(node).split("\n")[0]} reads a body, use src/body.ts`;
    if (node.type === "MemberExpression") {
      const member = (node["property"] as Node)["name"];
      return member === "body" && REQUEST.test(textOf(node["object"] as Node)) ? [found] : [];
    }
    if (node.type === "VariableDeclarator" && (node["id"] as Node).type === "ObjectPattern") {
      const init = node["init"] as Node | null;
      const taken = ((node["id"] as Node)["properties"] as Node[]).map(
        (one) => (one["key"] as Node | undefined)?.["name"],
      );
      const isRequest = init !== null && REQUEST.test(textOf(init));
      return isRequest && taken.some((name) => name === "body" || BODY_READS.test(String(name))) ? [found] : [];
    }
    const callee = node.type === "CallExpression" ? (node["callee"] as Node) : null;
    if (callee?.type !== "MemberExpression") return [];
    const isRead = BODY_READS.test(String((callee["property"] as Node)["name"]));
    return isRead && !READABLE.test(textOf(callee["object"] as Node)) ? [found] : [];
  });
}

/** Modules that own SQL whose text depends on constants of ours. */
const SQL_BUILDERS =
  /^src\/(facts\/(facts|sketch|day-sums|hour-sums)-sql|audit\/audit-sql|cold\/sql|admin\/resources-sql|shard\/(log-tables|sqlite-(key-stores|submission-book))|webhooks\/delivery-log|report\/(read|live)\/[a-z-]+-sql)\.ts$/;
const SQL =
  /\b(SELECT|INSERT (OR|INTO)|UPDATE|DELETE FROM|(CREATE|DROP|ALTER) (TABLE|VIEW|INDEX)|(ORDER|GROUP) BY|WHERE)\b/;

/** SQL text put together outside the modules that may: a value belongs into a numbered parameter. */
export function builtSql(module: Module): string[] {
  if (SQL_BUILDERS.test(module.path)) return [];
  return module.nodes
    .filter((node) => node.type === "TemplateLiteral" && (node["expressions"] as unknown[]).length > 0)
    .filter((node) => SQL.test((node["quasis"] as { value: { raw: string } }[]).map(({ value }) => value.raw).join("")))
    .map((node) => `${at(module, node)}: SQL is built from parts, use a constant statement with ?1`);
}

export const FILE_LINES_MAX = 300;
export const FUNCTION_LINES_MAX = 70;
export const LINE_CHARS_MAX = 120;

export function longFiles({ path, text }: TextFile): string[] {
  const lines = text.trimEnd().split("\n").length;
  return lines > FILE_LINES_MAX ? [`${path}: ${lines} lines, at most ${FILE_LINES_MAX}`] : [];
}

export function longFunctions(module: Module): string[] {
  return module.nodes.flatMap((node) => {
    if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) return [];
    const lines = module.text.slice(node.start, node.end).split("\n").length;
    return lines > FUNCTION_LINES_MAX ? [`${at(module, node)}: a function of ${lines} lines, at most 70`] : [];
  });
}

/** Lines that are too wide, comments too. */
export function wideLines({ path, text }: TextFile): string[] {
  return text
    .split("\n")
    .flatMap((line, at) =>
      line.length > LINE_CHARS_MAX ? [`${path}:${at + 1}: ${line.length} characters, at most ${LINE_CHARS_MAX}`] : [],
    );
}

/** A file opens with a comment that says what it is. */
export function missingModuleComment({ path, text }: TextFile): string[] {
  const opens = /^(#!.*\n)?(\/\*\*|# |\/\/ )/.test(text) || /^#!.*\n#/.test(text);
  return opens ? [] : [`${path}: no module comment at its top`];
}

/** Files of core without the test that mirrors them. */
export function untestedCore(paths: readonly string[]): string[] {
  const all = new Set(paths);
  return paths
    .filter((path) => /^src\/core\/[^.]+\.ts$/.test(path))
    .filter((path) => !all.has(path.replace(/^src\/(.*)\.ts$/, "test/$1.test.ts")))
    .map((path) => `${path}: no ${path.replace(/^src\/(.*)\.ts$/, "test/$1.test.ts")}`);
}

/** Events that a module logs by name (src/log.ts). */
export function loggedEvents({ nodes }: Module): string[] {
  return nodes.flatMap((node) => {
    const callee = node.type === "CallExpression" ? (node["callee"] as Node)["name"] : undefined;
    const [event] = callee === "logFault" || callee === "logInfo" ? (node["arguments"] as Node[]) : [];
    return event?.type === "Literal" ? [String(event["value"])] : [];
  });
}

/** Tables and views that these files create, and prefixes of tables per hour, which they find by `GLOB`. */
export function storedNames(files: readonly TextFile[]): string[] {
  const created = /(?:CREATE\s+(?:TABLE|VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?|GLOB ')([a-z_][a-z0-9_]*)/g;
  return [...new Set(files.flatMap(({ text }) => [...text.matchAll(created)].map(([, name = ""]) => name)))];
}

/** Stored names that the document of storage does not mention. */
export function undocumented(names: readonly string[], document: TextFile): string[] {
  return names
    .filter(
      (name) =>
        !new RegExp(`(?<![A-Za-z0-9_])${name}${name.endsWith("_") ? "" : "(?![A-Za-z0-9_])"}`).test(document.text),
    )
    .map((name) => `${document.path}: does not list ${name}`);
}

const UNFINISHED = new RegExp(["TO" + "DO", "FIX" + "ME", "X" + "XX"].map((word) => `\\b${word}\\b`).join("|"));

export function unfinished({ path, text }: TextFile): string[] {
  return text
    .split("\n")
    .flatMap((line, index) => (UNFINISHED.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : []));
}

/** Markdown files without exactly one title. */
export function titles({ path, text }: TextFile): string[] {
  const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "");
  const count = prose.match(/^# /gm)?.length ?? 0;
  return count === 1 ? [] : [`${path}: ${count} titles of first level, not one`];
}
