/** Evidence on real shards and R2: one row a click, under a manifest, made again only where something changed. */
import { env } from "cloudflare:workers";
import { bytesToHex } from "@noble/hashes/utils.js";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { beforeEach, describe, expect, it } from "vitest";
import { openSegment } from "../../src/archive/segments.ts";
import { linesOf, nonceSecretOf } from "../../src/audit/hour-lines.ts";
import { mendAudit } from "../../src/audit/mend.ts";
import { mendPorts } from "../../src/audit/ports.ts";
import { PLAIN_STEPS, type Steps } from "../../src/audit/steps.ts";
import { encodeUtf8 } from "../../src/core/base64url.ts";
import { tokenHashOf } from "../../src/core/evidence.ts";
import { hashLines, lineNonces, segmentLeaf } from "../../src/core/hour-tree.ts";
import { rootOf } from "../../src/core/merkle.ts";
import { splitHashes } from "../../src/core/tiles.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import { cleanDays, isMadeThrough } from "../../src/evidence/due.ts";
import { hourLeaf, hoursOf, makeHours, type StoredHour, segmentsOf } from "../../src/evidence/hours.ts";
import { type EvidencePorts, makeEvidence } from "../../src/evidence/make.ts";
import {
  evidenceFolder,
  type Manifest,
  readManifest,
  type StoredManifest,
  sha256Hex,
} from "../../src/evidence/manifest.ts";
import { decodeSums } from "../../src/evidence/parquet.ts";
import { aSignedClick, audit, count, shardOfEvent, startOver, TODAY, TOMORROW } from "../support/audited.ts";
import { CRAWLER } from "../support/builders.ts";

beforeEach(startOver);

const ADV = "adv_1";
const again = async (event: TokenEvent): Promise<TokenEvent> => ({ ...event, id: (await aSignedClick()).id });

let noticed: StoredManifest[] = [];
let hours: StoredHour[] = [];
const ports = (): EvidencePorts => {
  noticed = [];
  hours = [];
  const onManifest = async (stored: StoredManifest) => void noticed.push(stored);
  const onHour = async (stored: StoredHour) => void hours.push(stored);
  return { bucket: env.ARCHIVE, primary: env.REPORT_DB, graceMs: 0, onManifest, onEarnings: async () => {}, onHour };
};

const folder = evidenceFolder(ADV, TODAY);
async function bytesOf(name: string): Promise<ArrayBuffer> {
  const object = await env.ARCHIVE.get(`${folder}${name}`);
  if (object === null) throw new Error(`${name} is not there`);
  return object.arrayBuffer();
}

async function rowsOf({ parts }: Pick<Manifest, "parts">): Promise<Record<string, unknown>[]> {
  const rows = await Promise.all(
    parts.map(async ({ name }) => {
      const file = await bytesOf(name);
      return parquetReadObjects({ file, metadata: parquetMetadata(file, { geoparquet: false }) });
    }),
  );
  return rows.flat();
}

async function last(): Promise<StoredManifest> {
  const stored = await readManifest(env.ARCHIVE, { advertiserId: ADV, day: TODAY });
  if (stored === null) throw new Error("a manifest is there");
  return stored;
}

describe("the evidence of a day", () => {
  it("has a row of each click, its token apart, under hashes", async () => {
    const first = await aSignedClick({}, { cpc: 250_000 });
    const crawler = await aSignedClick({ userAgent: CRAWLER }, { cpc: 100_000 });
    const folded = await aSignedClick({ count: 3 }, { cpc: 500_001 });
    await count([first, crawler, folded, await again(first)]);
    await audit();
    expect(await makeEvidence(ports(), PLAIN_STEPS)).toEqual([TODAY]);

    const stored = await last();
    const { manifest } = stored;
    expect(noticed).toEqual([stored]);
    const totals = { gross: 6, valid: 2, duplicate: 3, invalid: 1, late: 0, spend_micros: "750001" };
    expect(manifest).toMatchObject({ v: 1, advertiser_id: ADV, day: TODAY, revision: 1, previous: null, totals });
    for (const part of [...manifest.parts, ...manifest.tokens, manifest.sums]) {
      expect(await sha256Hex(await bytesOf(part.name))).toBe(part.sha256);
    }
    const rows = await rowsOf(manifest);
    expect(rows.map((row) => [row["event_id"], row["verdict"], row["clicks"], row["price_micros"]])).toEqual(
      expect.arrayContaining([
        [first.id, "valid", 1, 250_000n],
        [crawler.id, "invalid", 1, 100_000n],
        [folded.id, "valid", 3, 500_001n],
      ]),
    );
    expect(rows.find((row) => row["event_id"] === first.id)?.["token_sha256"]).toBe(tokenHashOf(first.token));
    expect(await rowsOf({ parts: manifest.tokens })).toContainEqual({ event_id: first.id, token: first.token });
    const sums = await decodeSums(await bytesOf(manifest.sums.name));
    expect(sums.reduce((sum, { spendMicros }) => sum + spendMicros, 0n)).toBe(750_001n);
  });

  it("is made once, however often somebody looks", async () => {
    await count([await aSignedClick()]);
    await audit();
    const { clean } = await cleanDays(env.REPORT_DB, 0);
    expect(await isMadeThrough(env.ARCHIVE, clean)).toBe(false);
    await makeEvidence(ports(), PLAIN_STEPS);
    expect(await isMadeThrough(env.ARCHIVE, clean)).toBe(true);
    const before = await last();
    await audit();
    expect(await isMadeThrough(env.ARCHIVE, (await cleanDays(env.REPORT_DB, 0)).clean)).toBe(false);
    await makeEvidence(ports(), PLAIN_STEPS);
    expect(await last()).toEqual(before);
    expect(noticed).toEqual([before]);
  });

  it("has another revision, which names the first, when a click was moved", async () => {
    const click = await aSignedClick();
    await count([click, await aSignedClick()]);
    await audit();
    await makeEvidence(ports(), PLAIN_STEPS);
    const first = await last();
    const shard = env.EVENT_SHARD.getByName(await shardOfEvent(click));
    const request = {
      ...{ encoded: encodeTokenEvent(click), n: 1, from: { verdict: "valid", reason: null } as const },
      to: { verdict: "invalid", reason: "high_frequency" } as const,
    };
    await shard.revise([request], { cause: "replay/1", by: "key_op" });
    await shard.archiveNow();
    await audit({}, PLAIN_STEPS, TOMORROW);
    await makeEvidence(ports(), PLAIN_STEPS);
    const second = await last();
    expect(second.manifest).toMatchObject({ revision: 2, previous: first.sha256, totals: { valid: 1, invalid: 1 } });
    const row = (await rowsOf(second.manifest)).find((one) => one["event_id"] === click.id);
    expect(row).toMatchObject({ verdict: "invalid", reason: "high_frequency", decisions: "valid;invalid replay/1" });
    const before = await readManifest(env.ARCHIVE, { advertiserId: ADV, day: TODAY, revision: 1 });
    expect(before).toEqual(first);
    expect((await rowsOf(first.manifest)).find((one) => one["event_id"] === click.id)).toMatchObject({
      verdict: "valid",
    });
  });

  it("is not made of a day that is blocked, and is once it is mended", async () => {
    const click = await aSignedClick();
    await count([click]);
    await env.REPORT_DB.prepare("UPDATE facts_minute SET valid = valid + 1, gross = gross + 1").run();
    const report = await audit();
    expect(report.outcome).toBe("blocked");
    expect(await makeEvidence(ports(), PLAIN_STEPS)).toEqual([]);
    await mendAudit(await mendPorts(env), report, "key_op");
    expect((await audit()).outcome).toBe("clean");
    expect(await makeEvidence(ports(), PLAIN_STEPS)).toEqual([TODAY]);
  });

  it("is the same when it is killed before or after any step", async () => {
    const first = await aSignedClick();
    await count([first, await again(first), await aSignedClick({}, { adv: "adv_2" })]);
    await audit();
    let effects = 0;
    for (let dies = 0; ; dies++) {
      let at = 0;
      const steps: Steps = {
        ...PLAIN_STEPS,
        do: async (_name, work) => {
          if (at++ === dies) throw new Error("killed");
          const value = await work();
          if (at++ === dies) throw new Error("killed");
          return value;
        },
      };
      const died = await makeEvidence(ports(), steps).then(
        () => false,
        () => true,
      );
      effects++;
      if (!died) break;
    }
    expect(effects).toBeGreaterThan(10);
    const { objects } = await env.ARCHIVE.list({ prefix: "evidence/v1/" });
    expect(objects.filter(({ key }) => key.includes("adv=") && key.includes("/manifest-"))).toHaveLength(2);
    expect(objects.filter(({ key }) => key.includes("pub=") && key.includes("/manifest-"))).toHaveLength(1);
    expect(objects).toHaveLength(10);
    const trees = await env.ARCHIVE.list({ prefix: "hours/v1/" });
    expect(trees.objects.filter(({ key }) => !key.includes("/manifest-0001.json"))).toMatchObject([
      { key: "hours/v1/made.json" },
    ]);
  });
});

describe("the trees of log hours", () => {
  const shardOf = ({ manifest: { source } }: StoredHour) => source.slice(0, source.indexOf("/"));

  it("have every line of a shard's hour in the order of its log, in as many segments as the archive has", async () => {
    const first = await aSignedClick();
    const shard = await shardOfEvent(first);
    await count([first]);
    await count([await again(first), await again(first)]);
    await audit();
    await makeEvidence(ports(), PLAIN_STEPS);
    const [hour] = hours as [StoredHour];
    expect(hours).toHaveLength(1);
    const { manifest } = hour;
    expect(manifest).toMatchObject({ v: 1, revision: 1, previous: null, segments: 2, lines: 3, first_row: 1 });
    expect(manifest.source.startsWith(`${shard}/`)).toBe(true);
    expect(manifest.hour).toMatch(new RegExp(`^${TODAY}T\\d\\d$`));
    const segments = (await segmentsOf(env.ARCHIVE, manifest)) ?? [];
    const secret = await nonceSecretOf(env.ARCHIVE);
    for (const one of segments) {
      const lines = linesOf((await openSegment(env.ARCHIVE, one.raw)) ?? []);
      const of = { source: manifest.source, firstRow: one.first_row, lines: lines.length };
      const hashes = await hashLines(lines, await lineNonces(secret, of));
      expect(bytesToHex(rootOf(splitHashes(hashes)))).toBe(one.root);
      const range = { offset: one.at, length: hashes.length };
      expect(await (await env.ARCHIVE.get(one.hashes, { range }))?.bytes()).toEqual(hashes);
    }
    expect(bytesToHex(rootOf(segments.map(segmentLeaf)))).toBe(manifest.root);
    expect(hour.sha256).toBe(await sha256Hex(hour.bytes));
  });

  it("are made once, and again as the next revision where a log has lost a line that it had", async () => {
    const click = await aSignedClick();
    await count([click]);
    await count([await again(click)]);
    await audit();
    await makeEvidence(ports(), PLAIN_STEPS);
    const [before] = hours as [StoredHour];
    await audit();
    await makeEvidence(ports(), PLAIN_STEPS);
    expect(hours).toEqual([before]);
    const lost = (await segmentsOf(env.ARCHIVE, before.manifest))?.[0]?.raw ?? "";
    await env.ARCHIVE.put(lost, "nothing", { customMetadata: (await env.ARCHIVE.head(lost))?.customMetadata ?? {} });
    const report = await audit();
    expect(report.outcome).toBe("blocked");
    await makeEvidence(ports(), PLAIN_STEPS);
    expect(hours).toEqual([]);
    // As if what is missing had been accepted and mended.
    expect(await makeHours(ports(), new Map([[TODAY, report.attempt]]), PLAIN_STEPS)).toEqual([TODAY]);
    const [after] = hours as [StoredHour];
    const next = { revision: 2, previous: before.sha256, segments: 1, lines: 1, first_row: 2 };
    expect(after.manifest).toMatchObject(next);
    expect(hourLeaf(after).slice(0, 32)).not.toEqual(hourLeaf(before).slice(0, 32));
    expect(await hoursOf(env.ARCHIVE, before.manifest.hour, shardOf(before))).toEqual([after]);
  });

  it("have a leaf that says nothing but the hash of a name and of a manifest", async () => {
    await count([await aSignedClick()]);
    await audit();
    await makeEvidence(ports(), PLAIN_STEPS);
    const [hour] = hours as [StoredHour];
    const { source, hour: name } = hour.manifest;
    const leaf = bytesToHex(hourLeaf(hour));
    expect(leaf).toBe(`${await sha256Hex(encodeUtf8(`hour/${source}/${name}/1`))}${hour.sha256}`);
  });
});
