/**
 * Reading Parquet files group by group, so that what is in memory is a group and not a file.
 */
import { parquetMetadataAsync, parquetRead } from "hyparquet";
import { PARQUET } from "./documents.js";
import { Differs, must, Unchecked } from "./outcome.js";
import { checkShape } from "./shape.js";

/** @typedef {import("./store.js").StoredFile} StoredFile */
/** @typedef {Record<string, ArrayLike<any>>} Columns */
/** @typedef {{ what: string, columns: Record<string, import("./shape.js").Shape>, rows: number }} Expected */

/**
 * Calls `each` with the columns of every row group, in order, and their number of rows.
 * @param {StoredFile} file
 * @param {Expected} expected
 * @param {(columns: Columns, rows: number) => void | Promise<void>} each
 */
export async function readGroups(file, expected, each) {
  for await (const { columns, rows } of groupsOf(file, expected)) await each(columns, rows);
}

/**
 * @param {StoredFile} file
 * @param {Expected} expected
 * @returns {AsyncGenerator<{ columns: Columns, rows: number }>}
 */
export async function* groupsOf(file, { what, columns: shapes, rows: expectedRows }) {
  const names = Object.keys(shapes);
  const metadata = await readable(what, () => parquetMetadataAsync(file, { geoparquet: false }));
  checkShape(metadata, PARQUET, what);
  const own = metadata.schema.slice(1).map(({ name }) => name);
  must(own.join() === names.join(), () => `${what} has the columns ${own.join()}, and must have ${names.join()}`);
  const count = Number(metadata.num_rows);
  must(count === expectedRows, () => `${what} has ${count} rows, and its manifest says ${expectedRows}`);
  must(!metadata.schema.slice(1).some((element) => element.num_children), () => `${what} has columns in columns`);
  let start = 0;
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows);
    // What is there twice would be read twice, and nobody would wait for the second.
    const paths = group.columns.map(({ meta_data: column }) => column?.path_in_schema.join("."));
    must(paths.join() === names.join(), () => `${what} has the columns ${paths.join()} from row ${start + 1} on`);
    const columns = await readable(what, () => readColumns(file, metadata, { names, start, rows }));
    for (const [name, shape] of Object.entries(shapes)) {
      columns[name] = checked(/** @type {ArrayLike<any>} */ (columns[name]), shape, { what, name, start });
    }
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
 * The values of a column, each of which is what it must be, whatever type the file has them in.
 * @param {ArrayLike<any>} values
 * @param {import("./shape.js").Shape} shape
 * @param {{ what: string, name: string, start: number }} place
 */
function checked(values, shape, { what, name, start }) {
  const all = Array.from(values);
  const at = all.findIndex((value) => !shape.is(value));
  if (at !== -1) checkShape(all[at], shape, what, `${name} of row ${start + at + 1}`);
  return shape.take === undefined ? all : all.map(shape.take);
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
