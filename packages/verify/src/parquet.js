/**
 * Reading Parquet files group by group, so that what is in memory is a group and not a file.
 */
import { parquetMetadataAsync, parquetRead } from "hyparquet";
import { Differs, must, Unchecked } from "./outcome.js";

/** @typedef {import("./store.js").StoredFile} StoredFile */
/** @typedef {Record<string, ArrayLike<any>>} Columns */

/**
 * Calls `each` with the columns of every row group, in order, and their number of rows.
 * @param {StoredFile} file
 * @param {{ what: string, columns: readonly string[], rows: number }} expected
 * @param {(columns: Columns, rows: number) => void | Promise<void>} each
 */
export async function readGroups(file, expected, each) {
  for await (const { columns, rows } of groupsOf(file, expected)) await each(columns, rows);
}

/**
 * @param {StoredFile} file
 * @param {{ what: string, columns: readonly string[], rows: number }} expected
 * @returns {AsyncGenerator<{ columns: Columns, rows: number }>}
 */
export async function* groupsOf(file, { what, columns: names, rows: expectedRows }) {
  const metadata = await readable(what, () => parquetMetadataAsync(file, { geoparquet: false }));
  const own = metadata.schema.slice(1).map(({ name }) => name);
  must(own.join() === names.join(), () => `${what} has the columns ${own.join()}, and must have ${names.join()}`);
  const count = Number(metadata.num_rows);
  must(count === expectedRows, () => `${what} has ${count} rows, and its manifest says ${expectedRows}`);
  let start = 0;
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows);
    const columns = await readable(what, () => readColumns(file, metadata, { names, start, rows }));
    yield { columns, rows };
    start += rows;
  }
  must(start === count, () => `${what} has ${start} rows in its groups, and says ${count}`);
}

/**
 * @param {StoredFile} file
 * @param {import("hyparquet").FileMetaData} metadata
 * @param {{ names: readonly string[], start: number, rows: number }} group
 */
async function readColumns(file, metadata, { names, start, rows }) {
  /** @type {Record<string, any[][]>} */
  const chunks = Object.fromEntries(names.map((name) => [name, []]));
  await parquetRead({
    ...{ file, metadata, rowStart: start, rowEnd: start + rows },
    onChunk: ({ columnName, columnData }) => chunks[columnName]?.push(/** @type {any} */ (columnData)),
  });
  /** @type {Columns} */
  const columns = {};
  for (const name of names) {
    const [first = [], ...more] = chunks[name] ?? [];
    columns[name] = more.length === 0 ? first : [first, ...more].flatMap((chunk) => Array.from(chunk));
    if (columns[name]?.length !== rows) throw new Error(`column ${name} ends early`);
  }
  return columns;
}

/**
 * What a file whose hash is right cannot be read as is wrong, whoever wrote it.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} read
 */
async function readable(what, read) {
  try {
    return await read();
  } catch (fault) {
    if (fault instanceof Differs || fault instanceof Unchecked) throw fault;
    throw new Differs(`${what} cannot be read as Parquet: ${/** @type {Error} */ (fault).message}`);
  }
}
