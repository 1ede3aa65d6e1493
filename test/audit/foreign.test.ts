/**
 * An event in the log of a shard that does not own it: its owner counts it once, and that log gives it up, by the API
 * alone; evidence and statements have it once, and a stranger verifies them.
 */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { AuditReport } from "../../src/audit/audit-report.ts";
import { PLAIN_STEPS } from "../../src/audit/steps.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import { ask } from "../admin/ask.ts";
import { aSignedClick, audit, count, shardOfEvent, startOver, TODAY, TOMORROW } from "../support/audited.ts";

beforeEach(startOver);

const again = async (event: TokenEvent): Promise<TokenEvent> => ({ ...event, id: (await aSignedClick()).id });
const kindsOf = ({ found }: AuditReport) =>
  Object.fromEntries(Object.entries(found).map(([kind, { count: number }]) => [kind, number]));

/** Logs an event in another shard than its own, as if it had been sent there. */
async function misplace(event: TokenEvent, away = 1): Promise<string> {
  const owner = await shardOfEvent(event);
  const others = ["clicks-0", "clicks-1", "clicks-2"].filter((name) => name !== owner);
  const other = env.EVENT_SHARD.getByName(others[away - 1] ?? "");
  await other.ingest([encodeTokenEvent(event)]);
  await other.archiveNow();
  return others[away - 1] ?? "";
}

/** The log of the event's owner is closed too, though it may never have logged. */
const closing = async (event: TokenEvent) => {
  const owner = await shardOfEvent(event);
  return { shardNames: async () => [owner] };
};
const sums = () =>
  env.REPORT_DB.prepare(
    "SELECT sum(gross) gross, sum(valid) valid, sum(duplicate) duplicate, sum(spend_micros) spend FROM facts_minute",
  ).first();

async function mend(day = TODAY) {
  const { status, body } = await ask(`POST /v1/admin/audits/${day}/mend`);
  expect(status).toBe(200);
  return (body as { found: object[] }).found;
}
const MENDED = [{ kind: "foreign_shard", mended: 1, left: 0 }];

/** Audits the day in which the first one was mended as well. */
async function bothClean(): Promise<void> {
  expect(await audit()).toMatchObject({ outcome: "clean", found: {}, mendedOn: TOMORROW });
  expect(await audit({}, PLAIN_STEPS, TOMORROW)).toMatchObject({ outcome: "clean", found: {} });
  expect(await audit()).toMatchObject({ outcome: "clean" });
}

/** The audit finds one foreign event; it is mended once, however often, and figures are then as told. */
async function isMendedTo(expected: object): Promise<void> {
  expect(kindsOf(await audit())).toEqual({ foreign_shard: 1 });
  expect(await mend()).toEqual(MENDED);
  expect(await mend(), "again").toEqual(MENDED);
  await bothClean();
  expect(await sums()).toMatchObject(expected);
}

describe("an event in the log of a shard that does not own it", () => {
  it("is handed to its owner, counts once, and no other of its impression counts behind it", async () => {
    const event = await aSignedClick();
    await misplace(event);
    const report = await audit(await closing(event));
    expect(kindsOf(report)).toEqual({ foreign_shard: 1 });
    expect(await mend()).toEqual(MENDED);
    expect(await mend(), "again").toEqual(MENDED);
    await count([await again(event)]);
    await bothClean();
    expect(await sums()).toMatchObject({ gross: 2, valid: 1, duplicate: 1 });
  });

  it.each([
    ["counted it too", (event: TokenEvent) => event, { gross: 1, valid: 1, duplicate: 0 }],
    ["counted another of its impression", again, { gross: 2, valid: 1, duplicate: 1 }],
  ])("counts once where its owner %s", async (_, owned, expected) => {
    const event = await aSignedClick();
    await count([await owned(event)]);
    await misplace(event);
    expect(await sums()).toMatchObject({ gross: 2, valid: 2 });
    await isMendedTo(expected);
  });

  it("counts once where two others logged it, and the owner as well", async () => {
    const event = await aSignedClick();
    await count([event]);
    await misplace(event, 1);
    await misplace(event, 2);
    expect(kindsOf(await audit())).toEqual({ foreign_shard: 2 });
    expect(await mend()).toEqual([{ kind: "foreign_shard", mended: 2, left: 0 }]);
    await bothClean();
    expect(await sums()).toMatchObject({ gross: 1, valid: 1, spend: 250_000 });
  });

  it("has no owner where nobody signed its token, and is invalid where it stands", async () => {
    const event = await aSignedClick();
    await misplace({ ...event, token: `${event.token.slice(0, -6)}AAAAAA` });
    const report = await audit(await closing(event));
    expect(kindsOf(report)).toEqual({ signature: 1 });
    expect(await mend()).toEqual([{ kind: "signature", mended: 1, left: 0 }]);
    await bothClean();
    expect(await sums()).toMatchObject({ gross: 1, valid: 0 });
  });

  it("counts by the word of the person who accepted it late", async () => {
    const receivedAtMs = Date.now();
    const event = await aSignedClick({ receivedAtMs, occurredAtMs: receivedAtMs - 10 * 60_000 });
    const other = await misplace(event);
    const decision = { decisions: [{ id: event.id, decision: "accept" }] };
    expect((await ask("POST /v1/late-clicks", { body: decision })).status).toBe(200);
    await env.EVENT_SHARD.getByName(other).archiveNow();
    expect(kindsOf(await audit(await closing(event)))).toEqual({ foreign_shard: 2 });
    // What its line says of it before the decision is nothing that could be handed over.
    expect(await mend()).toEqual([{ kind: "foreign_shard", mended: 1, left: 1 }]);
    await bothClean();
    expect(await sums()).toMatchObject({ gross: 1, valid: 1 });
  });

  it.each([
    ["accept", { gross: 1, valid: 1, spend: 250_000 }],
    ["reject", { gross: 1, valid: 0, spend: 0 }],
  ])("counts once where its owner had it late too, and a person said %s", async (decision, expected) => {
    const receivedAtMs = Date.now();
    const event = await aSignedClick({ receivedAtMs, occurredAtMs: receivedAtMs - 10 * 60_000 });
    await count([event]);
    await misplace(event);
    const body = { decisions: [{ id: event.id, decision }] };
    expect((await ask("POST /v1/late-clicks", { body })).status).toBe(200);
    await env.EVENT_SHARD.getByName(await shardOfEvent(event)).archiveNow();
    await isMendedTo(expected);
  });

  it("waits for a person where it is late", async () => {
    const receivedAtMs = Date.now();
    const event = await aSignedClick({ receivedAtMs, occurredAtMs: receivedAtMs - 10 * 60_000 });
    await misplace(event);
    const { found } = await audit(await closing(event));
    expect(found.foreign_shard?.examples).toMatchObject([{ acceptable: true }]);
    expect(await mend()).toEqual([{ kind: "foreign_shard", mended: 0, left: 1 }]);
  });

  it("is missed where the log gave it up and its owner never counted it", async () => {
    const event = await aSignedClick();
    const other = env.EVENT_SHARD.getByName(await misplace(event));
    const lost = { encoded: encodeTokenEvent(event), n: 1, from: { verdict: "valid", reason: null } as const };
    const to = { verdict: "deferred", reason: "other_shard" } as const;
    await other.revise([{ ...lost, to }], { cause: "audit/none", by: "nobody" });
    await other.archiveNow();
    expect(await audit(await closing(event))).toMatchObject({ outcome: "blocked" });
    expect(await mend()).toEqual(MENDED);
    expect(await sums()).toMatchObject({ gross: 1, valid: 1 });
    await audit({}, PLAIN_STEPS, TOMORROW);
    expect(await audit()).toMatchObject({ outcome: "clean" });
  });
});
