/**
 * The routes of statements and evidence.
 *
 *   GET  /v1/statements                        what was issued, by number
 *   GET  /v1/statements/1                      one, byte for byte as it is stored; ?format=csv its lines
 *   GET  /v1/statements/1/files/<name>         its lines by ad
 *   GET  /v1/evidence/2026-11-27               a day's manifest, byte for byte; ?revision=1 an earlier one
 *   GET  /v1/evidence/2026-11-27/<name>        an object that it names
 *   GET  /v1/evidence/secret                   under which the advertiser's leaves stand in the evidence log
 *   POST /v1/admin/statements                  drafts one
 *   POST /v1/admin/statements/<draft>/finalize issues it
 *   GET, POST /v1/admin/budgets                what statements may bill at most
 *
 * A publisher's statements are by currency: ?currency=EUR.
 *
 * Keeps: a key with an owner reads its own only. What is stored is sent as it is stored, so that its hash can be taken.
 */
import type { Keyed } from "../access/asked.ts";
import { auditStatement } from "../access/audit.ts";
import { fromDatabase } from "../access/database.ts";
import { parseBody } from "../admin/parse.ts";
import { ADVERTISERS, PUBLISHERS, readOne } from "../admin/resources.ts";
import { encodeBase64url } from "../core/base64url.ts";
import { SUM_COUNTS } from "../core/evidence.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isoSecond } from "../core/time.ts";
import { earningsFolder } from "../evidence/earnings.ts";
import { leafSecretsOf } from "../evidence/leaf.ts";
import { evidenceFolder, readManifestIn } from "../evidence/manifest.ts";
import { encodeCsv } from "../report/answer/csv.ts";
import { type ReportProblem, toProblemResponse } from "../report/problems.ts";
import { instantOf, parseMoment } from "../report/query/instants.ts";
import { toZone, UTC } from "../report/query/zone.ts";
import { ownerOf, type Tenant, tenantOf } from "./asked.ts";
import { type Budget, putBudget, readBudgets } from "./budgets.ts";
import { type Billed, draftStatement, finalizeDraft } from "./issue.ts";
import { idOf, leafOwner, type Owner } from "./owner.ts";
import { billingPorts } from "./ports.ts";
import { advertiserQuery, budgetSchema, draftSchema, manifestQuery, tenantQuery } from "./schemas.ts";
import {
  readStatements,
  STATEMENTS_PREFIX,
  type Statement,
  type StoredStatement,
  statementFolder,
  statementKey,
} from "./statement.ts";

const HEADERS = { "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff" } as const;
const NUMBER = /^[1-9]\d{0,5}$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const STATEMENT_FILE = /^(lines-\d{4}-\d{2}-\d{2}|adjustments)-[0-9a-f]{16}\.parquet$/;
const EVIDENCE_FILE = /^(rows|tokens|sums|earned)(-\d{2}(\.\d{3})?)?-[0-9a-f]{16}\.parquet$/;
const PARQUET = "application/vnd.apache.parquet";
const NO_STATEMENT = "This advertiser has no statement of this number. GET /v1/statements lists what was issued.";

type Answer = Result<Response, ReportProblem>;

const act = (does: (asked: Keyed) => Promise<Answer>) => async (asked: Keyed) => {
  const result = await does(asked);
  return result.ok ? result.value : toProblemResponse(result.error);
};
const body = (value: object, status = 200) => ok(Response.json(value, { status, headers: HEADERS }));

export const listStatements = act(async (asked) => {
  const found = tenantOf(asked, tenantQuery);
  if (!found.ok) return found;
  const { tenant } = found.value;
  const bucket = asked.env.ARCHIVE;
  const chains = "publisherId" in tenant ? await chainsOf(bucket, tenant.publisherId) : [tenant];
  const all = await Promise.all(chains.map((owner) => readStatements(bucket, owner)));
  return body({ ...tenant, statements: all.flat().map(toSummary) });
});

/** A publisher's chains, by currency. */
async function chainsOf(bucket: R2Bucket, publisherId: string): Promise<Owner[]> {
  const prefix = `${STATEMENTS_PREFIX}pub=${publisherId}/cur=`;
  const { delimitedPrefixes } = await bucket.list({ prefix, delimiter: "/" });
  return delimitedPrefixes.map((folder) => ({ publisherId, currency: folder.slice(prefix.length, -1) }));
}

function toSummary({ statement, sha256 }: StoredStatement) {
  const { number, kind, from, to, time_zone: timeZone, currency, totals, issued_at: issuedAt } = statement;
  const { valid, spend_micros: spendMicros, adjustments_micros: adjustmentsMicros, due } = totals;
  return {
    ...{ number, kind, from, to, timeZone, currency, valid, spendMicros, adjustmentsMicros, due, issuedAt, sha256 },
  };
}

export const showStatement = act(async (asked) => {
  const parsed = asked.search();
  const isCsv = parsed.get("format") === "csv";
  if (isCsv) parsed.delete("format");
  const owner = ownerOf({ ...asked, search: () => parsed });
  if (!owner.ok) return owner;
  const number = asked.param("number");
  const key = NUMBER.test(number) ? statementKey(owner.value, Number(number)) : null;
  const object = key === null ? null : await asked.env.ARCHIVE.get(key);
  if (object === null) return err({ reason: "not_found", detail: NO_STATEMENT });
  if (!isCsv) return ok(sent(object, "application/json"));
  const chain = "publisherId" in owner.value ? `${owner.value.publisherId}_${owner.value.currency}` : idOf(owner.value);
  const name = `statement_${chain}_${number.padStart(6, "0")}.csv`;
  const headers = { ...HEADERS, "Content-Type": "text/csv; charset=utf-8; header=present" };
  const disposition = { "Content-Disposition": `attachment; filename="${name}"` };
  return ok(new Response(csvOf(await object.json()), { headers: { ...headers, ...disposition } }));
});

/** Lines and adjustments, and what is neither: one column of micros that adds up to what is due. */
function csvOf({ number, lines, adjustments, credits, totals, currency }: Statement): string {
  const names = ["line", "statement", "day", "campaign_id", "cause", ...SUM_COUNTS, "micros", "currency"];
  const row = (line: Statement["lines"][number], cause: string | null) => [
    ...[line.day, line.campaign_id, cause, ...SUM_COUNTS.map((count) => line[count])],
    ...[BigInt(line.spend_micros), currency],
  ];
  const alone = (name: string, of: number, micros: bigint) => [
    ...[name, of, null, null, null, ...SUM_COUNTS.map(() => null), micros, currency],
  ];
  return encodeCsv(names, [
    ...lines.map((line) => ["clicks", number, ...row(line, null)]),
    ...adjustments.map((line) => ["adjustment", line.statement, ...row(line, line.cause)]),
    ...credits.map((credit) => alone("budget", credit.statement, -BigInt(credit.credit_micros))),
    alone("carried_in", number - 1, BigInt(totals.carried_in_micros)),
    alone("carried_out", number, -BigInt(totals.carried_out_micros)),
  ]);
}

export const fileOfStatement = act(async (asked) => {
  const owner = ownerOf(asked);
  if (!owner.ok) return owner;
  const name = asked.param("name");
  const isNamed = NUMBER.test(asked.param("number")) && STATEMENT_FILE.test(name);
  return file(asked, isNamed ? `${statementFolder(owner.value)}${name}` : null);
});

export const showManifest = act(async (asked) => {
  const found = tenantOf(asked, manifestQuery);
  if (!found.ok) return found;
  const day = asked.param("day");
  const { tenant, search } = found.value;
  const stored = DAY.test(day) ? await readManifestIn(asked.env.ARCHIVE, folderOf(tenant, day), search.revision) : null;
  if (stored === null) {
    return err({ reason: "not_found", detail: "The tenant has no evidence of this UTC day and revision." });
  }
  return ok(new Response(stored.bytes, { headers: { ...HEADERS, "Content-Type": "application/json" } }));
});

const folderOf = (tenant: Tenant, day: string) =>
  "publisherId" in tenant ? earningsFolder(tenant.publisherId, day) : evidenceFolder(tenant.advertiserId, day);

export const fileOfEvidence = act(async (asked) => {
  const found = tenantOf(asked, tenantQuery);
  if (!found.ok) return found;
  const [day, name] = [asked.param("day"), asked.param("name")];
  const isNamed = DAY.test(day) && EVIDENCE_FILE.test(name);
  return file(asked, isNamed ? `${folderOf(found.value.tenant, day)}${name}` : null);
});

async function file({ env }: Keyed, key: string | null): Promise<Answer> {
  const object = key === null ? null : await env.ARCHIVE.get(key);
  if (object === null) return err({ reason: "not_found", detail: "No object of this name belongs to it." });
  return ok(sent(object, PARQUET));
}

function sent(object: R2ObjectBody, type: string): Response {
  return new Response(object.body, { headers: { ...HEADERS, "Content-Type": type, ETag: object.httpEtag } });
}

export const leafSecret = act(async (asked) => {
  const found = tenantOf(asked, tenantQuery);
  if (!found.ok) return found;
  const { tenant } = found.value;
  const secretOf = await leafSecretsOf(asked.env.ARCHIVE);
  const secret = secretOf(leafOwner("publisherId" in tenant ? { ...tenant, currency: "" } : tenant));
  return body({ ...tenant, secret: encodeBase64url(secret) });
});

async function advertiserOf({ env }: Keyed, advertiserId: string): Promise<Result<Billed, ReportProblem>> {
  const row = await fromDatabase(() => readOne(env.REPORT_DB, ADVERTISERS.sql, advertiserId));
  if (row === null) return err({ reason: "unknown_parent", field: "advertiserId" });
  const { currency, timeZone } = row;
  const owner = { advertiserId };
  return ok({ owner, currency: typeof currency === "string" ? currency : null, timeZone: String(timeZone) });
}

/** A publisher's days are those of UTC: its profile names no zone. */
async function publisherOf(
  { env }: Keyed,
  publisherId: string,
  currency: string | undefined,
): Promise<Result<Billed, ReportProblem>> {
  const detail = "A publisher has statements by the currency that it earned: name one, like EUR.";
  if (currency === undefined) return err({ reason: "invalid_value", field: "currency", detail });
  const row = await fromDatabase(() => readOne(env.REPORT_DB, PUBLISHERS.sql, publisherId));
  if (row === null) return err({ reason: "unknown_parent", field: "publisherId" });
  return ok({ owner: { publisherId, currency }, currency, timeZone: UTC.name });
}

export const draft = act(async (asked) => {
  const parsed = parseBody(asked.body as object, draftSchema);
  if (!parsed.ok) return parsed;
  const { advertiserId, publisherId, currency, ...period } = parsed.value;
  if ((advertiserId === undefined) === (publisherId === undefined)) {
    return err({ reason: "invalid_value", field: "advertiserId", detail: "Name an advertiser or a publisher." });
  }
  if (advertiserId !== undefined && currency !== undefined) {
    const detail = "An advertiser is billed in the currency of its profile; leave it out.";
    return err({ reason: "invalid_value", field: "currency", detail });
  }
  const billed =
    advertiserId === undefined
      ? await publisherOf(asked, publisherId ?? "", currency)
      : await advertiserOf(asked, advertiserId);
  if (!billed.ok) return billed;
  const drafted = await draftStatement(billingPorts(asked.env, asked), billed.value, period);
  return drafted.ok ? body({ draft: drafted.value.id, ...drafted.value.content }, 201) : drafted;
});

export const finalize = act(async (asked) => {
  const { env, actor } = asked;
  const id = asked.param("draft");
  if (!/^draft_[0-9a-f]{24}$/.test(id)) return err({ reason: "not_found", detail: "No draft has this id." });
  const entry = { action: "issue", subjectKind: "statement_draft", subjectId: id, before: null, after: {} } as const;
  await fromDatabase(() => auditStatement(env.REPORT_DB, actor, entry).run());
  const issued = await finalizeDraft(billingPorts(asked.env, asked), id);
  if (!issued.ok) return issued;
  const { stored, isNew, hasChanged } = issued.value;
  return body({ ...toSummary(stored), draft: id, changedSinceDraft: hasChanged }, isNew ? 201 : 200);
});

export const setBudget = act(async (asked) => {
  const { env, actor } = asked;
  const parsed = parseBody(asked.body as object, budgetSchema);
  if (!parsed.ok) return parsed;
  const { advertiserId, from, micros } = parsed.value;
  const advertiser = await advertiserOf(asked, advertiserId);
  if (!advertiser.ok) return advertiser;
  const moment = parseMoment(from);
  if (!moment.ok) return err({ reason: "invalid_value", field: "from", detail: moment.error });
  const fromMs = instantOf(moment.value, "from", toZone(advertiser.value.timeZone) ?? UTC);
  const budget: Budget = { from: isoSecond(fromMs), micros, by: actor.keyId, atMs: actor.nowMs };
  const subject = {
    subjectKind: "budget",
    subjectId: advertiserId,
    before: null,
    after: { from: budget.from, micros },
  };
  await fromDatabase(() => auditStatement(env.REPORT_DB, actor, { action: "update", ...subject }).run());
  await putBudget(env.ARCHIVE, advertiserId, budget);
  return body(toBudget(budget));
});

export const listBudgets = act(async (asked) => {
  const found = tenantOf(asked, advertiserQuery);
  if (!found.ok) return found;
  const advertiserId = "advertiserId" in found.value.tenant ? found.value.tenant.advertiserId : "";
  const budgets = await readBudgets(asked.env.ARCHIVE, advertiserId);
  return body({ advertiserId, budgets: budgets.map(toBudget) });
});

const toBudget = ({ from, micros, by, atMs }: Budget) => ({ from, micros, by, setAt: isoSecond(atMs) });
