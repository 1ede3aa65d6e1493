/** What the examples of the document are about: facts of one day, a click, a late click, a dead letter. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { changeBook } from "../../src/canary/book.ts";
import { postbackSecretOf, signPostback } from "../../src/conversions/postback.ts";
import { decodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import { encodeMessage } from "../../src/core/message.ts";
import { minuteOf } from "../../src/core/time.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { NOTHING_MEASURED, writeSnapshot } from "../../src/metrics/snapshot.ts";
import { EXAMPLE, POSTBACK } from "../../src/openapi/example-values.ts";
import { buryLetter, type DeadLetter, deadLetterKey } from "../../src/queue/dead-letter.ts";
import { enqueueLeaf } from "../../src/tlog/log.ts";
import { aClickId, minutesAgo } from "../conversions/send.ts";
import { aCell, seedCells } from "../report/seed.ts";
import { aClick, NOON_MS } from "../support/builders.ts";
import { aLateClick } from "../support/late.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import { aToken, testRing, testSeal } from "../support/tokens.ts";
import { seedBlockedDay } from "./seed-audits.ts";
import { seedIssued, seedStatement } from "./seed-statements.ts";

const HOUR_MS = 3_600_000;
const ring = await testRing();

/** Seeds everything; real → example for each text that only this run knows. */
export async function seedExamples(): Promise<Map<string, string>> {
  await seedStatement(env);
  await seedIssued(env.REPORT_DB);
  await seedMetrics();
  await seedCells(env.REPORT_DB, [
    aCell({ counts: counted(1_200, 18) }),
    aCell({ counts: counted(800, 9), device: "desktop", publisher_id: "pub_2" }),
    aCell({ counts: counted(300, 4), atMs: NOON_MS + HOUR_MS, ad_id: "ad_12" }),
  ]);
  await seedBlockedDay(env);
  await enqueueLeaf(env.ARCHIVE, encodeUtf8("a manifest's hash"));
  await seedCanary();
  const clickId = aClickId();
  const late = aLateClick("imp_late", "ad_9");
  const shard = env.EVENT_SHARD.getByName("clicks-0");
  await shard.ingest([late.encoded]);
  await runDurableObjectAlarm(shard);
  return new Map([
    [await aToken({ jti: "imp_1" }), EXAMPLE.token],
    [clickId, EXAMPLE.clickId],
    [signatureOf(clickId), EXAMPLE.postbackSignature],
    [TEST_SECRETS.TOKEN_SIGNING_KID, EXAMPLE.kid],
    [late.event.id, EXAMPLE.lateEventId],
    [await buryOne(), EXAMPLE.deadLetter],
    [new Date(minutesAgo(5)).toISOString(), EXAMPLE.minute],
  ]);
}

/** A canary that clicked a moment ago, and all day long on a day before. */
async function seedCanary(): Promise<void> {
  const nowMs = Date.now();
  await changeBook(env.ARCHIVE, () => ({
    ...{ v: 1, readAtMs: nowMs },
    clicks: [{ minute: minuteOf(nowMs), atMs: nowMs, outcome: "redirected", seen: 1 }],
    days: [
      {
        ...{ day: "2026-04-20", clicks: 1_440, failed: 1, lost: 0, delayed: 2, doubled: 0 },
        ...{ redirectMs: [0, 0, 900, 500, 30, 9], freshnessMs: [...Array(14).fill(0), 800, 500, 140] },
      },
    ],
  }));
}

/** Measured just now, whenever it is read. */
async function seedMetrics(): Promise<void> {
  const samples = [
    { name: "clickledger_lag_seconds", value: 12 },
    { name: "clickledger_clicks", of: "valid", value: 1_200 },
  ] as const;
  await writeSnapshot(env.ARCHIVE, { ...NOTHING_MEASURED, atMs: Number.MAX_SAFE_INTEGER, samples }, null);
}

/** The signature of the example's postback under its real click id and key. */
function signatureOf(clickId: string): string {
  const { kid, secret } = postbackSecretOf("adv_1", 0, ring);
  const { sig, ...fields } = { ...POSTBACK, click_id: clickId, kid };
  const bytes = decodeBase64url(secret);
  if (bytes === null) throw new Error("the secret is base64url");
  return signPostback(new Map(Object.entries(fields)), bytes);
}

const counted = (impressions: number, clicks: number) => ({
  ...{ impressions, gross_impressions: impressions, gross: clicks + 1, valid: clicks, duplicate: 1 },
  spend_micros: clicks * 250_000,
});

async function buryOne(): Promise<string> {
  const event = encodeTokenEvent({ ...aClick({ receivedAtMs: Date.now() }), token: await aToken({ jti: "imp_dead" }) });
  const letter: DeadLetter = {
    ...{ reason: "retries_exhausted", queue: "clickledger-clicks-dead", messageId: "message-1", index: 0 },
    ...{ attempts: 100, sentAtMs: NOON_MS, payload: encodeMessage([event]) },
  };
  await buryLetter({ archive: env.ARCHIVE, seal: testSeal }, letter);
  return deadLetterKey(letter);
}
