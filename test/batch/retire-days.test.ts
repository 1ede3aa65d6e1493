/** Lines of old days leave when what they add up to is kept, and stay where a hold or an open audit needs them. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { putHold, releaseHold, retiredKey } from "../../src/archive/holds.ts";
import { takeAttempt } from "../../src/audit/start.ts";
import { isRetireTurn, retireDays } from "../../src/batch/retire-days.ts";
import { isRetireWorkTurn, retireWork } from "../../src/batch/retire-work.ts";
import { DAY_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { type CleanDays, dueDays, markMade } from "../../src/evidence/due.ts";
import { aSignedClick, count, startOver } from "../support/audited.ts";
import { failingPorts } from "../support/failing-ports.ts";
import { closeDay, dayOn } from "../support/log-days.ts";

const [FIRST, SECOND] = [dayOn(0), dayOn(1)];
const KEPT = 90;
const at = (days: number) => Date.parse(FIRST) + days * DAY_MS;
const hold = (id: string, from: string, to: string) => ({
  ...{ id, from, to, advertiserId: null, reason: "A dispute of these days.", by: "key_7", atMs: 1 },
});

/** A clean day, a day whose audit is open or clean, and one that goes on. */
async function twoDays(): Promise<void> {
  await startOver();
  await count([await aSignedClick(), await aSignedClick()]);
  await closeDay(FIRST);
  await count([await aSignedClick()]);
  await closeDay(SECOND);
  await count([await aSignedClick()]);
}

const keysBelow = async (prefix: string) => (await env.ARCHIVE.list({ prefix })).objects.map(({ key }) => key);
const linesOf = async (day: string) => (await keysBelow(`raw/v1/dt=${day}/`)).length;
const retire = (nowMs: number, more: Partial<Parameters<typeof retireDays>[0]> = {}) =>
  retireDays({ archive: env.ARCHIVE, nowMs, rawKeptDays: KEPT, isEvidenced: async () => true, ...more });
const takeAgain = (day: string) => takeAttempt(env, { day, nowMs: at(200), graceMs: 0 });

beforeEach(twoDays);

describe("lines of log days", () => {
  it("stay RAW_KEPT_DAYS behind their day, then leave; folds, seals and reports stay", async () => {
    const [folds, seals] = [await keysBelow("folds/v1/"), await keysBelow("seals/v1/")];
    expect(await retire(at(1 + KEPT) - 1)).toEqual({ deleted: {}, stays: {} });
    const lines = await linesOf(FIRST);
    expect(lines).toBeGreaterThan(0);
    const { deleted, stays } = await retire(at(1 + KEPT));
    expect({ days: Object.keys(deleted), stays }).toEqual({ days: [FIRST], stays: {} });
    expect(deleted[FIRST]).toBeGreaterThan(lines);
    expect([await linesOf(FIRST), (await linesOf(SECOND)) > 0]).toEqual([0, true]);
    expect([await keysBelow("folds/v1/"), await keysBelow("seals/v1/")]).toEqual([folds, seals]);
    expect(await keysBelow(`audits/v1/dt=${FIRST}/`)).toEqual([`audits/v1/dt=${FIRST}/0001.json`]);
    expect(await retire(at(1 + KEPT))).toEqual({ deleted: {}, stays: {} });
    expect(await takeAgain(FIRST)).toEqual({ ok: false, error: "day_retired" });
  });

  it("stay where the day was never audited, or its last audit found something", async () => {
    const key = `audits/v1/dt=${FIRST}/0001.json`;
    const report = await (await env.ARCHIVE.get(key))?.text();
    await env.ARCHIVE.delete(key);
    expect((await retire(at(200))).stays).toMatchObject({ [FIRST]: "not_clean" });
    await env.ARCHIVE.put(key, report?.replace('"clean"', '"blocked"') ?? "");
    expect((await retire(at(200))).stays).toMatchObject({ [FIRST]: "not_clean" });
    expect(await linesOf(FIRST)).toBeGreaterThan(0);
  });

  it.each([
    ["a fold is gone", async (fold: string) => env.ARCHIVE.delete(fold), "not_folded"],
    ["a fold was edited", async (fold: string) => void (await env.ARCHIVE.put(fold, "PAR1")), "not_folded"],
    [
      "a segment came after the audit",
      async () => {
        const [key = ""] = await keysBelow(`raw/v1/dt=${FIRST}/`);
        const customMetadata = { seqFrom: "900", seqTo: "901", chain: "", chainFrom: "", source: "" };
        await env.ARCHIVE.put(key.replace(/-\d{12}/, "-000000000900"), "", { customMetadata });
      },
      "not_folded",
    ],
    ["the seal is gone", async () => env.ARCHIVE.delete(`seals/v1/dt=${FIRST}.json`), "not_clean"],
    ["another audit is under way", async () => void (await takeAgain(FIRST)), "audit_running"],
  ])("stay where %s", async (_, change, why) => {
    const folds = await keysBelow(`folds/v1/dt=${FIRST}/0001/shard=`);
    await change(folds[0] ?? "");
    const nowMs = why === "audit_running" ? Date.now() : at(1 + KEPT);
    expect((await retire(nowMs, { rawKeptDays: why === "audit_running" ? -1 : KEPT })).stays).toMatchObject({
      [FIRST]: why,
    });
    expect(await linesOf(FIRST)).toBeGreaterThan(0);
    expect(await env.ARCHIVE.head(retiredKey(FIRST))).toBeNull();
  });

  it("stay until their evidence is there", async () => {
    const isEvidenced = async (day: string) => day === SECOND;
    expect((await retire(at(200), { isEvidenced })).stays).toMatchObject({ [FIRST]: "not_evidenced" });
    expect([(await linesOf(FIRST)) > 0, await linesOf(SECOND)]).toEqual([true, 0]);
  });

  it("stay as long as any hold of the day is in force, and leave behind the last", async () => {
    await putHold(env.ARCHIVE, hold("a", FIRST, SECOND));
    await putHold(env.ARCHIVE, hold("b", dayOn(-5), dayOn(1)));
    await putHold(env.ARCHIVE, hold("c", dayOn(-5), FIRST));
    expect((await retire(at(200))).stays).toMatchObject({ [FIRST]: "held" });
    await releaseHold(env.ARCHIVE, "a", { by: "key_7", atMs: 2 });
    expect((await retire(at(200))).stays).toMatchObject({ [FIRST]: "held" });
    expect([(await linesOf(FIRST)) > 0, await linesOf(SECOND)]).toEqual([true, 0]);
    await releaseHold(env.ARCHIVE, "b", { by: "key_7", atMs: 2 });
    expect((await retire(at(200))).stays).not.toHaveProperty(FIRST);
    expect(await linesOf(FIRST)).toBe(0);
  });

  it("are kept, those that are left, by a hold that comes while they are being deleted", async () => {
    await retire(at(1 + KEPT), { objectsMax: 1 });
    const left = await linesOf(FIRST);
    expect(left).toBeGreaterThan(0);
    await putHold(env.ARCHIVE, hold("late", FIRST, SECOND));
    expect((await retire(at(1 + KEPT))).stays).toEqual({ [FIRST]: "held" });
    expect(await linesOf(FIRST)).toBe(left);
  });

  it.each([false, true])("leave in many turns that die anywhere (done: %s), and nothing else does", async (isDone) => {
    const whole = failingPorts({ database: env.REPORT_DB, archive: env.ARCHIVE }, null);
    await retire(at(1 + KEPT), { archive: whole.archive });
    const calls = whole.calls();
    expect(calls).toBeGreaterThan(8);
    await twoDays();
    const others = [
      ...(await keysBelow("folds/")),
      ...(await keysBelow("seals/")),
      ...(await keysBelow(`raw/v1/dt=${SECOND}`)),
    ];
    for (let call = 0; call < calls; call++) {
      const { archive } = failingPorts({ database: env.REPORT_DB, archive: env.ARCHIVE }, { at: call, isDone });
      await retire(at(1 + KEPT), { archive, objectsMax: 3 }).catch(() => {});
    }
    await retire(at(1 + KEPT));
    expect(await linesOf(FIRST)).toBe(0);
    const left = [
      ...(await keysBelow("folds/")),
      ...(await keysBelow("seals/")),
      ...(await keysBelow(`raw/v1/dt=${SECOND}`)),
    ];
    expect(left).toEqual(others);
  });

  it("are looked at every ten minutes", () => {
    const turns = Array.from({ length: 60 }, (_, minute) => isRetireTurn(at(3) + minute * MINUTE_MS));
    expect(turns.filter(Boolean)).toHaveLength(6);
  });
});

describe("what audits and evidence were made from", () => {
  const THIRD = dayOn(2);
  const SPAN_DAYS = 9;
  const retireOld = (nowMs: number, more: Partial<Parameters<typeof retireWork>[0]> = {}) =>
    retireWork({ archive: env.ARCHIVE, nowMs, rawKeptDays: KEPT, spanMs: SPAN_DAYS * DAY_MS, ...more });
  const work = async () => [
    ...(await keysBelow("claims/v1/")),
    ...(await keysBelow("clicks/v1/")),
    ...(await keysBelow("evidence-work/v1/")),
  ];
  const lastMs = at(1 + KEPT + SPAN_DAYS);

  beforeEach(async () => {
    await env.ARCHIVE.put(`evidence-work/v1/dt=${FIRST}/bucket=00/hour=01/0.ndjson`, "{}");
    await closeDay(THIRD);
  });

  it("leaves behind the lines of every log day that it came from, RAW_KEPT_DAYS and the dedup horizon later", async () => {
    const [before, folds] = [await work(), await keysBelow("folds/v1/")];
    expect(new Set(before.map((key) => key.split("/")[0]))).toEqual(new Set(["claims", "clicks", "evidence-work"]));
    expect(await retireOld(lastMs)).toEqual({});
    await retire(lastMs);
    expect(await retireOld(lastMs - DAY_MS)).toEqual({});
    expect(await work()).toEqual(before);
    const deleted = await retireOld(lastMs);
    expect(Object.values(deleted).reduce((sum, count) => sum + count, 0)).toBe(before.length);
    expect(await work()).toEqual([]);
    expect(await keysBelow("folds/v1/")).toEqual(folds);
    expect(await retireOld(lastMs)).toEqual({});
  });

  it("stays while a log day is held whose audit would read it: its own, and the span before it", async () => {
    await putHold(env.ARCHIVE, hold("a", THIRD, dayOn(3)));
    await retire(at(400));
    expect([await linesOf(FIRST), await linesOf(SECOND), (await linesOf(THIRD)) > 0]).toEqual([0, 0, true]);
    const before = await work();
    expect(await retireOld(at(400))).toEqual({});
    expect(await retireOld(at(400), { spanMs: DAY_MS })).not.toEqual({});
    const left = await work();
    expect(left.filter((key) => key.includes(`/${THIRD}/`))).toEqual(
      before.filter((key) => key.includes(`/${THIRD}/`)),
    );
    await releaseHold(env.ARCHIVE, "a", { by: "key_7", atMs: 2 });
    await retire(at(400));
    await retireOld(at(400));
    expect(await work()).toEqual([]);
  });

  it("stays for a service day that is held, and leaves in many turns that die anywhere", async () => {
    await retire(at(400));
    await putHold(env.ARCHIVE, hold("a", FIRST, SECOND));
    await retireOld(at(400));
    expect((await work()).every((key) => key.includes(`/dt=${FIRST}/`))).toBe(true);
    expect(await keysBelow(`clicks/v1/dt=${FIRST}/`)).not.toEqual([]);
    await releaseHold(env.ARCHIVE, "a", { by: "key_7", atMs: 2 });
    for (let call = 0; call < 12; call++) {
      const { archive } = failingPorts(
        { database: env.REPORT_DB, archive: env.ARCHIVE },
        { at: call, isDone: call > 5 },
      );
      await retireOld(at(400), { archive, objectsMax: 1 }).catch(() => {});
    }
    await retireOld(at(400));
    expect(await work()).toEqual([]);
  });

  it("is never half of what evidence is made of: a day whose older lines are gone is not due again", async () => {
    const days = [FIRST, SECOND, THIRD];
    const clean: CleanDays = new Map(days.map((day) => [day, 1]));
    const due = () => dueDays(env.ARCHIVE, { clean, reconciledUntilMs: at(9) });
    const [first] = await due();
    expect(first).toMatchObject({ day: FIRST, audits: [`${FIRST}/0001`, `${SECOND}/0001`, `${THIRD}/0001`] });
    await markMade(env.ARCHIVE, { day: FIRST, audits: [`${FIRST}/0001`, `${SECOND}/0001`] });
    expect(await due()).toEqual([first]);
    for (const key of await keysBelow("clicks/v1/")) {
      if (key.includes(`/${SECOND}/`)) await env.ARCHIVE.delete(key);
    }
    expect(await due()).toEqual([]);
  });

  it("is looked at once an hour", () => {
    const turns = Array.from({ length: 60 }, (_, minute) => isRetireWorkTurn(at(3) + minute * MINUTE_MS));
    expect(turns.filter(Boolean)).toHaveLength(1);
  });
});
