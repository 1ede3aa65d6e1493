/** Second looks over a real archive: what the rules name is seen first, revised by an operator's word, and taken back. */
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { PLAIN_STEPS } from "../../src/audit/steps.ts";
import { readConfig } from "../../src/config.ts";
import { parseJson } from "../../src/core/base64url.ts";
import { DAY_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { encodeLogLine } from "../../src/core/log-line.ts";
import { isoDay } from "../../src/core/time.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { lookAgain } from "../../src/replay/look.ts";
import { type Replay, type ReplayPhase, readReplay, writeReplay } from "../../src/replay/replay.ts";
import { type ReplayAct, type ReplayPorts, runReplay } from "../../src/replay/run.ts";
import { rulesInForce } from "../../src/shard/rules-record.ts";
import { aClick, CRAWLER, NOON_MS } from "../support/builders.ts";
import { flushOnce, withShard } from "../support/flush-harness.ts";
import { PATIENT } from "../support/patience.ts";

const SHARD = "clicks-0";
const IAT = Math.floor(Date.now() / 1_000) - 600;
const AD = "ad_looked";

const ports: ReplayPorts = {
  ...{ bucket: env.ARCHIVE, shards: env.EVENT_SHARD, clock: () => Date.now() },
  current: rulesInForce(readConfig(env)),
};

/** The minute before this one, in which all clicks fall: rates are counted by minute. */
const MINUTE_START_MS = Math.floor(Date.now() / MINUTE_MS - 1) * MINUTE_MS;

/** A click of a user on an impression of its own, a second after the one before. */
function clickOf(user: string, number: number, changes: Record<string, unknown> = {}) {
  const receivedAtMs = MINUTE_START_MS + number * 1_000 + (number % 3) * 200;
  const claims = { jti: `${user}_${number}`, ad: AD, uid: user, iat: IAT, exp: IAT + 7_200, ...changes };
  return aClick({ receivedAtMs }, claims);
}

async function totals() {
  await env.EVENT_SHARD.getByName(SHARD).sweep();
  return env.REPORT_DB.prepare(
    `SELECT sum(gross) AS gross, sum(valid) AS valid, sum(duplicate) AS duplicate, sum(invalid) AS invalid,
       sum(spend_micros) AS spend FROM facts_minute WHERE ad_id = ?1`,
  )
    .bind(AD)
    .first();
}

async function ask(method: string, path: string, body?: unknown) {
  const response = await exports.default.fetch(`https://clicks.example/v1/admin/replays${path}`, {
    ...{ method, headers: { Authorization: `Bearer ${env.ADMIN_API_KEY}` } },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: parseJson(await response.text()) as Record<string, unknown> };
}

async function seedReplay(changes: Partial<Replay> = {}): Promise<string> {
  const id = crypto.randomUUID();
  const nowMs = Date.now();
  const period = { from: isoDay(nowMs), to: isoDay(nowMs + DAY_MS), rules: ["high_frequency"] as const };
  const state = { by: "key_op", phase: "looking" as ReplayPhase, startedAtMs: nowMs, changedAtMs: nowMs };
  await writeReplay(env.ARCHIVE, { id, ...period, ...state, ...changes }, null);
  return id;
}

const run = (id: string, act: ReplayAct) => runReplay(ports, id, act, PLAIN_STEPS);

/** Moves it on as the route does. */
async function begin(id: string, phase: ReplayPhase): Promise<void> {
  const stored = await readReplay(env.ARCHIVE, id);
  if (stored !== null) await writeReplay(env.ARCHIVE, { ...stored.replay, phase }, stored.etag);
}

describe("a second look", () => {
  const honest = Array.from({ length: 4 }, (_, at) => clickOf("person", at));
  const busy = Array.from({ length: 8 }, (_, at) => clickOf("busy", at));
  // Another person follows the link of one that the busy user clicked, and the busy user twice one of its own.
  const other = clickOf("person", 50, { jti: "busy_6" });
  const again = clickOf("busy", 51, { jti: "busy_7" });

  beforeAll(async () => {
    await env.EVENT_SHARD.getByName(SHARD).ingest([...honest, ...busy, other, again].map(encodeTokenEvent));
    await env.EVENT_SHARD.getByName(SHARD).sweep();
    await withShard(SHARD, (harness) => flushOnce(harness, { archiveIntervalMs: 0, postIntervalMs: 0 }, Date.now()));
  });

  it("looks, applies and takes back: what rules name is revised, and nothing else", async () => {
    const before = await totals();
    expect(before).toEqual({ gross: 14, valid: 12, duplicate: 2, invalid: 0, spend: 3_000_000 });
    const id = await seedReplay();
    await run(id, "look");
    const looked = await ask("GET", `/${id}`);
    expect(looked.body).toMatchObject({
      phase: "looked",
      report: {
        ...{ clicks: 3, promotedClicks: 1 },
        sums: [
          {
            ...{ reason: "high_frequency", advertiserId: "adv_1", publisherId: "pub_1", clicks: 3, micros: "750000" },
            ...{ promotedClicks: 1, promotedMicros: "250000" },
          },
        ],
      },
    });
    const { report } = looked.body as { report: { examples: { eventId: string }[] } };
    expect(report.examples.map(({ eventId }) => eventId)).toEqual(busy.slice(5).map((event) => event.id));
    expect(await totals()).toEqual(before);

    await begin(id, "applying");
    for (let times = 0; times < 2; times++) {
      await run(id, "apply");
      expect(await totals()).toEqual({ gross: 14, valid: 10, duplicate: 1, invalid: 3, spend: 2_500_000 });
    }
    expect((await ask("GET", `/${id}`)).body).toMatchObject({ phase: "applied", applied: { revised: 3, skipped: 0 } });

    await begin(id, "undoing");
    for (let times = 0; times < 2; times++) {
      await run(id, "undo");
      expect(await totals()).toEqual(before);
    }
    expect((await ask("GET", `/${id}`)).body).toMatchObject({ phase: "undone", undone: { revised: 3, skipped: 0 } });
  });

  it("leaves alone what somebody else has revised meanwhile", async () => {
    const id = await seedReplay();
    await run(id, "look");
    const shard = env.EVENT_SHARD.getByName(SHARD);
    const last = busy[5];
    if (last === undefined) throw new Error("eight clicks");
    const known = await shard.changes(last.id);
    const request = {
      ...{ encoded: encodeTokenEvent(last), n: (known.at(-1)?.n ?? 0) + 1 },
      from: { verdict: "valid", reason: null } as const,
      to: { verdict: "invalid", reason: "signature_invalid" } as const,
    };
    const [revised] = await shard.revise([request], { cause: "audit/2026-11-27/0001", by: "key_audit" });
    expect(revised).toMatchObject({ outcome: "revised" });
    await begin(id, "applying");
    await run(id, "apply");
    expect((await ask("GET", `/${id}`)).body).toMatchObject({ applied: { revised: 2, skipped: 1 } });
    expect((await shard.changes(last.id)).at(-1)).toMatchObject({ reason: "signature_invalid" });
  });
});

describe("a second look that is taken back", () => {
  const OTHER_SHARD = "clicks-1";
  const eager = Array.from({ length: 8 }, (_, at) => clickOf("eager", at, { ad: "ad_claimed" }));

  it("leaves the impression to the click that claimed it meanwhile", async () => {
    const shard = env.EVENT_SHARD.getByName(OTHER_SHARD);
    await shard.ingest(eager.map(encodeTokenEvent));
    await shard.archiveNow();
    const id = await seedReplay();
    await run(id, "look");
    await begin(id, "applying");
    await run(id, "apply");
    const [, , , , , , last] = eager;
    if (last === undefined) throw new Error("eight clicks");
    expect((await shard.changes(last.id)).at(-1)).toMatchObject({ verdict: "invalid", reason: "high_frequency" });

    const later = clickOf("somebody", 60, { ad: "ad_claimed", jti: "eager_6" });
    await shard.ingest([encodeTokenEvent(later)]);
    await begin(id, "undoing");
    await run(id, "undo");
    expect((await shard.changes(last.id)).at(-1)).toMatchObject({ verdict: "duplicate", reason: "same_impression" });
    await shard.sweep();
    const sums = await env.REPORT_DB.prepare(
      "SELECT sum(valid) AS valid, sum(duplicate) AS duplicate, sum(invalid) AS invalid FROM facts_minute WHERE ad_id = 'ad_claimed'",
    ).first();
    expect(sums).toEqual({ valid: 8, duplicate: 1, invalid: 0 });
  });
});

describe("the rules of a second look over an archive", () => {
  const DAY = "2026-04-20";
  const at = { seq: 1, loggedAtMs: NOON_MS + 60_000, rules: ports.current.id };
  const archived = async (shard: string, lines: readonly string[]) => {
    const body = new Response(`${lines.join("\n")}\n`).body?.pipeThrough(new CompressionStream("gzip"));
    const key = `raw/v1/dt=${DAY}/hour=12/shard=${shard}/life-000000000001.ndjson.gz`;
    await env.ARCHIVE.put(key, await new Response(body).arrayBuffer(), { customMetadata: { seqTo: "1" } });
  };
  const valid = { verdict: "valid", reason: null } as const;

  it("name what the present rules call invalid and the log called valid", async () => {
    const crawler = aClick({ userAgent: CRAWLER }, { jti: "crawled" });
    const person = aClick({}, { jti: "read" });
    await archived(
      "clicks-5",
      [crawler, person].map((event) => encodeLogLine(at, valid, encodeTokenEvent(event))),
    );
    const part = { day: DAY, shard: "clicks-5" };
    const { changes } = await lookAgain({ bucket: env.ARCHIVE, current: ports.current }, part, ["current_rules"]);
    expect(changes.map(({ event, to }) => [event, to])).toEqual([
      [crawler.id, { verdict: "invalid", reason: "declared_crawler" }],
    ]);
  });

  it("count a publisher's valid clicks and impressions, which are compared with others'", async () => {
    const showings = Array.from({ length: 3 }, (_, number) =>
      aClick({ type: "impression" }, { jti: `shown_${number}` }),
    );
    const clicked = aClick({}, { jti: "shown_0" });
    const lines = [...showings, clicked].map((event) => encodeLogLine(at, valid, encodeTokenEvent(event)));
    const refused = encodeLogLine(
      at,
      { verdict: "invalid", reason: "test" },
      encodeTokenEvent(aClick({}, { jti: "no" })),
    );
    await archived("clicks-6", [...lines, refused]);
    const part = { day: DAY, shard: "clicks-6" };
    const { changes, publishers } = await lookAgain({ bucket: env.ARCHIVE, current: ports.current }, part, [
      "outlying_ctr",
    ]);
    expect(changes).toEqual([]);
    expect(publishers).toEqual([
      { advertiserId: "adv_1", publisherId: "pub_1", clicks: 1, impressions: 3, micros: "250000" },
    ]);
  });

  it("say to the micro what a publisher's clicks cost, also above what a double holds", async () => {
    const dear = encodeLogLine(at, valid, encodeTokenEvent(aClick({}, { pub: "pub_dear", cpc: 999_999_999_999 })));
    const others = [aClick({}, { pub: "pub_2" }), aClick({ type: "impression" }, { pub: "pub_2", jti: "imp_2" })];
    await archived("clicks-4", [
      ...Array.from({ length: 9_101 }, () => dear),
      ...others.map((event) => encodeLogLine(at, valid, encodeTokenEvent(event))),
    ]);
    const id = await seedReplay({ from: DAY, to: "2026-04-21", rules: ["outlying_ctr"] });
    await run(id, "look");
    const { body } = await ask("GET", `/${id}`);
    // 9 101 · 999 999 999 999; the nearest double ends in 900.
    const dearest = { advertiserId: "adv_1", publisherId: "pub_dear", clicks: 9_101, micros: "9100999999990899" };
    expect(body["report"]).toMatchObject({ sums: [{ reason: "outlying_ctr", ...dearest, promotedMicros: "0" }] });
  });
});

describe("a look at bait placements", () => {
  it("names what programs clicked by publisher, and plans no change", async () => {
    const at = { seq: 1, loggedAtMs: NOON_MS + 60_000, rules: ports.current.id };
    const clicks = ["top", "bait_7", "top"].map((plc, number) => aClick({}, { jti: `bait_${number}`, plc, uid: "u1" }));
    const other = aClick({}, { jti: "bait_other", plc: "top", uid: "u2" });
    const lines = [...clicks, other].map((event) =>
      encodeLogLine(at, { verdict: "valid", reason: null }, encodeTokenEvent(event)),
    );
    const body = new Response(`${lines.join("\n")}\n`).body?.pipeThrough(new CompressionStream("gzip"));
    const key = "raw/v1/dt=2026-04-20/hour=12/shard=clicks-7/life-000000000001.ndjson.gz";
    await env.ARCHIVE.put(key, await new Response(body).arrayBuffer(), { customMetadata: { seqTo: "1" } });
    const part = { day: "2026-04-20", shard: "clicks-7" };
    const look = { bucket: env.ARCHIVE, current: ports.current };
    expect(await lookAgain(look, part, ["bait_placement"])).toMatchObject({
      changes: [],
      baited: [{ advertiserId: "adv_1", publisherId: "pub_1", clicks: 3, micros: "750000" }],
    });
    expect(await lookAgain(look, part, ["current_rules"])).toMatchObject({ baited: [] });
  });
});

describe("the routes of replays", () => {
  it("begin a look in a Workflow, which comes to its end", async () => {
    const started = await ask("POST", "", { from: "2026-01-01", to: "2026-01-02", rules: ["regular_intervals"] });
    expect(started).toMatchObject({ status: 202, body: { phase: "looking" } });
    await expect
      .poll(async () => (await ask("GET", `/${String(started.body["id"])}`)).body["phase"], PATIENT)
      .toBe("looked");
  });

  it("refuses by name what may only be looked at, and what is in another phase", async () => {
    const dry = await seedReplay({ phase: "looked", rules: ["high_frequency", "outlying_ctr"] });
    const refused = await ask("POST", `/${dry}/apply`);
    expect(refused).toMatchObject({ status: 409, body: { type: "/problems/replay-dry-only" } });
    expect(String(refused.body["detail"])).toContain("outlying_ctr");
    const phases = [
      ["looking", "apply"],
      ["applying", "apply"],
      ["applied", "apply"],
      ["looked", "undo"],
      ["undone", "undo"],
    ] as const;
    for (const [phase, act] of phases) {
      const id = await seedReplay({ phase });
      expect(await ask("POST", `/${id}/${act}`)).toMatchObject({
        status: 409,
        body: { type: "/problems/replay-phase" },
      });
    }
  });

  it("put an act on record, and begin it once", async () => {
    const id = await seedReplay({ phase: "looked", from: "2026-01-01", to: "2026-01-02" });
    const both = await Promise.all([ask("POST", `/${id}/apply`), ask("POST", `/${id}/apply`)]);
    expect(both.map(({ status }) => status).sort()).toEqual([202, 409]);
    const entries = await env.REPORT_DB.prepare("SELECT action FROM audit_log WHERE subject_id = ?1").bind(id).all();
    expect(entries.results[0]).toEqual({ action: "apply" });
  });

  it.each([
    ["days that are none", { from: "2026-02-30", to: "2026-03-01", rules: ["high_frequency"] }],
    ["an end before its beginning", { from: "2026-02-02", to: "2026-02-02", rules: ["high_frequency"] }],
    ["too many days", { from: "2026-01-01", to: "2026-02-02", rules: ["high_frequency"] }],
    ["a rule that nobody has", { from: "2026-01-01", to: "2026-01-02", rules: ["bait"] }],
    ["no rule", { from: "2026-01-01", to: "2026-01-02", rules: [] }],
    ["something else", { from: "2026-01-01", to: "2026-01-02", rules: ["high_frequency"], apply: true }],
  ])("refuse %s", async (_, body) => {
    expect((await ask("POST", "", body)).status).toBe(400);
  });

  it.each(["x", "ffffffff-ffff-4fff-8fff-ffffffffffff", ".."])("find nothing under %s", async (id) => {
    expect((await ask("GET", `/${encodeURIComponent(id)}`)).status).toBe(404);
  });
});
