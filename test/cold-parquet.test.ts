/** Objects of cold minutes, as DuckDB reads them: an implementation of Parquet that shares no code with ours. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { describe, expect, it } from "vitest";
import {
  decodeFooter,
  decodeRows,
  encodeMinutes,
  groupsWanted,
  KEY_COLUMNS,
  type MinuteRow,
  ROWS_PER_GROUP,
  toMinuteRow,
  type Wanted,
} from "../src/cold/parquet.ts";
import { MEASURES } from "../src/core/fields.ts";

const DAY_START = 20_560 * 1_440;
const ANY: Wanted = {
  minutes: [{ from: 0, to: 1e9 }],
  advertiserIds: null,
  campaignIds: null,
  adGroupIds: null,
  adIds: null,
};

function aRow(overrides: Partial<MinuteRow> = {}): MinuteRow {
  return {
    advertiserId: "adv_1",
    campaignId: "cmp_7",
    adGroupId: "",
    adId: "ad_9",
    minute: DAY_START,
    part: 0,
    counts: MEASURES.map((_, at) => at - 3),
    reasons: '{"same_impression":2}',
    sketch: "p0000000",
    cells: '[["pub_1","DE","mobile","ü",1]]',
    ...overrides,
  };
}

/** Rows in the order of an object: 3 advertisers, 4 ads each, by minute. */
function manyRows(minutes: number): MinuteRow[] {
  return ["adv_1", "adv_2", "adv_3"].flatMap((advertiserId) =>
    ["ad_1", "ad_2", "ad_3", "ad_4".padEnd(64, "x")].flatMap((adId) =>
      Array.from({ length: minutes }, (_, at) =>
        aRow({ advertiserId, adId, minute: DAY_START + at, sketch: at % 2 === 0 ? null : "p0000001" }),
      ),
    ),
  );
}

/** What DuckDB answers about an object. */
async function askDuck(bytes: Uint8Array, sql: string): Promise<Record<string, unknown>[]> {
  const folder = mkdtempSync(join(tmpdir(), "cold-"));
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    const path = join(folder, "minutes.parquet");
    writeFileSync(path, bytes);
    const reader = await connection.runAndReadAll(sql.replaceAll("$FILE", `'${path}'`));
    return reader.getRowObjectsJson() as Record<string, unknown>[];
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true });
  }
}

function fileOf(bytes: Uint8Array<ArrayBuffer>) {
  return { byteLength: bytes.length, slice: async (from: number, to?: number) => bytes.slice(from, to).buffer };
}

function footerOf({ bytes, footerBytes }: { bytes: Uint8Array<ArrayBuffer>; footerBytes: number }) {
  return decodeFooter(bytes.slice(bytes.length - footerBytes).buffer);
}

describe("an object of minutes", () => {
  it("has the types that its columns say", async () => {
    const { bytes } = encodeMinutes([aRow()]);
    const types = await askDuck(bytes, 'SELECT column_name, column_type, "null" FROM (DESCRIBE SELECT * FROM $FILE)');
    const typeOf = new Map(types.map((row) => [row["column_name"], row["column_type"]]));
    const texts = ["advertiser_id", "campaign_id", "ad_group_id", "ad_id", "reasons", "cells"];
    expect(texts.map((name) => typeOf.get(name))).toEqual(texts.map(() => "VARCHAR"));
    expect([typeOf.get("minute"), typeOf.get("part"), typeOf.get("sketch")]).toEqual(["INTEGER", "INTEGER", "BLOB"]);
    expect(MEASURES.map((name) => typeOf.get(name))).toEqual(MEASURES.map(() => "BIGINT"));
    expect(types).toHaveLength(texts.length + 3 + MEASURES.length);
  });

  it("[fault A6b] holds the values that were written, negative ones, long ones and none too", async () => {
    const rows = [
      aRow({ counts: MEASURES.map(() => -(2 ** 53) + 1), sketch: null, minute: DAY_START + 1 }),
      aRow({ counts: MEASURES.map((_, at) => -9_100_999_999_990_899n - BigInt(at)), minute: DAY_START + 2 }),
      aRow({ counts: MEASURES.map(() => 2n ** 63n - 1n), minute: DAY_START + 3 }),
      aRow({ counts: MEASURES.map(() => 2 ** 53 - 1), adId: "b".repeat(64), part: 3 }),
    ];
    const { bytes } = encodeMinutes(rows);
    const found = await askDuck(bytes, "SELECT * REPLACE (decode(sketch) AS sketch) FROM $FILE");
    const read = found.map((row) => toMinuteRow(row as Record<string, string | number | null>));
    expect(read).toEqual(rows);
  });

  it("adds up to what was written, over many groups", async () => {
    const rows = manyRows(1_440);
    const { bytes } = encodeMinutes(rows);
    const [sums] = await askDuck(
      bytes,
      "SELECT count(*) AS rows, sum(spend_micros) AS spend, count(sketch) AS sketches, min(minute) AS first FROM $FILE",
    );
    const at = MEASURES.indexOf("spend_micros");
    const spend = rows.reduce((sum, row) => sum + Number(row.counts[at] ?? 0), 0);
    expect(Object.values(sums ?? {}).map(Number)).toEqual([rows.length, spend, rows.length / 2, DAY_START]);
    const groups = await askDuck(bytes, "SELECT count(DISTINCT row_group_id) AS groups FROM parquet_metadata($FILE)");
    expect(Number(groups[0]?.["groups"])).toBe(Math.ceil(rows.length / ROWS_PER_GROUP));
  });

  it("is the same for the same rows in another order, and gives them back", async () => {
    const rows = manyRows(20);
    const object = encodeMinutes(rows);
    expect(encodeMinutes(rows.toReversed()).bytes).toEqual(object.bytes);
    const columns = [...KEY_COLUMNS, ...MEASURES, "reasons", "sketch", "cells"];
    const read = await decodeRows(fileOf(object.bytes), footerOf(object), { from: 0, to: rows.length, columns });
    expect(read.map(toMinuteRow)).toEqual(rows);
  });

  it("reads as 0 in a measure that it is older than", async () => {
    const object = encodeMinutes([aRow()]);
    const read = await decodeRows(fileOf(object.bytes), footerOf(object), {
      ...{ from: 0, to: 1, columns: ["valid", "a_later_measure"] },
    });
    expect(read).toEqual([{ valid: MEASURES.indexOf("valid") - 3, a_later_measure: 0 }]);
  });

  it("names groups that may hold what is wanted, and no others", () => {
    const rows = manyRows(1_440);
    const footer = footerOf(encodeMinutes(rows));
    const groupsOf = (wanted: Partial<Wanted>) => groupsWanted(footer, { ...ANY, ...wanted });
    expect(groupsOf({})).toEqual([{ from: 0, to: rows.length }]);
    const stretches = groupsOf({ advertiserIds: ["adv_2"], adIds: ["ad_3"] });
    const first = rows.findIndex((row) => row.advertiserId === "adv_2" && row.adId === "ad_3");
    expect(stretches.some(({ from, to }) => from <= first && to >= first + 1_440)).toBe(true);
    // Beside its own group, those in which one advertiser ends and the next begins.
    expect(stretches.reduce((sum, { from, to }) => sum + to - from, 0)).toBeLessThanOrEqual(3 * ROWS_PER_GROUP);
    expect(groupsOf({ advertiserIds: ["adv_0"] })).toEqual([]);
    expect(groupsOf({ minutes: [{ from: 0, to: DAY_START }] })).toEqual([]);
    expect(groupsOf({ minutes: [{ from: DAY_START + 1_439, to: 1e9 }] })).not.toEqual([]);
    // An id that shares its first 16 characters with the bound of a group is not mistaken for it.
    expect(groupsOf({ adIds: ["ad_4".padEnd(64, "y")] })).toEqual([]);
  });
});
