/**
 * The screens where people look into single clicks and decide: as an advertiser, as another one, and as the operator.
 */
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { readClickId } from "../../src/core/click-id.ts";
import type { DiscrepancyKind } from "../../src/core/discrepancy.ts";
import { EXAMPLE } from "../../src/openapi/example-values.ts";
import { ask, seedKey, seedTenant } from "../admin/ask.ts";
import { seedExamples } from "../openapi/seed.ts";
import { seedBlockedDay } from "../openapi/seed-audits.ts";
import { BROWSER } from "../support/builders.ts";
import { aLateClick } from "../support/late.ts";
import { PATIENT } from "../support/patience.ts";
import { aToken } from "../support/tokens.ts";
import { saidBy, Visitor } from "./visit.ts";

const operator = new Visitor("admin");
let mine: Visitor;
let foreign: Visitor;
let publisher: Visitor;
let real: (example: string) => string;
/** The event ids of a click that counted, and of one more on the same link; the click id of the first. */
let first: string;
let second: string;
let firstClickId: string;
const clicked = aToken({ jti: "desk", url: "https://shop.example/desk" });

/** Clicks the link, and returns the click id once the click is found. */
async function click(agent: string, link = clicked): Promise<string> {
  const response = await exports.default.fetch(`https://clicks.example/c/${await link}`, {
    redirect: "manual",
    headers: { "User-Agent": agent, "CF-Connecting-IP": "192.0.2.7" },
  });
  const clickId = new URL(response.headers.get("Location") ?? "").searchParams.get("click_id") ?? "";
  await vi.waitFor(async () => expect((await ask(`GET /v1/clicks/${eventIdOf(clickId)}`)).status).toBe(200), PATIENT);
  return clickId;
}

const eventIdOf = (clickId: string) => readClickId(clickId)?.eventId ?? "";

beforeAll(async () => {
  const replacements = [...(await seedExamples())];
  real = (example) => replacements.find(([, shown]) => shown === example)?.[0] ?? "";
  await ask("POST /v1/admin/advertisers", { body: { id: "adv_1", name: "Mine", currency: "EUR" } });
  await seedTenant("other");
  const keys = await Promise.all([
    seedKey({ advertiserId: "adv_1", scopes: ["report"] }),
    seedKey({ advertiserId: "adv_other", scopes: ["report"] }),
    seedKey({ publisherId: "pub_other", scopes: ["report"] }),
  ]);
  firstClickId = await click(BROWSER);
  first = eventIdOf(firstClickId);
  second = eventIdOf(await click(`${BROWSER} Edg/142`));
  [mine, foreign, publisher] = keys.map(({ id }) => new Visitor(id)) as [Visitor, Visitor, Visitor];
}, 120_000);

describe("Try a link", () => {
  const tried = (visitor: Visitor, link: string) => visitor.post("/try", [["link", link]]);

  it("says where a link leads and that a click would count, and counts nothing by saying", async () => {
    const token = await aToken({ jti: "tried", url: "https://shop.example/tried" });
    const page = await tried(mine, `<a href="https://clicks.example/c/${token}?x=1">`);
    expect(page.status).toBe(200);
    expect(saidBy(page)).toContain("It works, and a click now would count");
    expect(saidBy(page)).toContain("https://shop.example/tried");
    expect(saidBy(page)).toContain("€0.25");
    const again = await ask("POST /v1/explain", { body: { token } });
    expect(again.body).toMatchObject({ firstClaim: null, now: { verdict: "valid" } });
  });

  it.each([
    [
      "escaped by a mailer, twice",
      (token: string) => `https://mail.example/?u=https%253A%252F%252Fx%252Fc%252F${token.replaceAll(".", "%252E")}`,
    ],
    ["broken into lines", (token: string) => `${token.slice(0, 40)}\n  ${token.slice(40)}`],
    ["with a full stop behind it", (token: string) => `See https://clicks.example/c/${token}. Thank you`],
  ])("finds a token that is %s", async (_, wrapped) => {
    const page = await tried(mine, wrapped(await aToken({ jti: "wrapped" })));
    expect(saidBy(page)).toContain("It works");
  });

  it("says why a click would not count", async () => {
    const nowS = Math.floor(Date.now() / 1_000);
    const expired = await tried(mine, await aToken({ iat: nowS - 7_200, exp: nowS - 3_600 }));
    expect(saidBy(expired)).toContain("would not be billed");
    expect(saidBy(expired)).toContain("after the end of the token's life");
    const cut = await tried(mine, (await aToken()).slice(0, -3));
    expect(saidBy(cut)).toContain("Only a token as it was signed is explained");
    expect(saidBy(await tried(mine, "https://shop.example/"))).toContain("segments");
  });

  it("tells an advertiser nothing of another's token", async () => {
    const page = await tried(foreign, await aToken({ jti: "not-yours", cmp: "cmp_secret" }));
    expect(saidBy(page)).toContain("There is no such link of yours");
    expect(page.text.replaceAll(/<textarea.*?<\/textarea>/gs, "")).not.toContain("cmp_secret");
  });
});

describe("Clicks", () => {
  it("tells the story of a click by its id, and finds it by its token", async () => {
    const page = await mine.get(`/clicks?id=${second}`);
    expect(saidBy(page)).toMatch(/Duplicate \(same_impression\)\. A further request on a claimed impression\./);
    expect(page.text).toContain(`href="/clicks?id=${first}"`);
    expect(page.text).toContain('href="/?campaign_id=');
    expect(saidBy(page)).toContain("no rule on invalid traffic applies");
    expect(page.text).not.toContain('href="https://shop.example');
    const counted = await mine.get(`/clicks?id=${first}`);
    expect(saidBy(counted)).toContain("Counted in this minute, as the click that claims its impression");
    const byToken = await mine.post("/clicks", [["what", `https://clicks.example/c/${await clicked}`]]);
    expect([byToken.status, byToken.headers.get("Location")]).toEqual([303, `/clicks?id=${first}&by_token=1`]);
    const byId = await mine.post("/clicks", [["what", ` ${first} `]]);
    expect([byId.status, byId.headers.get("Location")]).toEqual([303, `/clicks?id=${first}`]);
    const unclicked = await mine.post("/clicks", [["what", await aToken({ jti: "unclicked" })]]);
    expect(saidBy(unclicked)).toContain("No click of this token is counted");
  });

  it("ends the story with what was bought after it, as the figures of its minute say", async () => {
    expect(saidBy(await mine.get(`/clicks?id=${first}`))).toContain("No conversion is credited to it.");
    const row = { click_id: firstClickId, order_id: "desk-1", value_micros: 49_900_000 };
    expect((await ask("POST /v1/conversions", { body: row })).body).toMatchObject({
      results: [{ status: "recorded" }],
    });
    const bought = /1 conversion, worth €49\.90, credited to (?:it|the \d clicks on this ad in this minute)/;
    await vi.waitFor(async () => expect(saidBy(await mine.get(`/clicks?id=${first}`))).toMatch(bought), PATIENT);
  });

  it("answers a foreign id as one that never was, and says what it could be", async () => {
    const unknown = `${first.slice(0, -1)}${first.endsWith("A") ? "B" : "A"}`;
    const shown = async (id: string) => (await foreign.get(`/clicks?id=${id}`)).text.replaceAll(id, "ID");
    expect(await shown(first)).toBe(await shown(unknown));
    expect(saidBy(await foreign.get(`/clicks?id=${first}`))).toContain("of another account: nothing is said of those");
  });

  it("asks for no id that is longer than any", async () => {
    expect(saidBy(await mine.get(`/clicks?id=${"x".repeat(5_000)}`))).toContain("No click of yours has this text");
  });

  it.each(["..", ".", "%2e%2e", "../admin/keys", "a/b", "<script>alert(1)</script>", "\u202eabc"])(
    "takes any text for an id: %s",
    async (text) => {
      const page = await mine.get(`/clicks?${new URLSearchParams({ id: text })}`);
      expect(page.status).toBe(200);
      expect(page.text).not.toContain("<script>alert");
      expect(saidBy(page)).toMatch(/No click is found|An id is an event id/);
    },
  );
});

describe("Late clicks", () => {
  it("shows an advertiser its own, to read, and does not let it decide", async () => {
    const page = await mine.get("/late-clicks");
    expect(saidBy(page)).toContain(real(EXAMPLE.lateEventId));
    expect(page.text).not.toContain("checkbox");
    expect(saidBy(await foreign.get("/late-clicks"))).not.toContain(real(EXAMPLE.lateEventId));
    const refused = await mine.post("/late-clicks", [
      ["id", real(EXAMPLE.lateEventId)],
      ["decision", "accept"],
    ]);
    expect(saidBy(refused)).toContain("a key of scope admin");
  });

  it("decides what is chosen, says each result, and asks first when it is many", async () => {
    const shard = env.EVENT_SHARD.getByName("clicks-0");
    const late = Array.from({ length: 11 }, (_, at) => aLateClick(`imp_desk_${at}`, "ad_9"));
    await shard.ingest(late.map(({ encoded }) => encoded));
    const chosen = late.map(({ event }) => ["id", event.id] as const);
    await vi.waitFor(async () => expect(saidBy(await operator.get("/late-clicks"))).toContain(chosen[10]?.[1]), {
      ...PATIENT,
    });
    const asked = await operator.post("/late-clicks", [["decision", "reject"], ...chosen]);
    expect(saidBy(asked)).toContain("Reject 11 late clicks?");
    const done = await operator.post("/late-clicks", [["decision", "reject"], ["confirmed", "yes"], ...chosen]);
    expect(saidBy(done)).toContain("11 of 11 rejected");
    const other = await operator.post("/late-clicks", [["decision", "accept"], ...chosen.slice(0, 1)]);
    expect(saidBy(other)).toContain("0 of 1 accepted");
    expect(saidBy(other)).toContain("was decided the other way before");
    expect(saidBy(await operator.post("/late-clicks", [["decision", "accept"]]))).toContain("nothing was decided");
    expect(saidBy(await operator.post("/late-clicks", [["decision", "burn"], ...chosen.slice(0, 1)]))).toContain(
      "nothing was decided",
    );
  });
});

describe("Changes", () => {
  it("names the days and ads that have moved since the reader noted it, until it is noted again", async () => {
    const begun = await mine.get("/changes");
    expect(saidBy(begun)).toContain("you have seen everything up to now");
    expect(begun.headers.get("Set-Cookie")).toMatch(
      /^clickledger-seen-adv_1=\d+\.[\w.~-]+; Path=\/changes; Max-Age=3024000; HttpOnly; SameSite=Lax; Secure$/,
    );
    const reader = mine.carrying(begun);
    await click(BROWSER, aToken({ jti: "moved", cmp: "cmp_moved", ad: "ad_moved" }));
    await vi.waitFor(
      async () => expect((await reader.get("/changes")).text).toContain("/ad?ad_id=ad_moved&amp;"),
      PATIENT,
    );
    const page = await reader.get("/changes");
    const cursor = /name="cursor" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
    const seen = await reader.post("/changes", [["cursor", cursor]]);
    expect([seen.status, seen.headers.get("Location")]).toEqual([303, "/changes?noted=1"]);
    expect(seen.headers.get("Set-Cookie")).toContain(cursor);
    expect(saidBy(await mine.carrying(seen).get("/changes?noted=1"))).toContain("only what moves later stands here");
  });

  it("begin anew with a cursor that is old, damaged or of another account, and are no screen of a publisher", async () => {
    const begun = (await mine.get("/changes")).headers.get("Set-Cookie") ?? "";
    const damaged = new Headers({ "Set-Cookie": begun.replace("seen-adv_1=", "seen-adv_other=") });
    const page = await foreign.carrying({ status: 200, text: "", headers: damaged }).get("/changes");
    expect(saidBy(page)).toContain("It begins anew.");
    expect(page.headers.get("Set-Cookie")).toContain("clickledger-seen-adv_other=");
    expect(saidBy(await mine.get("/changes?after=nothing"))).toContain("It begins anew.");
    expect((await publisher.get("/changes")).status).toBe(404);
  });
});

describe("Dead letters", () => {
  it("lists, shows and replays them, and says each result", async () => {
    const key = real(EXAMPLE.deadLetter);
    expect(saidBy(await operator.get("/dead-letters"))).toContain(key);
    expect(saidBy(await operator.get(`/dead-letters?${new URLSearchParams({ key })}`))).toContain("retries_exhausted");
    expect(saidBy(await operator.get("/dead-letters?key=dead/v1/nothing"))).toContain("No letter has this key");
    const done = await operator.post("/dead-letters", [["key", key]]);
    expect(saidBy(done)).toContain("1 of 1 replayed");
    expect(saidBy(await operator.get("/audit-log?subject_kind=dead_letters"))).toContain("replay");
  });
});

describe("the operator's screens", () => {
  it.each(["/tenants", "/dead-letters", "/audit-log", "/health"])("are nothing for others: %s", async (path) => {
    const [page, nothing] = [await publisher.get(path), await publisher.get("/no-such-screen")];
    expect(page.status).toBe(404);
    expect(page.text).not.toContain("Operate");
    expect(nothing.status).toBe(404);
    expect((await operator.get(path)).status).toBe(200);
  });

  it("say what waits, and lead there", async () => {
    const said = saidBy(await operator.get("/health"));
    expect(said).toMatch(/Late clicks that wait\s*look at this/);
    expect(said).toMatch(/Freshness/);
    expect(said).not.toContain("Nothing is wrong");
  });
});

describe("Audits", () => {
  const [day, lost] = [EXAMPLE.logDay, EXAMPLE.lostObject];
  const accept = (reason: string, more: readonly (readonly [string, string])[] = []) =>
    operator.post("/audits", [["act", "accept"], ["day", day], ["object", lost], ["reason", reason], ...more]);

  it("list the days with what was found, and show of a day what mends each", async () => {
    expect(saidBy(await operator.get("/audits"))).toMatch(/2026-04-19blocked.*1 segment missing, 1 fact missing/);
    const page = await operator.get(`/audits?day=${day}`);
    expect(saidBy(page)).toContain("Mended by a repair of the report database.");
    expect(saidBy(page)).toContain("Rows 812 to 840 of clicks-3 are in no segment.");
    expect((await mine.get("/audits")).status).toBe(404);
    expect(saidBy(await operator.get("/audits?day=2019-01-01"))).toContain("No log day of this date");
    const early = await operator.post("/audits", [
      ["act", "run"],
      ["day", "2019-01-01"],
    ]);
    expect(saidBy(early)).toContain("Nothing was logged on this day");
  });

  it("offer of each kind its way out, and to accept what nothing else mends", async () => {
    const where = "clicks-3/5f0c9a1b/812";
    const found = (kind: DiscrepancyKind, at: string, acceptable: boolean) =>
      ({ kind, where: at, detail: "As it was found.", acceptable }) as const;
    await seedBlockedDay(env, "2026-04-17", [
      found("foreign_shard", `${where}/0`, false),
      found("line_unreadable", `${where}/1`, true),
      found("free_claim", `${where}/2`, true),
      found("rules_unknown", `${where}/3`, true),
      found("leftover", "dead/v1/dt=2026-04-17/reason=retries_exhausted/m-1.json", false),
    ]);
    const page = await operator.get("/audits?day=2026-04-17");
    const said = saidBy(page);
    expect(said).toContain("Mended by handing it to the shard that owns it, which counts it once.");
    expect(said).toContain("Mended by replaying it, or bringing it to its shard. Dead letters");
    expect(page.text).toContain('<a href="/dead-letters">');
    expect(said).toContain("Mend what can be mended");
    const offered = Array.from(page.text.matchAll(/<option value="([^"]+)"/g), ([, value]) => value);
    expect(offered).toEqual([1, 2, 3].map((line) => `${where}/${line}`));
    expect(said).toContain(`line unreadable: ${where}/1`);
  });

  it("ask once more before a loss is accepted for good, and say why it is not", async () => {
    const asked = await accept("It burnt with the copy.");
    expect(saidBy(asked)).toContain("Accept this loss for good?");
    const short = await accept("Gone.", [["confirmed", "yes"]]);
    expect(short.text).toContain('aria-invalid="true"');
    expect(short.text).toContain('value="Gone."');
    const done = await accept("It burnt with the copy.", [["confirmed", "yes"]]);
    expect([done.status, done.headers.get("Location")]).toEqual([303, `/audits?day=${day}&done=accept`]);
    expect(saidBy(await operator.get(`/audits?day=${day}&done=accept`))).toMatch(
      /The loss is accepted\..*Accepted as lost.*It burnt with the copy\./s,
    );
  });
});
