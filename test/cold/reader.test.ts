/** Cold minutes are read in ranges: what is asked for costs what it is, not what the object is. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { encodeMinutes, type MinuteRow, type Wanted } from "../../src/cold/parquet.ts";
import { type ColdCost, ColdFault, type ColdObject, readColdMinutes } from "../../src/cold/reader.ts";
import { MEASURES } from "../../src/core/fields.ts";
import { EVERYTHING } from "../support/cold-facts.ts";
import { ownBucket } from "../support/own-bucket.ts";

const DAY_START = 20_560 * 1_440;
const ADS = 8;

/** A day of some ads: cells are what weighs. */
function aDay(advertiserId: string): MinuteRow[] {
  return Array.from({ length: ADS * 1_440 }, (_, at) => {
    const minute = DAY_START + Math.floor(at / ADS);
    const cells = Array.from({ length: 6 }, (_cell, cell) => [`pub_${at % 97}_${cell}`, "DE", "mobile", "", at]);
    return {
      ...{ advertiserId, campaignId: "cmp_1", adGroupId: "", adId: `ad_${at % ADS}`, minute, part: 0 },
      counts: MEASURES.map((_measure, index) => at + index),
      ...{ reasons: "{}", sketch: null, cells: JSON.stringify(cells) },
    };
  });
}

const rows = aDay("adv_1");
let object: ColdObject;

beforeAll(async () => {
  const { bytes, footerBytes } = encodeMinutes(rows);
  const { etag } = await env.ARCHIVE.put("cold/test.parquet", bytes, {});
  object = {
    ...{ object_key: "cold/test.parquet", etag, bytes: bytes.length, footer_bytes: footerBytes, rows: rows.length },
    ...{ advertiser_first: "adv_1", advertiser_last: "adv_1" },
    ...{ minute_first: DAY_START, minute_last: DAY_START + 1_439 },
  };
});

let archive: R2Bucket;
beforeEach(() => {
  archive = ownBucket(env.ARCHIVE);
});

async function read(wanted: Partial<Wanted>, columns: string[]): Promise<{ sum: number; cost: ColdCost }> {
  let sum = 0;
  const take = (row: Readonly<Record<string, unknown>>) => {
    sum += Number(row["valid"]);
  };
  const cost = await readColdMinutes(archive, [object], { wanted: { ...EVERYTHING, ...wanted }, columns, take });
  return { sum, cost };
}

function sumOf(some: readonly MinuteRow[]): number {
  const at = MEASURES.indexOf("valid");
  return some.reduce((sum, row) => sum + Number(row.counts[at] ?? 0), 0);
}

describe("cold minutes", () => {
  it("of one ad cost a small part of the object", async () => {
    const { sum, cost } = await read({ adIds: ["ad_3"] }, ["valid"]);
    expect(sum).toBe(sumOf(rows.filter(({ adId }) => adId === "ad_3")));
    expect(cost.bytes).toBeLessThan(object.bytes / 10);
    expect(cost.rows).toBeLessThanOrEqual(2 * 2_048);
    expect(cost.requests).toBeLessThanOrEqual(7);
  });

  it("of an hour are only those, whatever group they stand in", async () => {
    const minutes = [
      { from: DAY_START + 60, to: DAY_START + 120 },
      { from: DAY_START + 1_439, to: DAY_START + 5_000 },
    ];
    const { sum } = await read({ minutes }, ["valid"]);
    const isAsked = ({ minute }: MinuteRow) => minutes.some(({ from, to }) => from <= minute && minute < to);
    expect(sum).toBe(sumOf(rows.filter(isAsked)));
  });

  it("of somebody else, or of another day, cost nothing", async () => {
    expect((await read({ advertiserIds: ["adv_2"] }, ["valid"])).cost.requests).toBe(0);
    expect((await read({ minutes: [{ from: 0, to: DAY_START }] }, ["valid"])).cost.requests).toBe(0);
  });

  it("are found by a footer that is read once", async () => {
    const first = await read({ adIds: ["ad_3"] }, ["valid"]);
    const second = await read({ adIds: ["ad_3"] }, ["valid"]);
    expect(second.cost.requests).toBe(first.cost.requests - 1);
    expect(second.cost.bytes).toBe(first.cost.bytes - object.footer_bytes);
    expect(second.sum).toBe(first.sum);
  });

  it("forget the footer that was read first when 64 others were", async () => {
    const small: ColdObject[] = [];
    for (let at = 0; at < 65; at++) {
      const name = `adv_${100 + at}`;
      const key = `cold/${name}.parquet`;
      const { bytes, footerBytes } = encodeMinutes(rows.slice(0, 8).map((row) => ({ ...row, advertiserId: name })));
      const { etag } = await env.ARCHIVE.put(key, bytes, {});
      const sizes = { bytes: bytes.length, footer_bytes: footerBytes, rows: 8 };
      small.push({ ...object, ...sizes, object_key: key, etag, advertiser_first: name, advertiser_last: name });
    }
    const requestsFor = async (at: number) => {
      const asked = small.slice(at, at + 1);
      const question = { wanted: EVERYTHING, columns: ["valid"], take: () => {} };
      return (await readColdMinutes(archive, asked, question)).requests;
    };
    const first = await requestsFor(0);
    expect(await requestsFor(0)).toBe(first - 1);
    for (let at = 1; at < 64; at++) await requestsFor(at);
    expect(await requestsFor(0)).toBe(first - 1);
    await requestsFor(64);
    expect(await requestsFor(1)).toBe(first - 1);
    expect(await requestsFor(0)).toBe(first);
  });

  it("are refused before they are decoded when there are too many", async () => {
    let taken = 0;
    const take = () => {
      taken++;
    };
    const question = { wanted: EVERYTHING, columns: ["valid"], take, rowsMax: rows.length - 1 };
    const { rows: found, requests } = await readColdMinutes(archive, [object], question);
    expect([found, requests, taken]).toEqual([rows.length, 1, 0]);
  });

  it("are not read from an object that is another than the ledger names, or is gone", async () => {
    const take = () => {};
    const question = { wanted: EVERYTHING, columns: ["valid"], take };
    const other = { ...object, etag: "0".repeat(32) };
    await expect(readColdMinutes(archive, [other], question)).rejects.toThrow(ColdFault);
    const gone = { ...object, object_key: "cold/gone.parquet" };
    await expect(readColdMinutes(archive, [gone], question)).rejects.toThrow(ColdFault);
  });
});
