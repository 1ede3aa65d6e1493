/**
 * Every form in which one version of the Worker leaves something to another: what travels in queues and calls, and what
 * stands in objects, databases and buckets, each written from one fixed input.
 *
 * Keeps: `writes` depends on nothing but the code. `reads` takes what any version wrote, and gives plain JSON.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { segmentKey } from "../../src/archive/archive.ts";
import { type ArchiveHead, decodeHead, encodeHead, headKey } from "../../src/archive/head.ts";
import { parseJson } from "../../src/core/base64url.ts";
import { CLAIM_BYTES, claimantAt, keyAt, writeClaim } from "../../src/core/claim-page.ts";
import { openClickId } from "../../src/core/click-id.ts";
import { encodeConversion, parseConversion } from "../../src/core/conversion.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { packPage, rowsOf, unpackPage } from "../../src/core/id-page.ts";
import { encodeImpressionCounts, parseImpressionCounts } from "../../src/core/impression-counts.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import { decodeKeyChanges, encodeKeyChanges } from "../../src/core/key-changes.ts";
import { makeFilter, mayHold } from "../../src/core/key-filter.ts";
import { decodeLogLine, encodeLogLine } from "../../src/core/log-line.ts";
import { decodeMessage, encodeMessage } from "../../src/core/message.ts";
import { eventIdOf } from "../../src/core/outbox-event.ts";
import { parseTopology } from "../../src/core/routing.ts";
import { encodeTokenEvent, parseTokenEvent } from "../../src/core/token-event.ts";
import { encodeTopology } from "../../src/core/topology.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { SUMS_OF_ALL, SUMS_OF_PUBLISHER } from "../../src/facts/day-sums-sql.ts";
import { aClick, anEpoch, NOON_MS, NOON_S } from "./builders.ts";
import { aClickIdentity, aConversion, anUnsignedClickId, NOBODYS_KEYS, someCounts } from "./submissions.ts";

export type Format = {
  readonly writes: () => string | Promise<string>;
  /** What is read of it; absent where SQLite or the platform reads it. */
  readonly reads?: (written: string) => unknown;
};

const id = (random: number) =>
  makeEventId({ receivedAtMs: NOON_MS + 1_000, routingHash: 7 }, new Uint8Array(8).fill(random));
const KEY = "00112233445566778899aabbccddeeff" as ImpressionKey;
const OTHER_KEY = "ffeeddccbbaa99887766554433221100" as ImpressionKey;
const HOUR = Math.floor(NOON_MS / 3_600_000);
const RULES = "4-0123abcd";
const POSITION = { seq: 9, loggedAtMs: NOON_MS + 2_000, rules: RULES };
const CHAIN = "ab".repeat(32);
const PLACE = { seq: 9, chain: CHAIN, loggedAtMs: NOON_MS + 2_000 };

const CLICK = encodeTokenEvent(
  aClick(
    { id: id(1), ipHash: "a1b2", userHash: "c3d4", hints: { platform: "Windows" }, gpc: true, redirectByMs: 5 },
    { crt: "crt_1", plc: "plc_1", fmt: "banner", grp: "grp_1" },
  ),
);
const IMPRESSION = encodeTokenEvent(aClick({ id: id(2), type: "impression" }));
const IDENTITY = aClickIdentity({ eventId: id(1), creativeId: "crt_1" });
const CONVERSION = encodeConversion(aConversion({ id: id(3), correctionId: "c_1", action: "correct" }, IDENTITY));
const COUNTS = encodeImpressionCounts(someCounts({ id: id(4) }));
const CREDIT = { clickId: anUnsignedClickId(IDENTITY), click: IDENTITY, valueMicros: 5, occurredAtMs: NOON_MS };

const LINES: readonly string[] = [
  encodeLogLine(POSITION, { verdict: "valid", reason: null }, CLICK),
  encodeLogLine(
    POSITION,
    {
      ...({ verdict: "late", reason: "late" } as const),
      joins: { to: id(1), occurredAtMs: NOON_MS, country: "DE", device: "mobile" },
    },
    CLICK,
  ),
  encodeLogLine(POSITION, { verdict: "valid", reason: null, review: { by: "key_7", atMs: NOON_MS } }, CLICK),
  encodeLogLine(
    POSITION,
    {
      ...({ verdict: "invalid", reason: "test" } as const),
      revision: {
        ...{ n: 1, from: { verdict: "valid", reason: null }, cause: "replay/1", by: "key_7", atMs: NOON_MS },
        isListed: false,
      } as never,
    },
    CLICK,
  ),
  encodeLogLine(POSITION, { verdict: "valid", reason: null, prior: null, next: CREDIT }, CONVERSION),
  encodeLogLine(POSITION, { verdict: "valid", reason: null, batch: { key: "b", content: "c" } }, COUNTS),
];

const HEAD: ArchiveHead = {
  lives: [
    {
      ...{ incarnation: "i1", base: PLACE, end: { ...PLACE, seq: 12 }, lost: { ...PLACE, seq: 13 } },
      segment: { key: segmentKey({ shard: "clicks-0", incarnation: "i1" }, HOUR, 10), from: PLACE },
    },
  ],
};

const factsOf = (lines: readonly string[]): Facts => {
  const facts: Facts = new Map();
  for (const line of lines) foldEntry(facts, decodeLogLine(line));
  return facts;
};

/** What is bound by the statements of a posting, one after the other. */
async function posted(lines: readonly string[]): Promise<string> {
  const bound: unknown[][] = [];
  const prepare = () => ({ bind: (...values: unknown[]) => void bound.push(values) });
  const store = new D1Facts({ prepare, batch: async () => [] } as unknown as D1Database, () => NOON_MS);
  const of = { source: "clicks-0/i1", facts: factsOf(lines), from: { ...PLACE, seq: 3, part: "" } };
  await store.open({ ...of, to: PLACE });
  await store.post({ ...of, to: { ...PLACE, part: "" }, lates: new Map(), shard: "clicks-0" });
  return bound.map((values) => JSON.stringify(values)).join("\n");
}

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const hex = (of: Uint8Array) => Buffer.from(of).toString("hex");
const json = (text: string): unknown => parseJson(text);

function claim(event: ReturnType<typeof id> | null): string {
  const page = new Uint8Array(CLAIM_BYTES);
  writeClaim(page, 0, { key: KEY, event });
  return hex(page);
}

const SOURCES = join(import.meta.dirname, "../../src");
/** Statements that make tables of objects, as they stand in the sources. */
function tablesOfObjects(): string {
  const files = ["shard", "tlog", "webhooks"].flatMap((folder) =>
    readdirSync(join(SOURCES, folder)).map((name) => readFileSync(join(SOURCES, folder, name), "utf8")),
  );
  const made = files.flatMap((text) =>
    Array.from(text.matchAll(/`\s*(CREATE (?:TABLE|INDEX)[^`]*)`/g), ([, sql]) => sql),
  );
  return made
    .map((sql = "") => sql.replaceAll(/--.*$/gm, "").replaceAll(/\s+/g, " ").trim())
    .sort()
    .join("\n");
}

const OBJECTS = [
  ...["shard/event-shard.ts", "shard/order-shard.ts", "shard/counts-shard.ts", "shard/submission-log.ts"],
  ...["access/read-gate.ts", "tlog/evidence-log.ts", "webhooks/endpoint.ts"],
];
/** Methods of objects, which the Worker of another version calls. */
function callsOfObjects(): string {
  return OBJECTS.flatMap((path) => {
    const text = readFileSync(join(SOURCES, path), "utf8");
    const methods = text.matchAll(/^ {2}(?:override )?async ([a-z]\w*)\(([\s\S]*?)\): (Promise<[\s\S]*?>) \{$/gm);
    return Array.from(methods, (found) => `${path} ${found.slice(1).join(" ")}`.replaceAll(/\s+/g, " "));
  }).join("\n");
}

/** By what days are summed, and how often migrations have begun their sums anew. */
const SUMMED = { all: SUMS_OF_ALL, publisher: SUMS_OF_PUBLISHER, begun: sumsBegun() };

function sumsBegun(): number {
  const texts = readdirSync("migrations").map((name) => readFileSync(join("migrations", name), "utf8"));
  return texts.filter((text) => text.includes("DELETE FROM day_sum_marks")).length;
}

/**
 * What days that a version has summed are not summed by, though this one would read it of them: none of it is there,
 * and it would be answered as nothing. A migration that empties `day_sums` and `day_sum_marks` has them summed anew.
 */
function kindsLacking(summed: unknown): { all: string[]; publisher: string[] } {
  const { all, publisher, begun } = summed as typeof SUMMED;
  const lacking = (now: readonly string[], then: readonly string[]) =>
    begun < SUMMED.begun ? [] : now.filter((kind) => !then.includes(kind));
  return { all: lacking(SUMS_OF_ALL, all), publisher: lacking(SUMS_OF_PUBLISHER, publisher) };
}

export const FORMATS: Readonly<Record<string, Format>> = {
  "event of a click": { writes: () => CLICK, reads: (text) => parseTokenEvent(json(text)) },
  "event of an impression": { writes: () => IMPRESSION, reads: (text) => parseTokenEvent(json(text)) },
  "event of a conversion": { writes: () => CONVERSION, reads: (text) => parseConversion(json(text)) },
  "event of uploaded counts": { writes: () => COUNTS, reads: (text) => parseImpressionCounts(json(text)) },
  "message of a queue": { writes: () => encodeMessage([CLICK, IMPRESSION]), reads: (text) => decodeMessage(text) },
  "lines of a log": {
    writes: () => LINES.join("\n"),
    reads: (text) => text.split("\n").map((line) => decodeLogLine(line)),
  },
  "key changes of a log row": {
    writes: () =>
      hex(
        encodeKeyChanges({
          claims: [
            { hour: HOUR, key: KEY, event: id(1) },
            { hour: HOUR, key: OTHER_KEY, event: null },
          ],
          repeats: [{ hour: HOUR, event: id(2) }],
        }),
      ),
    reads: (text) => decodeKeyChanges(bytes(text)),
  },
  "claim of a page": {
    writes: () => claim(id(1)) + claim(null),
    reads: (text) =>
      [0, CLAIM_BYTES].map((at) => ({ key: keyAt(bytes(text), at), event: claimantAt(bytes(text), at) })),
  },
  "page of ids": {
    writes: () => hex(packPage(rowsOf([id(1), id(2), id(9)]))),
    reads: (text) => hex(unpackPage(bytes(text))),
  },
  "filter of a page": {
    writes: () => hex(makeFilter(new Uint32Array([1, 2, 3_000_000_000, 4]), 2)),
    reads: (text) => [1, 3_000_000_000].map((low, at) => mayHold(bytes(text), { low, high: at === 0 ? 2 : 4 })),
  },
  "click id": {
    writes: () => anUnsignedClickId(IDENTITY),
    reads: (text) => openClickId(text, { derived: new Map([["test-1", NOBODYS_KEYS]]) }),
  },
  "topology record": {
    writes: () => JSON.stringify(encodeTopology([anEpoch(0, 8), anEpoch((NOON_S + 3_600) * 1_000, 64, { ad_9: 8 })])),
    reads: (text) => {
      const topology = parseTopology(json(text));
      return topology.ok ? encodeTopology(topology.value) : topology;
    },
  },
  "head of a log": { writes: () => encodeHead(HEAD), reads: (text) => decodeHead(text) },
  "keys of the archive": {
    writes: () =>
      [segmentKey({ shard: "clicks-0", incarnation: "i1" }, HOUR, 10), headKey("clicks-0"), eventIdOf("day/1")].join(
        "\n",
      ),
  },
  "posting to a report database": { writes: () => posted(LINES) },
  "kinds of sums of days": { writes: () => JSON.stringify(SUMMED), reads: (text) => kindsLacking(json(text)) },
  "tables of objects": { writes: tablesOfObjects },
  "calls of objects": { writes: callsOfObjects },
};
