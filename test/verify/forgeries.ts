/**
 * Forgeries of a world's evidence: what somebody may change who has the archive, each a kind of its own.
 *
 *   bytes      an object is changed, and nothing that names it
 *   rehashed   an object is changed, and every hash up to the statement after it; the log cannot be signed
 *   logged     likewise, and the log is signed anew, as only the service itself can
 *
 * Keeps: each forgery changes a decoded value or a hashed byte. What nobody can tell from evidence is none: a country,
 * or a click under a secret with everything that belongs to it.
 */
import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { parquetReadObjects } from "hyparquet";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import { encodeCheckpoint } from "../../src/core/checkpoint.ts";
import { SUM_COUNTS } from "../../src/core/evidence.ts";
import { hashLeaf, rootOf } from "../../src/core/merkle.ts";
import { noteSigner, signNote } from "../../src/core/signed-note.ts";
import { decodeEntries, encodeEntries } from "../../src/core/tiles.ts";
import { leaf, seeded, tokenOf } from "./world.ts";

export type Objects = Map<string, Uint8Array>;
type Random = () => number;
type Level = "rehashed" | "logged";
type Row = Record<string, string | number | bigint | null>;
type Json = Record<string, unknown>;
type Part = { name: string; sha256: string; rows: number };
type Manifest = Json & { day: string; revision: number; parts: Part[]; tokens: Part[]; sums: Part; totals: Json };

export type Forgery = { readonly kind: string; readonly objects: Objects };

const CHECKPOINT = "evidence-log/v1/checkpoint";
const INT32 = new Set(["clicks", "minute", "line", "quarter"]);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const pick = <T>(from: readonly T[], random: Random): T => from[Math.floor(random() * from.length)] as T;

/** The kinds, by turns: forgery `index` of a seed is always the same. */
export async function forge(world: Objects, index: number, seed: number): Promise<Forgery> {
  const random = seeded(seed * 100_003 + index);
  const objects = new Map(world);
  const make = KINDS[index % KINDS.length] as (objects: Objects, random: Random) => Promise<string>;
  const kind = await make(objects, random);
  return { kind, objects };
}

const BYTES = /\.json$|\.parquet$|\/entries\/|\/checkpoint$/;

/** The objects that verifying reads. */
function readKeys(objects: Objects, pattern: RegExp): string[] {
  const checkpoint = Buffer.from(objects.get(CHECKPOINT) as Uint8Array).toString();
  const bundle = `entries/000.p/${checkpoint.split("\n")[1]}`;
  return [...objects.keys()].filter((key) => {
    const isRead = BYTES.test(key) && !/evidence-log\/v1\/(head|keys)/.test(key);
    return isRead && pattern.test(key) && (!key.includes("/entries/") || key.endsWith(bundle));
  });
}

const byteOf = (name: string, pattern: RegExp) => async (objects: Objects, random: Random) => {
  const key = pick(readKeys(objects, pattern), random);
  const bytes = Uint8Array.from(objects.get(key) as Uint8Array);
  const at = Math.floor(random() * bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(random() * 8));
  objects.set(key, bytes);
  return `bytes: ${name}, a bit`;
};

async function cut(objects: Objects, random: Random): Promise<string> {
  const key = pick(readKeys(objects, /./), random);
  const bytes = objects.get(key) as Uint8Array;
  objects.set(key, bytes.slice(0, Math.floor(random() * bytes.length)));
  return "bytes: an object cut short";
}

async function swapped(objects: Objects, random: Random): Promise<string> {
  const pattern = pick([/rows-/, /sums-/, /tokens-/, /lines-/, /manifest-/, /statements.*json$/], random);
  const keys = readKeys(objects, pattern);
  const [one, other] = [pick(keys, random), pick(keys, random)];
  const [left, right] = [objects.get(one) as Uint8Array, objects.get(other) as Uint8Array];
  // The same twice changes nothing: then it is emptied.
  if (sha256(left) === sha256(right)) objects.set(one, new Uint8Array());
  else objects.set(one, right).set(other, left);
  return "bytes: two objects swapped";
}

const decode = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString());
const encode = (value: object) => Uint8Array.from(Buffer.from(canonicalize(value) as string));

async function readRows(objects: Objects, key: string): Promise<Row[]> {
  const bytes = objects.get(key) as Uint8Array;
  return (await parquetReadObjects({ file: Uint8Array.from(bytes).buffer })) as Row[];
}

/** Puts rows in the place of a file, under a name of their own; resolves to the part. */
function putRows(objects: Objects, folder: string, part: Part, rows: readonly Row[], names: readonly string[]): Part {
  const columnData: ColumnSource[] = names.map((name) => {
    const values = rows.map((row) => row[name] ?? null);
    const isNumber = typeof rows.find((row) => row[name] !== null)?.[name] !== "string";
    if (!isNumber || TEXT.has(name)) return { name, type: "STRING", nullable: true, data: values };
    if (INT32.has(name)) return { name, type: "INT32", nullable: false, data: Int32Array.from(values as number[]) };
    return {
      name,
      type: "INT64",
      nullable: false,
      data: BigInt64Array.from(values.map((value) => BigInt(value ?? 0))),
    };
  });
  const bytes = new Uint8Array(parquetWriteBuffer({ columnData }));
  const hash = sha256(bytes);
  const named = { name: part.name.replace(/[0-9a-f]{16}\.parquet$/, `${hash.slice(0, 16)}.parquet`), sha256: hash };
  objects.set(`${folder}${named.name}`, bytes);
  return { ...part, ...named, rows: rows.length };
}
const TEXT = new Set(["reason", "cause"]);

const manifestKeys = (objects: Objects) => readKeys(objects, /manifest-/).sort();
const folderOf = (key: string) => key.slice(0, key.lastIndexOf("/") + 1);

/** Brings every hash in order: of manifests, statements and, where the log is signed anew, of its leaves. */
async function rechain(objects: Objects, level: Level): Promise<void> {
  const hashes = new Map<string, string>();
  let before: { day: string; sha256: string } | null = null;
  for (const key of manifestKeys(objects)) {
    const manifest = decode(objects.get(key) as Uint8Array) as Manifest;
    manifest["previous"] = before?.day === folderOf(key) ? before.sha256 : null;
    const bytes = encode(manifest);
    objects.set(key, bytes);
    before = { day: folderOf(key), sha256: sha256(bytes) };
    hashes.set(`${manifest.day}/${manifest.revision}`, before.sha256);
  }
  let previous: string | null = null;
  for (const key of readKeys(objects, /statements.*json$/).sort()) {
    const statement = decode(objects.get(key) as Uint8Array);
    for (const counted of [...statement.evidence, ...statement.corrected]) {
      counted.sha256 = hashes.get(`${counted.day}/${counted.revision}`) ?? counted.sha256;
    }
    statement.previous = previous;
    const bytes = encode(statement);
    objects.set(key, bytes);
    previous = sha256(bytes);
    hashes.set(`statement/${String(statement.number).padStart(6, "0")}`, previous);
  }
  if (level === "logged") await relog(objects, (leaves) => leaves.map((own) => renewed(own, hashes)));
}

/** A leaf of the advertiser with the hash that its object has now. */
export function renewed(own: Uint8Array, hashes: ReadonlyMap<string, string>): Uint8Array {
  for (const [name, hash] of hashes) {
    const now = leaf(name, hash);
    if (now.subarray(0, 32).equals(own.subarray(0, 32))) return now;
  }
  return own;
}

/** Writes the log again with other leaves, signed by a key of the seed's name. */
export async function relog(
  objects: Objects,
  change: (leaves: Uint8Array[]) => Uint8Array[],
  seedName = "log",
): Promise<void> {
  const [key = ""] = readKeys(objects, /\/entries\//);
  const leaves = change(decodeEntries(objects.get(key) as Uint8Array) ?? []);
  objects.set(`evidence-log/v1/tile/entries/000.p/${leaves.length}`, encodeEntries(leaves));
  const origin = "ads.example/evidence";
  const signer = await noteSigner(origin, createHash("sha256").update(seedName).digest());
  const text = encodeCheckpoint({ origin, size: leaves.length, root: rootOf(leaves.map(hashLeaf)) });
  objects.set(CHECKPOINT, Uint8Array.from(Buffer.from(await signNote(text, [signer]))));
}

type Edit = (rows: Row[], random: Random, level: Level) => Row[] | null;

const isText = (name: string) => name === "day" || name === "cause" || name.endsWith("_id");
const other = (value: unknown) => `${String(value)}x`;
const hexOther = (value: unknown) => String(value).replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));

/** What a row may say otherwise; those of `logged` contradict something else in the evidence. */
const COLUMNS: Readonly<Record<string, (row: Row) => unknown>> = {
  price_micros: (row) => BigInt(row["price_micros"] as bigint) + 1n,
  verdict: (row) => (row["verdict"] === "valid" ? "duplicate" : "valid"),
  clicks: (row) => Number(row["clicks"]) + 1,
  minute: (row) => Number(row["minute"]) + 15,
  campaign_id: (row) => other(row["campaign_id"]),
  ad_id: (row) => other(row["ad_id"]),
  ad_group_id: (row) => other(row["ad_group_id"]),
  publisher_id: (row) => other(row["publisher_id"]),
  impression: (row) => hexOther(row["impression"]),
  token_sha256: (row) => hexOther(row["token_sha256"]),
  event_id: (row) => String(row["event_id"]).replace(/.$/, (last) => (last === "a" ? "b" : "a")),
  rules: () => "9-00000000",
  decisions: (row) => `late;${row["decisions"]} review`,
};
const UNSEEN: Readonly<Record<string, (row: Row) => unknown>> = {
  country: () => "FR",
  device: () => "phone",
  seq: (row) => BigInt(row["seq"] as bigint) + 1n,
  reason: () => "low_quality",
};

const EDITS: Readonly<Record<string, Edit>> = {
  "a line dropped": (rows, random) => {
    const at = Math.floor(random() * rows.length);
    return rows.filter((_, index) => index !== at);
  },
  "a line doubled": (rows, random) => {
    const at = Math.floor(random() * rows.length);
    return rows.flatMap((row, index) => (index === at ? [row, row] : [row]));
  },
  "lines reordered": (rows) => (rows.length < 2 ? null : rows.toReversed()),
  "a line edited": (rows, random, level) => {
    const columns = level === "logged" ? COLUMNS : { ...COLUMNS, ...UNSEEN };
    const [name, change] = pick(Object.entries(columns), random);
    const at = Math.floor(random() * rows.length);
    return rows.map((row, index) => (index === at ? { ...row, [name]: change(row) as never } : row));
  },
};

/** Edits the file that a list of a manifest names. */
const fileEdit = (list: "parts" | "tokens" | "sums", name: string, edit: Edit, level: Level) => {
  return async (objects: Objects, random: Random): Promise<string> => {
    for (let tried = 0; tried < 50; tried++) {
      const key = pick(manifestKeys(objects), random);
      const manifest = decode(objects.get(key) as Uint8Array) as Manifest;
      // A revision that was replaced has no tokens that count.
      if (list === "tokens" && isReplaced(objects, key)) continue;
      const parts = list === "sums" ? [manifest.sums] : manifest[list];
      const part = pick(parts, random);
      const rows = await readRows(objects, `${folderOf(key)}${part.name}`);
      const names = Object.keys(rows[0] ?? {});
      const edited = edit(rows, random, level);
      if (edited === null || edited.length === 0) continue;
      if (list === "parts") await followTokens(objects, key, manifest, { at: parts.indexOf(part), edited });
      Object.assign(part, putRows(objects, folderOf(key), part, edited, names));
      objects.set(key, encode(manifest));
      await rechain(objects, level);
      return `${level}: ${list === "parts" ? "rows" : list}, ${name}`;
    }
    return manifestEdit(level)(objects, random);
  };
};

/** A click that goes or comes twice takes its token with it. */
async function followTokens(
  objects: Objects,
  key: string,
  { parts, tokens }: Manifest,
  { at, edited }: { at: number; edited: readonly Row[] },
): Promise<void> {
  const part = tokens[at] as Part;
  if (edited.length === (parts[at] as Part).rows) return;
  const rows = await readRows(objects, `${folderOf(key)}${part.name}`);
  const followed = edited.flatMap(({ event_id: event }) => rows.filter((row) => row["event_id"] === event));
  Object.assign(part, putRows(objects, folderOf(key), part, followed, ["event_id", "token"]));
}

function isReplaced(objects: Objects, key: string): boolean {
  return manifestKeys(objects).some((other) => folderOf(other) === folderOf(key) && other > key);
}

const sumEdit: Edit = (rows, random) => {
  const at = Math.floor(random() * rows.length);
  const name = pick([...SUM_COUNTS, "spend_micros", "quarter", "ad_id", "cause"], random);
  return rows.map((row, index) => {
    if (index !== at) return row;
    const value = row[name];
    return {
      ...row,
      [name]: isText(name) ? other(value ?? "") : name === "quarter" ? Number(value) + 1 : BigInt(value as bigint) + 1n,
    };
  });
};

/** Another price, advertiser or life in a token; its row commits to what it was. */
const tokenEdit: Edit = (rows, random) => {
  const at = Math.floor(random() * rows.length);
  return rows.map((row, index) => {
    if (index !== at) return row;
    const claims = JSON.parse(Buffer.from(String(row["token"]).split(".")[1] ?? "", "base64url").toString());
    return { ...row, token: tokenOf({ ...claims, cpc: claims.cpc + 1 }, random() < 0.5) };
  });
};

const manifestEdit =
  (level: Level) =>
  async (objects: Objects, random: Random): Promise<string> => {
    const key = pick(manifestKeys(objects), random);
    const manifest = decode(objects.get(key) as Uint8Array) as Manifest;
    const edits: (() => void)[] = [
      () => Object.assign(manifest.totals, { valid: Number(manifest.totals["valid"]) + 1 }),
      () => Object.assign(manifest.totals, { spend_micros: `${manifest.totals["spend_micros"]}0` }),
      () => manifest.parts.pop(),
      () => manifest.tokens.pop(),
      () => manifest.parts.reverse(),
      () => Object.assign(manifest, { rules: [...(manifest["rules"] as string[]), "9-00000000"] }),
      () => Object.assign(manifest.parts[0] as Part, { rows: (manifest.parts[0] as Part).rows + 1 }),
      () => Object.assign(manifest, { revision: manifest.revision + 1 }),
      () => Object.assign(manifest, { advertiser_id: "adv_other" }),
      () => Object.assign(manifest, { note: "new" }),
    ];
    pick(edits, random)();
    objects.set(key, encode(manifest));
    await rechain(objects, level);
    return `${level}: a manifest edited`;
  };

/** Members of a statement that nothing else in the evidence says. */
const FREE =
  /^(draft|issued_at|previous|time_zone|currency|budget_micros|evidence\.\d+\.sha256|corrected\.\d+\.sha256)$/;
const NAMES_OF_FILES = /^(lines_by_ad|adjustments_by_ad)/;

const statementEdit =
  (level: Level) =>
  async (objects: Objects, random: Random): Promise<string> => {
    const key = pick(readKeys(objects, /statements.*json$/), random);
    const statement = decode(objects.get(key) as Uint8Array);
    const paths = leavesOf(statement, []).filter((path) => !FREE.test(path.join(".")));
    const path = pick(paths, random);
    const parent = path.slice(0, -1).reduce((value, name) => value[name], statement);
    const last = path.at(-1) as string;
    parent[last] = changed(parent[last], NAMES_OF_FILES.test(path.join(".")));
    objects.set(key, encode(statement));
    await rechain(objects, level);
    return `${level}: a statement edited`;
  };

function changed(value: unknown, isHash: boolean): unknown {
  if (typeof value === "number") return value + 1;
  if (value === null) return "x";
  if (isHash) return hexOther(value);
  if (/^-?\d+$/.test(String(value))) return String(BigInt(String(value)) + 1n);
  return /T.*Z$/.test(String(value)) ? String(value).replace("0:00Z", "5:00Z") : other(value);
}

function leavesOf(value: unknown, path: string[]): string[][] {
  if (value === null || typeof value !== "object") return [path];
  return Object.entries(value).flatMap(([name, inner]) => leavesOf(inner, [...path, name]));
}

const statementLine =
  (level: Level) =>
  async (objects: Objects, random: Random): Promise<string> => {
    const key = pick(readKeys(objects, /statements.*json$/), random);
    const statement = decode(objects.get(key) as Uint8Array);
    const list = pick(
      ["lines", "adjustments", "evidence", "corrected"].filter((name) => statement[name].length > 0),
      random,
    );
    const at = Math.floor(random() * statement[list].length);
    if (random() < 0.5) statement[list].splice(at, 1);
    else statement[list].splice(at, 0, statement[list][at]);
    objects.set(key, encode(statement));
    await rechain(objects, level);
    return `${level}: a statement's line dropped or doubled`;
  };

const adLines =
  (level: Level) =>
  async (objects: Objects, random: Random): Promise<string> => {
    const key = pick(readKeys(objects, /statements.*json$/), random);
    const statement = decode(objects.get(key) as Uint8Array);
    const parts = [...statement.lines_by_ad, statement.adjustments_by_ad].filter((part) => part !== null);
    const part = pick(parts, random);
    const rows = await readRows(objects, `${folderOf(key)}${part.name}`);
    const names = Object.keys(rows[0] ?? {});
    const edit = pick(
      [EDITS["a line dropped"], EDITS["a line doubled"], EDITS["lines reordered"], adEdit],
      random,
    ) as Edit;
    const edited = edit(rows, random, level) ?? adEdit(rows, random, level) ?? [];
    Object.assign(
      part,
      putRows(objects, folderOf(key), part, edited.length === 0 ? [...rows, ...rows] : edited, names),
    );
    objects.set(key, encode(statement));
    await rechain(objects, level);
    return `${level}: lines by ad edited`;
  };

const adEdit: Edit = (rows, random) => {
  const at = Math.floor(random() * rows.length);
  const name = pick(
    [...SUM_COUNTS, "spend_micros", "ad_id", "campaign_id", "day", ...("cause" in (rows[0] ?? {}) ? ["cause"] : [])],
    random,
  );
  return rows.map((row, index) => {
    const value = row[name];
    if (index !== at) return row;
    return { ...row, [name]: isText(name) ? other(value ?? "") : BigInt(value as bigint) + 1n };
  });
};

async function otherKey(objects: Objects): Promise<string> {
  await relog(objects, (leaves) => leaves, "somebody else");
  return "log: signed by another key";
}

async function leafGone(objects: Objects): Promise<string> {
  await relog(objects, (leaves) => leaves.filter((own) => renewed(own, ownNames(objects)) === own));
  return "log: without the advertiser's leaves";
}

async function twoUnderOneName(objects: Objects, random: Random): Promise<string> {
  const [name] = pick([...ownNames(objects)], random);
  await relog(objects, (leaves) => [...leaves, leaf(name, hexOther("0".repeat(64)))]);
  return "log: two objects under one name";
}

async function leavesMoved(objects: Objects, random: Random): Promise<string> {
  const [key = ""] = readKeys(objects, /\/entries\//);
  const leaves = decodeEntries(objects.get(key) as Uint8Array) ?? [];
  const at = 1 + Math.floor(random() * (leaves.length - 1));
  objects.set(key, encodeEntries([...leaves.slice(at), ...leaves.slice(0, at)]));
  return "log: leaves in another order";
}

function ownNames(objects: Objects): Map<string, string> {
  const names = new Map<string, string>();
  for (const key of manifestKeys(objects)) {
    const { day, revision } = decode(objects.get(key) as Uint8Array) as Manifest;
    names.set(`${day}/${revision}`, "0".repeat(64));
  }
  for (const key of readKeys(objects, /statements.*json$/))
    names.set(`statement/${key.slice(-11, -5)}`, "0".repeat(64));
  return names;
}

const LEVELS: readonly Level[] = ["rehashed", "logged"];
const KINDS: readonly ((objects: Objects, random: Random) => Promise<string>)[] = [
  byteOf("statement", /statements.*json$/),
  byteOf("manifest", /manifest-/),
  byteOf("rows", /rows-/),
  byteOf("sums", /sums-/),
  byteOf("tokens", /tokens-/),
  byteOf("lines by ad", /lines-/),
  byteOf("adjustments by ad", /adjustments-/),
  byteOf("the log's leaves", /entries/),
  byteOf("the checkpoint", /checkpoint$/),
  cut,
  swapped,
  ...LEVELS.flatMap((level) => [
    ...Object.entries(EDITS).map(([name, edit]) => fileEdit("parts", name, edit, level)),
    fileEdit("sums", "a sum edited", sumEdit, level),
    fileEdit("sums", "a sum dropped", EDITS["a line dropped"] as Edit, level),
    fileEdit("tokens", "a token edited", tokenEdit, level),
    manifestEdit(level),
    statementEdit(level),
    statementLine(level),
    adLines(level),
  ]),
  otherKey,
  leafGone,
  twoUnderOneName,
  leavesMoved,
];
