/**
 * Crafted columns: a file of evidence, or of lines by ad, in which one column has values of another type or none that
 * it can have; every hash up to the log is made anew.
 */
import { createHash } from "node:crypto";
import { parquetMetadata, parquetReadObjects, type SchemaElement } from "hyparquet";
import { type BasicType, type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import { decode, logged } from "./crafted.ts";
import type { Objects } from "./forgeries.ts";

type Row = Record<string, unknown>;
type Part = { name: string; sha256: string; rows: number };
type Crafting = { readonly type: BasicType; readonly of: (value: unknown, at: number) => unknown };

const inFirst = (other: unknown) => (value: unknown, at: number) => (at === 0 ? other : value);
const asText = (value: unknown) => (value === null ? null : String(value));

/** Values that no column has. */
const OTHER_TYPES: Readonly<Record<string, Crafting>> = {
  "a boolean": { type: "BOOLEAN", of: (_, at) => at % 2 === 0 },
  "an object": { type: "JSON", of: () => ({ toString: 1, valueOf: 1 }) },
  "a time": { type: "TIMESTAMP", of: (_, at) => new Date(at) },
  "a fraction": { type: "DOUBLE", of: (_, at) => at + 0.5 },
  "no number": { type: "DOUBLE", of: () => Number.NaN },
  "an infinite number": { type: "DOUBLE", of: () => Number.POSITIVE_INFINITY },
  "a place": { type: "GEOMETRY", of: () => ({ type: "Point", coordinates: [1, 2] }) },
};
/** Of columns of integers. */
const NO_INTEGERS: Readonly<Record<string, Crafting>> = {
  "a text": { type: "STRING", of: asText },
  "no value": { type: "INT64", of: (value, at) => (at === 0 ? null : BigInt(value as bigint)) },
  "too large a number": { type: "DOUBLE", of: () => 2 ** 60 },
};
/** Of columns of integers: of the right type. */
const ODD_INTEGERS: Readonly<Record<string, Crafting>> = {
  "a negative number": { type: "INT64", of: (value, at) => (at === 0 ? -1n : BigInt(value as bigint)) },
  "the largest number": { type: "INT64", of: (value, at) => (at === 0 ? 2n ** 63n - 1n : BigInt(value as bigint)) },
  "one more": { type: "INT64", of: (value, at) => BigInt(value as bigint) + (at === 0 ? 1n : 0n) },
};
const NO_TEXTS: Readonly<Record<string, Crafting>> = {
  "a number": { type: "INT32", of: (_, at) => at },
  "control characters": { type: "STRING", of: inFirst("\u001b[2J\n") },
};
const ODD_TEXTS: Readonly<Record<string, Crafting>> = {
  "no text": { type: "STRING", of: inFirst(null) },
  "an empty text": { type: "STRING", of: inFirst("") },
  "another text": { type: "STRING", of: inFirst("x'; --") },
  __proto__x: { type: "STRING", of: inFirst("__proto__") },
};

export type CraftedFile = {
  readonly key: string;
  readonly column: string;
  readonly crafting: string;
  /** Whether no value of the column may be like this. */
  readonly isOtherType: boolean;
  readonly make: () => Promise<Objects>;
};

/** Everything that is crafted of the file that a part names, in a document of its folder. */
export async function craftedFiles(
  world: Objects,
  { document, part, path }: { document: string; part: Part; path: (value: never) => Part },
): Promise<CraftedFile[]> {
  const key = `${document.slice(0, document.lastIndexOf("/") + 1)}${part.name}`;
  const rows = await rowsOf(world, key);
  const names = Object.keys(rows[0] ?? {});
  return names.flatMap((column) => {
    const isText = rows.some((row) => typeof row[column] === "string") || /^(cause|reason)$/.test(column);
    const others = { ...OTHER_TYPES, ...(isText ? NO_TEXTS : NO_INTEGERS) };
    const all = { ...others, ...(isText ? ODD_TEXTS : ODD_INTEGERS) };
    // What has no cause has none however that is written.
    const isSame = ({ of }: Crafting) =>
      rows.every((row, at) => (of(row[column] ?? null, at) ?? "") === (row[column] ?? ""));
    const other = Object.entries(all).filter(([, how]) => !isSame(how));
    return other.map(([crafting, how]) => ({
      ...{ key, column, crafting, isOtherType: Object.hasOwn(others, crafting) },
      make: () => withFile(world, { document, path }, encode(rows, column, how)),
    }));
  });
}

export async function rowsOf(world: Objects, key: string): Promise<Row[]> {
  const file = Uint8Array.from(world.get(key) as Uint8Array).buffer;
  return (await parquetReadObjects({ file, metadata: parquetMetadata(file) })) as Row[];
}

export function encode(rows: readonly Row[], crafted?: string, how?: Crafting): Uint8Array {
  const columnData = Object.keys(rows[0] ?? {}).map((name): ColumnSource => {
    const values = rows.map((row) => row[name] ?? null);
    if (name === crafted && how !== undefined) {
      return { name, type: how.type, nullable: true, data: values.map(how.of) } as ColumnSource;
    }
    const type = { string: "STRING", number: "INT32", bigint: "INT64" }[
      typeof values.find((value) => value !== null) as string
    ];
    return { name, type: (type ?? "STRING") as BasicType, nullable: true, data: values } as ColumnSource;
  });
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

/** Tokens whose second column lies inside of the first: both have their names, and neither is a column of texts. */
export function nestedTokens(rows: readonly Row[]): Uint8Array {
  const schema: SchemaElement[] = [
    { name: "root", num_children: 1 },
    { name: "event_id", repetition_type: "REQUIRED", num_children: 1 },
    { name: "token", repetition_type: "REQUIRED", type: "BYTE_ARRAY", converted_type: "UTF8" },
  ];
  const columnData = [{ name: "event_id", data: rows.map(({ token }) => ({ token })) }];
  return new Uint8Array(parquetWriteBuffer({ schema, columnData }));
}

/** Tokens each of which is a list of one. */
export function listedTokens(rows: readonly Row[]): Uint8Array {
  const schema: SchemaElement[] = [
    { name: "root", num_children: 2 },
    { name: "event_id", repetition_type: "REQUIRED", type: "BYTE_ARRAY", converted_type: "UTF8" },
    { name: "token", repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", repetition_type: "OPTIONAL", type: "BYTE_ARRAY", converted_type: "UTF8" },
  ];
  const columnData = [
    { name: "event_id", data: rows.map(({ event_id: id }) => id) },
    { name: "token", data: rows.map(({ token }) => [token]) },
  ];
  return new Uint8Array(parquetWriteBuffer({ schema, columnData }));
}

/** The world with other bytes in the place of a part that a document names. */
export async function withFile(
  world: Objects,
  { document, path }: { document: string; path: (value: never) => Part },
  bytes: Uint8Array,
): Promise<Objects> {
  const value = decode(world.get(document));
  const part = path(value as never);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  part.name = part.name.replace(/[0-9a-f]{16}\.parquet$/, `${sha256.slice(0, 16)}.parquet`);
  part.sha256 = sha256;
  const objects = new Map(world).set(`${document.slice(0, document.lastIndexOf("/") + 1)}${part.name}`, bytes);
  const { default: canonicalize } = await import("canonicalize");
  return logged(objects, document, canonicalize(value) as string);
}
