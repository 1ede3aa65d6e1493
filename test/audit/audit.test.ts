/** An audit on real shards, D1 and R2: clean where nothing was done to it, and each planted difference found by its name. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { runAudit } from "../../src/audit/audit.ts";
import type { AuditReport } from "../../src/audit/audit-report.ts";
import { mendAudit } from "../../src/audit/mend.ts";
import { SEALED_THROUGH_KEY } from "../../src/audit/objects.ts";
import { auditPorts, mendPorts } from "../../src/audit/ports.ts";
import type { Steps } from "../../src/audit/steps.ts";
import { parseJson } from "../../src/core/base64url.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { decodeLogLine } from "../../src/core/log-line.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import { HOUR_SUMS_BY } from "../../src/facts/hour-sums-sql.ts";
import { rollAll } from "../../src/facts/roll.ts";
import { anAttempt, aSignedClick, audit, count, shardOfEvent, startOver, TODAY } from "../support/audited.ts";
import { aPayload, CRAWLER } from "../support/builders.ts";
import { withShard } from "../support/flush-harness.ts";
import { aSignedToken } from "../support/signing.ts";
import { updateLog } from "../support/update-log.ts";

beforeEach(startOver);

const again = async (event: TokenEvent): Promise<TokenEvent> => ({ ...event, id: (await aSignedClick()).id });
const kindsOf = ({ found }: AuditReport) =>
  Object.fromEntries(Object.entries(found).map(([kind, { count: number }]) => [kind, number]));

/** Segments of the day: key and text. */
async function segments(): Promise<{ key: string; text: string; object: R2ObjectBody }[]> {
  const { objects } = await env.ARCHIVE.list({ prefix: "raw/v1/" });
  return Promise.all(
    objects.map(async ({ key }) => {
      const object = (await env.ARCHIVE.get(key)) as R2ObjectBody;
      const text = await new Response(object.body.pipeThrough(new DecompressionStream("gzip"))).text();
      return { key, text, object };
    }),
  );
}

async function putText(key: string, text: string, customMetadata: Record<string, string>): Promise<void> {
  const body = new Response(text).body?.pipeThrough(new CompressionStream("gzip"));
  await env.ARCHIVE.put(key, await new Response(body).arrayBuffer(), { customMetadata });
}

describe("the audit of a day", () => {
  it("is clean where nothing was done behind the system’s back", async () => {
    const first = await aSignedClick();
    await count([first, await aSignedClick({ userAgent: CRAWLER }), await again(first)]);
    expect(await audit()).toMatchObject({ outcome: "clean", found: {}, cost: { events: 3 } });
    const day = await env.REPORT_DB.prepare("SELECT state, attempt FROM log_days").first();
    expect(day).toEqual({ state: "clean", attempt: 1 });
  });

  it("is clean of clicks that came after it was sealed, and counts none of them", async () => {
    await count([await aSignedClick()]);
    await audit();
    await count([await aSignedClick(), await aSignedClick()]);
    expect(await audit()).toMatchObject({ attempt: 2, outcome: "clean", cost: { events: 1 } });
    const days = (await segments()).map(({ key }) => key.slice("raw/v1/dt=".length, "raw/v1/dt=2026-11-27".length));
    expect(days.filter((day) => day > TODAY).length).toBeGreaterThan(0);
  });
});

describe("an archive that somebody changed", () => {
  it.each([
    ["a segment that is gone", "segment_missing", async (key: string) => env.ARCHIVE.delete(key)],
    [
      "one price in a line",
      "segment_changed",
      async (key: string, text: string, { customMetadata = {} }: R2Object) =>
        putText(key, text.replace('"count":1', '"count":2'), customMetadata),
    ],
    [
      "a line that is there twice",
      "segment_changed",
      async (key: string, text: string, { customMetadata = {} }: R2Object) =>
        putText(key, `${text}${text}`, customMetadata),
    ],
    [
      "a segment that is cut",
      "segment_changed",
      async (key: string, text: string, { customMetadata = {} }: R2Object) =>
        putText(key, text.slice(0, text.length / 2), customMetadata),
    ],
    [
      "bytes that are no text",
      "segment_changed",
      async (key: string, _: string, { customMetadata = {} }: R2Object) =>
        void (await env.ARCHIVE.put(key, "junk", { customMetadata })),
    ],
    [
      "a segment whose metadata names no chain",
      "segment_changed",
      async (key: string, text: string, { customMetadata = {} }: R2Object) =>
        putText(key, text, { ...customMetadata, chainFrom: "1" }),
    ],
    [
      "a segment of a life that never was",
      "late_segment",
      async (key: string, text: string, { customMetadata = {} }: R2Object) =>
        putText(key.replace(/[^/]+-(\d{12})/, "feedbeef-$1"), text, customMetadata),
    ],
    [
      "a segment of a shard that never was",
      "late_segment",
      async (key: string, text: string, { customMetadata = {} }: R2Object) =>
        putText(key.replace(/shard=[^/]+/, "shard=clicks-999"), text, customMetadata),
    ],
  ])("shows %s as %s", async (_, kind, change) => {
    const click = await aSignedClick();
    await count([click]);
    await count([await again(click)]);
    const [segment] = await segments();
    if (segment === undefined) throw new Error("nothing is archived");
    await change(segment.key, segment.text, segment.object);
    const report = await audit();
    expect(report.outcome).toBe("blocked");
    expect(kindsOf(report)).toHaveProperty(kind, 1);
  });
});

describe("the newest segment of a log", () => {
  it("is missed although nothing was logged behind it, and is taken back when somebody brings it", async () => {
    const click = await aSignedClick();
    await count([click]);
    await count([await again(click)]);
    const newest = (await segments()).at(-1);
    if (newest === undefined) throw new Error("nothing is archived");
    await env.ARCHIVE.delete(newest.key);
    expect(kindsOf(await audit())).toHaveProperty("segment_missing", 1);
    expect(kindsOf(await audit()), "again").toHaveProperty("segment_missing", 1);
    await putText(newest.key, newest.text, newest.object.customMetadata ?? {});
    expect(await audit()).toMatchObject({ outcome: "clean", cost: { events: 2 } });
  });
});

describe("a log that says what the rules do not", () => {
  /** Logs events with verdicts of our own, beside what the shard decides. */
  async function plant(event: TokenEvent, verdict: "valid" | "invalid" | "duplicate", reason: string | null) {
    const shard = await shardOfEvent(event);
    await env.EVENT_SHARD.getByName(shard).ingest([encodeTokenEvent(event)]);
    let text = "";
    await withShard(shard, async ({ log }) => {
      const [row] = log.rowsAfter(log.tail().seq, 1_000_000).slice(-1);
      const line = parseJson(row?.lines() ?? "") as Record<string, unknown>;
      text = JSON.stringify({ ...line, verdict, reason });
      await changeRow(shard, row?.seq ?? 0, text);
    });
    // The shard remembers what its log says.
    await forget(shard);
    await withShard(shard, async ({ remember, transaction }) => transaction(() => remember([decodeLogLine(text)])));
    await evictDurableObject(env.EVENT_SHARD.getByName(shard));
    await count([await aSignedClick()]);
    await env.EVENT_SHARD.getByName(shard).archiveNow();
  }

  it.each([
    ["a crawler that counted as valid", { userAgent: CRAWLER }, "valid", null],
    ["a person that counted as a bot", {}, "invalid", "data_centre_network"],
  ] as const)("shows %s", async (_, facts, verdict, reason) => {
    await plant(await aSignedClick(facts), verdict, reason);
    const report = await audit();
    expect(kindsOf(report)).toEqual({ verdict: 1 });
    expect(await mend(report)).toEqual({ ok: true, value: { verdict: { mended: 1, left: 0 } } });
    expect(await audit()).toMatchObject({ outcome: "clean" });
  });

  it("shows a click whose token nobody signed", async () => {
    const event = await aSignedClick();
    await count([{ ...event, token: `${event.token.slice(0, -6)}AAAAAA` }]);
    const report = await audit();
    expect(kindsOf(report)).toEqual({ signature: 1 });
    expect(await mend(report)).toEqual({ ok: true, value: { signature: { mended: 1, left: 0 } } });
    expect(await audit()).toMatchObject({ outcome: "clean" });
    const sums = await env.REPORT_DB.prepare("SELECT valid, invalid, spend_micros FROM facts_minute").first();
    expect(sums).toEqual({ valid: 0, invalid: 1, spend_micros: 0 });
  });

  it("asks nothing of a token that settings say today: those of then were asked when it was clicked", async () => {
    const iat = Math.floor(Date.now() / 1_000) - 1;
    const signed = async (jti: string, claims: Record<string, unknown>, kid = "test-1") => ({
      ...(await aSignedClick()),
      token: await aSignedToken(aPayload({ jti, iat, exp: iat + 3_600, ...claims }), { alg: "HS256", kid, typ: "JWT" }),
    });
    await count([
      await signed("of-a-longer-life", { exp: iat + 90_000 }),
      await signed("to-a-host-without-tls", { url: "http://shop.example/" }),
      await signed("into-an-app", { url: "market://details?id=shop" }),
      await signed("of-a-key-that-might-sign-more", { cpc: 600_000, pub: "pub_9" }, "limited"),
    ]);
    const report = await audit();
    expect(kindsOf(report)).toEqual({});
    expect(report).toMatchObject({ outcome: "clean" });
    const sums = env.REPORT_DB.prepare("SELECT sum(valid) AS valid, sum(invalid) AS invalid FROM facts_minute");
    expect(await sums.first()).toEqual({ valid: 4, invalid: 0 });
  });

  it("verifies clicks under an Ed25519 key by that key alone", async () => {
    const iat = Math.floor(Date.now() / 1_000) - 1;
    const header = { alg: "EdDSA", kid: "ed-1", typ: "JWT" };
    const signed = async (jti: string, head = header) => ({
      ...(await aSignedClick()),
      token: await aSignedToken(aPayload({ jti, iat, exp: iat + 3_600 }), head),
    });
    const right = await signed("changed");
    await count([
      await signed("right"),
      await signed("of-retired", { ...header, kid: "ed-retired" }),
      { ...right, token: `${right.token.slice(0, -6)}AAAAAA` },
      await signed("as-secret", { ...header, alg: "HS256" }),
    ]);
    const report = await audit();
    expect(kindsOf(report)).toEqual({ signature: 2 });
    expect(await mend(report)).toEqual({ ok: true, value: { signature: { mended: 2, left: 0 } } });
    const sums = env.REPORT_DB.prepare("SELECT sum(valid) AS valid, sum(invalid) AS invalid FROM facts_minute");
    expect(await sums.first()).toEqual({ valid: 2, invalid: 2 });
  });

  it("shows a second claim of one impression", async () => {
    const event = await aSignedClick();
    await count([event]);
    await forget(await shardOfEvent(event));
    await count([await again(event)]);
    const report = await audit();
    expect(kindsOf(report)).toEqual({ double_claim: 1 });
    expect(await mend(report)).toEqual({ ok: true, value: { double_claim: { mended: 1, left: 0 } } });
    expect(await audit()).toMatchObject({ outcome: "clean" });
  });

  it("shows a duplicate of nothing", async () => {
    const event = await aSignedClick();
    await plant(event, "duplicate", "same_impression");
    const report = await audit();
    expect(kindsOf(report)).toEqual({ free_claim: 1 });
    await mend(report);
    expect(await audit()).toMatchObject({ found: {}, outcome: "clean" });
  });
});

/** A click more in a tier, in cells and totals alike. */
const oneMore = (tier: string) => `UPDATE facts_${tier} SET gross = gross + 1, valid = valid + 1,
  cells = json_set(cells, '$[0][1][2]', valid + 1, '$[0][1][3]', gross + 1)`;

describe("figures that somebody changed", () => {
  const TABLES = ["facts_minute", "facts_hour", "facts_day", "day_sums", "hour_sums"];
  const figures = async () => {
    const rows = await env.REPORT_DB.batch(TABLES.map((table) => env.REPORT_DB.prepare(`SELECT * FROM ${table}`)));
    return rows.map(({ results }) => results);
  };

  it.each([
    ["a row that is gone", "DELETE FROM facts_minute", { fact_missing: 1 }],
    ["a click more", oneMore("minute"), { fact_extra: 1 }],
    ["a total that is not its cells", "UPDATE facts_minute SET spend_micros = spend_micros + 1", { tier: 1 }],
    ["an hour that has a click more", oneMore("hour"), { tier: 1 }],
    ["a day that is gone", "DELETE FROM facts_day", { tier: 1 }],
    ["a sum that was changed", "UPDATE day_sums SET spend_micros = 7 WHERE dimension = 'country'", { tier: 2 }],
    ["a sum that is gone", "DELETE FROM day_sums WHERE dimension = ''", { tier: 2 }],
    [
      "sums of hours that were changed",
      "UPDATE hour_sums SET sums = jsonb_set(sums, '$[0][3]', jsonb('[0,7]')) WHERE dimension IN ('country', 'ad_id')",
      { tier: 2 },
    ],
    ["sums of hours that are gone", "DELETE FROM hour_sums WHERE dimension = ''", { tier: 1 }],
    ["sums of hours of nothing", "UPDATE hour_sums SET sums = jsonb_set(sums, '$[0][0]', 'XX')", { tier: 10 }],
  ])("are shown and repaired: %s", async (_, sql, kinds) => {
    await count([await aSignedClick(), await aSignedClick({ userAgent: CRAWLER })]);
    await rollAll(env.REPORT_DB, Date.now() + 3 * DAY_MS);
    const before = await figures();
    await env.REPORT_DB.prepare(sql).run();
    const report = await audit();
    expect(kindsOf(report)).toMatchObject(kinds);
    expect(await mend(report)).toMatchObject({ ok: true });
    expect(await figures()).toEqual(before);
    expect(await audit()).toMatchObject({ outcome: "clean" });
  });

  it("are no concern where they are sums of hours that are read no more, or are no longer kept", async () => {
    await count([await aSignedClick()]);
    await rollAll(env.REPORT_DB, Date.now() + 3 * DAY_MS);
    await env.REPORT_DB.prepare("DELETE FROM hour_sums").run();
    const left = async () => (await env.REPORT_DB.prepare("SELECT count(*) AS rows FROM hour_sums").first())?.["rows"];
    const later = (days: number) => () => Date.parse(TODAY) + days * DAY_MS;
    expect(kindsOf(await audit({ clock: later(94) }))).toEqual({});
    const report = await audit({ clock: later(93) });
    expect(kindsOf(report)).toEqual({ tier: HOUR_SUMS_BY.length });
    await mend(report, later(101));
    expect(await left()).toBe(0);
    await mend(await audit(), later(100));
    expect(await left()).toBe(HOUR_SUMS_BY.length);
  });

  it("are repaired once, and not where the rows have moved on since the audit read them", async () => {
    await count([await aSignedClick(), await aSignedClick()]);
    await env.REPORT_DB.prepare(oneMore("minute")).run();
    const report = await audit();
    const before = await figures();
    await env.REPORT_DB.prepare(oneMore("minute")).run();
    expect(await mend(report)).toEqual({ ok: true, value: { fact_extra: { mended: 0, left: 1 } } });
    await env.REPORT_DB.prepare(oneMore("minute").replaceAll("+ 1", "- 1")).run();
    expect(await figures()).toEqual(before);
    expect(await mend(report)).toEqual({ ok: true, value: { fact_extra: { mended: 1, left: 0 } } });
    expect(await mend(report)).toEqual({ ok: true, value: { fact_extra: { mended: 1, left: 0 } } });
    expect(await audit()).toMatchObject({ outcome: "clean" });
  });

  it("are not repaired while the archive itself is in question", async () => {
    await count([await aSignedClick()]);
    const [segment] = await segments();
    await putText(segment?.key ?? "", "", segment?.object.customMetadata ?? {});
    const report = await audit();
    expect(kindsOf(report)).toMatchObject({ segment_changed: 1, fact_extra: 1 });
    expect(await mend(report)).toEqual({ ok: false, error: "archive_open" });
  });
});

describe("an audit that is killed", () => {
  /** Steps as a Workflow keeps them, which die twice: before the effect of a step, and after it. */
  class MortalSteps implements Steps {
    readonly #done = new Map<string, unknown>();
    readonly #diesAt: string | null;
    #deaths = 0;
    readonly names = new Set<string>();

    constructor(diesAt: string | null) {
      this.#diesAt = diesAt;
    }

    async do<T extends Rpc.Serializable<T>>(name: string, work: () => Promise<T>): Promise<T> {
      const stem = name.split(" ")[0] ?? "";
      this.names.add(stem);
      if (this.#done.has(name)) return this.#done.get(name) as T;
      this.#die(stem, 0);
      const result = JSON.parse(JSON.stringify(await work())) as T;
      this.#die(stem, 1);
      this.#done.set(name, result);
      return result;
    }

    async sleep(): Promise<void> {}

    #die(stem: string, deaths: number): void {
      if (stem !== this.#diesAt || this.#deaths !== deaths) return;
      this.#deaths++;
      throw new Error("killed");
    }
  }

  it("goes on where it was, before and after the effect of every step, to the same findings", async () => {
    const click = await aSignedClick();
    await count([click, await aSignedClick({ userAgent: CRAWLER })]);
    await count([{ ...(await again(click)), token: `${click.token.slice(0, -6)}AAAAAA` }]);
    await env.REPORT_DB.prepare(oneMore("minute")).run();
    const whole = new MortalSteps(null);
    const expected = kindsOf(await audit({}, whole));
    expect(expected).toEqual({ fact_extra: 1, signature: 1 });
    expect(whole.names.size).toBeGreaterThan(9);
    for (const at of whole.names) {
      // Logs that are closed already would not be closed again.
      await env.ARCHIVE.delete(SEALED_THROUGH_KEY);
      const of = await anAttempt();
      const steps = new MortalSteps(at);
      const ports = { ...auditPorts(env), shardNames: async () => [] };
      await expect(runAudit(ports, of, steps), `before ${at}`).rejects.toThrow("killed");
      await expect(runAudit(ports, of, steps), `after ${at}`).rejects.toThrow("killed");
      expect(kindsOf(await runAudit(ports, of, steps)), at).toEqual(expected);
    }
  });
});

const mend = async ({ day, attempt }: AuditReport, clock = () => Date.now()) =>
  mendAudit({ ...(await mendPorts(env)), clock }, { day, attempt }, "key_7");

async function changeRow(shard: string, seq: number, lines: string): Promise<void> {
  await runInDurableObject(env.EVENT_SHARD.getByName(shard), (_, { storage }) => {
    updateLog(storage.sql, "SET lines = ?2, chars = ?3 WHERE seq = ?1", seq, lines, lines.length);
  });
}

/** Empties the tables of keys or of repeats of a shard. */
async function forget(shard: string): Promise<void> {
  const stub = env.EVENT_SHARD.getByName(shard);
  await runInDurableObject(stub, (_, { storage: { sql } }) => {
    const repeats = "SELECT name FROM sqlite_master WHERE name GLOB 'repeat_[0-9]*'";
    for (const { name } of sql.exec<{ name: string }>(repeats).toArray()) sql.exec(`DELETE FROM ${name}`);
    sql.exec("DELETE FROM run");
    updateLog(sql, "SET keys = NULL");
  });
  await evictDurableObject(stub);
}
