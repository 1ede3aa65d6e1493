/**
 * SQL over stored sketches (core/sketch.ts has the two forms), so that D1 merges them where they lie: a posting into a
 * facts row, the rows of a window into its roll, and the sketches of a report's group into texts that a Worker unites.
 *
 *   a delta into elements      append those that are not there; past the limit, cut registers from all of them
 *   a delta into registers     copy the stretches between the delta's registers, raise the register at the end of each
 *   registers into registers   the maximum of each, in slices of 32
 *
 * Keeps: the same users as Sketch.merge (test/facts/sketch-sql.test.ts compares). Every operand is a BLOB: bytes
 * compare as bytes, and are found without decoding. A delta costs by its own users, not by those that are stored.
 * Relies on: a sketch without users is NULL, never empty. SQLite moves a subquery into its outer query unless it has a
 * LIMIT: the limits below keep values of 4 096 bytes from being copied once per element or slice.
 */
import { DIGIT_ZERO, ELEMENT_CHARS, ELEMENT_START, EXACT_USERS_MAX, REGISTERS } from "../core/sketch.ts";

const EXACT_BYTES_MAX = EXACT_USERS_MAX * ELEMENT_CHARS;
const SLICE = 32;
/** No limit; its presence is what matters. */
const ALL = "LIMIT -1";

/** All registers at 0. */
const ZERO_REGISTERS = `CAST(hex(zeroblob(${REGISTERS / 2})) AS BLOB)`;
const HAS_REGISTERS = (sketch: string) => `${sketch} < x'${ELEMENT_START.toString(16)}'`;

/** A table whose column `key` is 0, 1, … count − 1, with count ≥ 1: what `json_each` makes of so many zeros. */
const NUMBERS = (count: string | number) =>
  `json_each('[' || substr(replace(hex(zeroblob((${count}) / 2 + 1)), '0', ',0'), 2, 2 * (${count}) - 1) || ']')`;

const VALUE = (value: string) => `SELECT ${value} AS bytes ${ALL}`;
/** Cuts the `bytes` of each row of `source` into pieces of one size, numbered by `at`. Columns `at` and `bytes`. */
const CUT = (source: string, size: number) => `
  SELECT key AS at, substr(bytes, ${size} * key + 1, ${size}) AS bytes
  FROM (${source})
  CROSS JOIN ${NUMBERS(`(length(bytes) - 1) / ${size} + 1`)}
  ${ALL}`;
/** What is longer than a stored sketch is cut twice, since each piece costs a copy of what it is cut from. */
const BLOCKS_OF = (list: string) => CUT(VALUE(list), REGISTERS);

const DIGIT = (at: number, zero: number) => `(unicode(substr(bytes, ${at}, 1)) - ${zero})`;
const REGISTER = `${DIGIT(1, ELEMENT_START)} * 256 + ${DIGIT(2, DIGIT_ZERO)} * 4 + ${DIGIT(3, DIGIT_ZERO)} / 16`;

/**
 * The registers `base` raised by the elements that `source` cuts. Each piece is the stretch before a register and that
 * register; the last is the stretch after all of them.
 */
const RAISED = (base: string, source: string) => `CAST((
  SELECT group_concat(
    substr(base, start + 1, register - start) || max(substr(base, register + 1, 1), rank), '' ORDER BY register
  )
  FROM (SELECT ${base} AS base ${ALL})
  CROSS JOIN (
    SELECT register, rank, coalesce(lag(register) OVER (ORDER BY register) + 1, 0) AS start
    FROM (
      SELECT ${REGISTER} AS register, max(substr(bytes, 4, 1)) AS rank
      FROM (${CUT(source, ELEMENT_CHARS)})
      GROUP BY register
      UNION ALL
      SELECT ${REGISTERS}, x''
    )
  )
) AS BLOB)`;

const SLICE_MAXIMA = Array.from({ length: SLICE }, (_, at) => `max(substr(bytes, ${at + 1}, 1))`).join(", ");

/** The registers of all sketches in `rows`, which are concatenated. */
const UNITED_REGISTERS = (rows: string) => `CAST((
  SELECT group_concat(maxima, '' ORDER BY at)
  FROM (
    SELECT at, concat(${SLICE_MAXIMA}) AS maxima
    FROM (${CUT(BLOCKS_OF(rows), SLICE)})
    GROUP BY at
  )
) AS BLOB)`;

/** A list of distinct elements as it is stored: itself, or registers when it is too long. */
const STORED = (list: string) =>
  `iif(length(${list}) <= ${EXACT_BYTES_MAX}, ${list}, ${RAISED(ZERO_REGISTERS, BLOCKS_OF(list))})`;

const APPENDED = (list: string, delta: string) => `(
  SELECT ${STORED("appended")}
  FROM (
    SELECT CAST(${list} || coalesce((
      SELECT group_concat(bytes, '')
      FROM (${CUT(VALUE(delta), ELEMENT_CHARS)})
      WHERE instr(${list}, bytes) = 0
    ), '') AS BLOB) AS appended
    ${ALL}
  )
)`;

/** The union of two stored sketches, either of which may be NULL. Cheapest when `delta` has few elements. */
export const MERGED_SKETCH = (sketch: string, delta: string) => `CASE
  WHEN ${delta} IS NULL THEN ${sketch}
  WHEN ${sketch} IS NULL THEN ${delta}
  WHEN ${HAS_REGISTERS(sketch)} THEN
    CASE
      WHEN ${HAS_REGISTERS(delta)} THEN ${UNITED_REGISTERS(`CAST(${sketch} || ${delta} AS BLOB)`)}
      ELSE ${RAISED(sketch, VALUE(delta))}
    END
  WHEN ${HAS_REGISTERS(delta)} THEN ${RAISED(delta, VALUE(sketch))}
  ELSE ${APPENDED(sketch, delta)}
END`;

/** Aggregates over stored sketches: what UNITED_SKETCH needs of a group of rows. NULLs add nothing. */
export const SKETCH_LISTS = (sketch: string) => `
  CAST(group_concat(${sketch}, '') FILTER (WHERE NOT ${HAS_REGISTERS(sketch)}) AS BLOB) AS sketch_elements,
  CAST(group_concat(${sketch}, '') FILTER (WHERE ${HAS_REGISTERS(sketch)}) AS BLOB) AS sketch_registers`;

const DISTINCT_ELEMENTS = `CAST((
  SELECT group_concat(bytes, '')
  FROM (SELECT DISTINCT bytes FROM (${CUT(BLOCKS_OF("sketch_elements"), ELEMENT_CHARS)}))
) AS BLOB)`;

/** The union of a group of rows, from its SKETCH_LISTS; NULL when none has users. */
export const UNITED_SKETCH = `CASE
  WHEN sketch_registers IS NULL AND sketch_elements IS NULL THEN NULL
  WHEN sketch_elements IS NULL THEN ${UNITED_REGISTERS("sketch_registers")}
  WHEN sketch_registers IS NULL THEN (SELECT ${STORED("list")} FROM (SELECT ${DISTINCT_ELEMENTS} AS list ${ALL}))
  ELSE ${RAISED(UNITED_REGISTERS("sketch_registers"), BLOCKS_OF("sketch_elements"))}
END`;

/** Characters of one text that a report reads; D1 returns strings up to 2 MB. */
const PART_CHARS = 1_000_000;

/**
 * The sketches of each group of `selection`, which has the columns `keys` and `sketch`, concatenated into the column
 * `sketches`; a long group comes in several rows. Reading is bounded by two further parameters
 * after those of the selection: the parts [from, to) of the whole, about a megabyte each. There are more if and only if
 * a row has `sketch_part` = to − 1. Sketches only grow, so what is written between two reads is at worst read twice.
 */
export function sketchesStatement(keys: readonly string[], selection: string): string {
  const order = keys.length === 0 ? "" : `ORDER BY ${keys.join(", ")} `;
  return `
SELECT ${[...keys, "sketch_part", "group_concat(CAST(sketch AS TEXT), '') AS sketches"].join(", ")}
FROM (
  SELECT ${[...keys, "sketch"].join(", ")},
    (sum(length(sketch)) OVER (${order}ROWS UNBOUNDED PRECEDING) - 1) / ${PART_CHARS} AS sketch_part
  FROM (${selection}
  )
  WHERE sketch IS NOT NULL
)
WHERE sketch_part >= ? AND sketch_part < ?
GROUP BY ${[...keys, "sketch_part"].join(", ")}`;
}
