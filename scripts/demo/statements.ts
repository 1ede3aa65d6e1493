/**
 * Statements of the demonstration's tenants: two of each, of its day and of the one after. Between them late clicks are
 * accepted, so that the second ones adjust the first.
 *
 *   the day is clean, and the next, in which it was mended ─▶ evidence ─▶ statement 1 ─▶ late clicks are accepted ─▶
 *   the day after is audited ─▶ evidence ─▶ statement 2; and each time the log is published
 *
 * Keeps: whoever drafts, reads and publishes uses the API. A statement of a day that is not over is issued under the
 * clock of its end, by an address that this Worker alone has.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { R2Bucket } from "@cloudflare/workers-types";
import { ask, auditDay } from "./closing.ts";
import type { ReportSource } from "./report.ts";
import type { Tenants } from "./tenants.ts";

export type IssuedStatement = {
  readonly advertiserId: string;
  readonly number: number;
  readonly kind: string;
  readonly from: string;
  readonly to: string;
  readonly currency: string;
  readonly valid: number;
  readonly spendMicros: string;
  readonly adjustmentsMicros: string;
  readonly due: string;
};
type Tenant = { readonly advertiserId: string } | { readonly publisherId: string; readonly currency: string };
export type Accepted = { readonly id: string; readonly advertiserId: string; readonly cpcMicros: number };
export type Issued = {
  readonly statements: readonly IssuedStatement[];
  /** Late clicks that were accepted after the first statements. */
  readonly accepted: readonly Accepted[];
  /** The evidence log's checkpoint when only the first statements were in it. */
  readonly olderCheckpoint: Uint8Array;
  /** From when on the statements are of the past. */
  readonly overAtMs: number;
};

const DAY_MS = 86_400_000;
const EVIDENCE_MAX_MS = 180_000;
const POLL_MS = 250;
export const CHECKPOINT_KEY = "evidence-log/v1/checkpoint";

/** Issues two statements of each tenant, a publisher's too, and publishes them in the evidence log. */
export async function issueStatements(
  source: ReportSource,
  { billKeys, earningKeys }: Tenants,
  { day, archive }: { day: string; archive: R2Bucket },
): Promise<Issued> {
  const ids = [...billKeys.keys()];
  const tenants = [
    ...ids.map((advertiserId) => ({ advertiserId })),
    ...Array.from(earningKeys.keys(), (publisherId) => ({ publisherId, currency: "EUR" })),
  ];
  const [next, last] = [1, 2].map((days) => isoDay(Date.parse(day) + days * DAY_MS)) as [string, string];
  await close(source, next);
  await issueAll(source, tenants, day);
  const older = await archive.get(CHECKPOINT_KEY);
  if (older === null) throw new Error("the evidence log has no checkpoint");
  const olderCheckpoint = new Uint8Array(await older.arrayBuffer());
  const accepted = await acceptLate(source, ids);
  await close(source, last);
  await issueAll(source, tenants, next);
  const statements: IssuedStatement[] = [];
  for (const [advertiserId, apiKey] of billKeys) {
    const listed = await ask<{ statements: IssuedStatement[] }>({ ...source, apiKey }, "GET", "/v1/statements");
    statements.push(...listed.statements.map((one) => ({ ...one, advertiserId })));
  }
  return { statements, accepted, olderCheckpoint, overAtMs: Date.parse(last) + DAY_MS };
}

async function close(source: ReportSource, day: string): Promise<void> {
  const { outcome } = await auditDay(source, day);
  if (outcome !== "clean") throw new Error(`the audit of ${day} ends ${outcome}`);
}

/** Accepts a late click of each advertiser that has one. */
async function acceptLate(source: ReportSource, ids: readonly string[]): Promise<Accepted[]> {
  const { lateClicks } = await ask<{ lateClicks: Accepted[] }>(source, "GET", "/v1/late-clicks?limit=1000");
  const accepted = ids.flatMap((id) => lateClicks.find(({ advertiserId }) => advertiserId === id) ?? []);
  const decisions = accepted.map(({ id }) => ({ id, decision: "accept" }));
  if (decisions.length > 0) await ask(source, "POST", "/v1/late-clicks", { decisions });
  return accepted.map(({ id, advertiserId, cpcMicros }) => ({ id, advertiserId, cpcMicros }));
}

/** The next statement of each, up to a day's end. */
async function issueAll(source: ReportSource, tenants: readonly Tenant[], day: string): Promise<void> {
  await ask(source, "POST", "/demo/evidence", {});
  const at = new Date(Date.parse(day) + DAY_MS).toISOString();
  for (const tenant of tenants) {
    const draft = await draftOf(source, { ...tenant, to: day });
    await ask(source, "POST", `/demo/issue?draft=${draft}&at=${at}`, {});
  }
  for (;;) {
    const { isMore } = await ask<{ isMore: boolean }>(source, "POST", "/v1/admin/evidence-log/sequence", {});
    if (!isMore) return;
    await sleep(POLL_MS);
  }
}

/** Drafts, as soon as the evidence is made. */
async function draftOf({ url, apiKey }: ReportSource, asked: Tenant & { to: string }): Promise<string> {
  const headers = { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" };
  const endsAtMs = Date.now() + EVIDENCE_MAX_MS;
  for (;;) {
    const answer = await fetch(`${url}/v1/admin/statements`, { method: "POST", headers, body: JSON.stringify(asked) });
    const said = (await answer.json()) as { draft: string; type: string };
    if (answer.ok) return said.draft;
    const isPending = said.type === "/problems/evidence-pending" && Date.now() < endsAtMs;
    if (!isPending) throw new Error(`no draft for ${JSON.stringify(asked)}: ${JSON.stringify(said)}`);
    await sleep(POLL_MS);
  }
}

const isoDay = (ms: number) => new Date(ms).toISOString().slice(0, 10);
