/** Evidence of what the archive has lost since: clicks that are gone are billed no more, and nobody's day is forgotten. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { segmentsOfDay } from "../../src/archive/segments.ts";
import { clickLinesPrefix } from "../../src/audit/click-lines.ts";
import { PLAIN_STEPS } from "../../src/audit/steps.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { dueDays, markMade } from "../../src/evidence/due.ts";
import type { StoredEarnings } from "../../src/evidence/earnings.ts";
import { makeEvidence } from "../../src/evidence/make.ts";
import { readManifest } from "../../src/evidence/manifest.ts";
import { ask } from "../admin/ask.ts";
import { aSignedClick, audit, count, shardOfEvent, startOver, TODAY, TOMORROW } from "../support/audited.ts";

beforeEach(startOver);

/** Resolves to what publishers' evidence was met. */
async function evidence(): Promise<StoredEarnings[]> {
  const earnings: StoredEarnings[] = [];
  const nothing = { onManifest: async () => {}, onHour: async () => {} };
  const onEarnings = async (stored: StoredEarnings) => void earnings.push(stored);
  const ports = { bucket: env.ARCHIVE, primary: env.REPORT_DB, graceMs: 0 };
  await makeEvidence({ ...ports, ...nothing, onEarnings }, PLAIN_STEPS);
  return earnings;
}

/** Deletes the first segment of the day, and has its loss accepted and the figures mended. */
async function loseFirst(): Promise<void> {
  const [lost] = await segmentsOfDay(env.ARCHIVE, TODAY);
  await env.ARCHIVE.delete(lost?.key ?? "");
  const { found } = await audit();
  const [missing] = found.segment_missing?.examples ?? [];
  const body = { object: missing?.where, reason: "No copy of it is left anywhere: it is lost." };
  expect((await ask(`POST /v1/admin/audits/${TODAY}/losses`, { body })).status).toBe(200);
  await audit();
  await ask(`POST /v1/admin/audits/${TODAY}/mend`);
  expect(await audit()).toMatchObject({ outcome: "clean" });
}

describe("a segment that is accepted as lost", () => {
  it("leaves an advertiser and a publisher without a click, and the next revision says so", async () => {
    await count([await aSignedClick({}, { adv: "adv_2", pub: "pub_2" })]);
    await count([await aSignedClick()]);
    await audit();
    expect(await evidence()).toHaveLength(2);
    await loseFirst();
    const earnings = await evidence();
    const of = async (advertiserId: string) =>
      (await readManifest(env.ARCHIVE, { advertiserId, day: TODAY }))?.manifest;
    const nothing = { gross: 0, valid: 0, spend_micros: "0" };
    const gone = await of("adv_2");
    expect(gone).toMatchObject({ revision: 2, parts: [], sums: { rows: 0 }, totals: nothing });
    expect(gone?.losses).toHaveLength(1);
    expect(await of("adv_1")).toMatchObject({ revision: 2, totals: { valid: 1 } });
    const earned = earnings.map(({ manifest }) => [manifest.publisher_id, manifest.revision, manifest.sums.rows]);
    expect(earned.sort()).toEqual([
      ["pub_1", 2, 1],
      ["pub_2", 2, 0],
    ]);
  });

  it("leaves a revision of a click that was in it, which is accepted, and moves nothing", async () => {
    const lost = await aSignedClick({}, { cpc: 250_000 });
    await count([lost]);
    await count([await aSignedClick({}, { cpc: 300_000 })]);
    await audit();
    await evidence();
    await loseFirst();
    const shard = env.EVENT_SHARD.getByName(await shardOfEvent(lost));
    const from = { verdict: "valid", reason: null } as const;
    const to = { verdict: "invalid", reason: "high_frequency" } as const;
    await shard.revise([{ encoded: encodeTokenEvent(lost), n: 1, from, to }], { cause: "replay/1", by: "key_op" });
    await shard.archiveNow();
    const { found } = await audit({}, PLAIN_STEPS, TOMORROW);
    const body = { object: found.verdict?.examples[0]?.where, reason: "What it revises was lost with its segment." };
    expect((await ask(`POST /v1/admin/audits/${TOMORROW}/losses`, { body })).status).toBe(200);
    await audit({}, PLAIN_STEPS, TOMORROW);
    await ask(`POST /v1/admin/audits/${TOMORROW}/mend`);
    expect(await audit({}, PLAIN_STEPS, TOMORROW)).toMatchObject({ outcome: "clean" });
    await evidence();
    const left = { gross: 1, valid: 1, invalid: 0, spend_micros: "300000" };
    const kept = await readManifest(env.ARCHIVE, { advertiserId: "adv_1", day: TODAY });
    expect(kept?.manifest.totals).toMatchObject(left);
    const shown = await env.REPORT_DB.prepare(
      "SELECT sum(gross) AS gross, sum(valid) AS valid, sum(invalid) AS invalid, sum(spend_micros) AS spend FROM facts_minute",
    ).first();
    expect(shown).toEqual({ gross: 1, valid: 1, invalid: 0, spend: 300_000 });
  });

  it("leaves a day without a line, which is due by it, and by no audit that has not ended", async () => {
    const [day, logDay] = ["2026-01-01", "2026-01-02"];
    await env.ARCHIVE.put(`${clickLinesPrefix(day, 0)}hour=23/${logDay}/0001/clicks-0-0.gz`, "");
    const due = (attempt: number | null) =>
      dueDays(env.ARCHIVE, {
        ...{ clean: new Map(attempt === null ? [] : [[logDay, attempt]]), reconciledUntilMs: Date.parse(logDay) },
      });
    const [first] = await due(1);
    expect(first).toEqual({ day, audits: [`${logDay}/0001`], logDays: [logDay] });
    await markMade(env.ARCHIVE, { day, audits: first?.audits ?? [] });
    expect(await due(1)).toEqual([]);
    expect(await due(null)).toEqual([]);
    expect(await due(2)).toEqual([{ day, audits: [], logDays: [logDay] }]);
  });
});
