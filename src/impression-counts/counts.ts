/**
 * `POST /v1/impressions/counts`: impressions that an ad server counted itself, for platforms too large for a pixel
 * each.
 *
 *   {"batch_id": "2026-04-20T12", "rows": [{"minute": "2026-04-20T12:00:00Z", "advertiser_id": "…", "campaign_id": "…",
 *     "ad_id": "…", "publisher_id": "…", "ad_group_id"?, "creative_id"?, "country"?, "device"?, "impressions": 1200,
 *     "gross_impressions"?: 1260}, …]}
 *   → {"batch_id": "…", "status": "counted" | "repeated", "rows": 1, "impressions": 1200}
 *
 * Keeps: all rows of a batch or none. A batch id is counted once per sender, however often it is sent; the same id with
 * other rows is a conflict, and changes nothing. Scope mint: who may show an advertiser's ads may count them.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { isOperator, type Principal } from "../access/api-keys.ts";
import type { Keyed } from "../access/asked.ts";
import { reference, trimmed } from "../conversions/fields.ts";
import type { SubmissionProblem } from "../conversions/problems.ts";
import { whyNoReference } from "../conversions/reference.ts";
import { refuseSubmission } from "../conversions/refuse.ts";
import { encodeUtf8 } from "../core/base64url.ts";
import { makeEventId } from "../core/event-id.ts";
import { hash32 } from "../core/hash.ts";
import { encodeImpressionCounts, type ImpressionCounts } from "../core/impression-counts.ts";
import { COUNTS_PER_UPLOAD_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { countsShardName } from "../core/routing.ts";
import { logFault } from "../log.ts";
import { uploadInto } from "../shard/stub.ts";
import { submissionHashOf } from "../shard/submission-routing.ts";
import { PLATFORM_TIMING, within } from "../timing.ts";
import { type Edge, edgeOf } from "../track/edge.ts";
import { readCounts } from "./counts-row.ts";

const SHARD_TIMEOUT_MS = 5_000;
const NO_BATCH_ID = "Give the batch a name of its own, by which it is counted once: text of 1 to 128 characters.";

type Batch = { readonly batchId: string; readonly rows: readonly ImpressionCounts[] };

export async function handleCounts({ env, principal, body }: Keyed): Promise<Response> {
  const batch = readBatch(body as Record<string, unknown>, principal);
  if (!batch.ok) return refuseSubmission(batch.error, env.OPERATIONS);
  return upload(batch.value, principal, env, await edgeOf(env));
}

async function upload({ batchId, rows }: Batch, principal: Principal, env: Env, edge: Edge): Promise<Response> {
  const key = digestOf(["counts", ...senderOf(principal), batchId]);
  const routingHash = hash32(key);
  const receivedAtMs = Date.now();
  const encodedRows = rows.map((counts, row) => {
    const id = makeEventId({ receivedAtMs, routingHash }, edge.random.next());
    return encodeImpressionCounts({
      ...counts,
      type: "impression_counts",
      id,
      batchId,
      row,
      receivedAtMs,
      by: principal.keyId,
    });
  });
  try {
    // What is not known is left out, so that a batch stays the same when a dimension is added that it does not have.
    const content = digestOf(
      rows.map((counts) => JSON.stringify(counts, (_, value) => (value === "" ? undefined : value))),
    );
    const routing = await within(PLATFORM_TIMING, SHARD_TIMEOUT_MS, submissionHashOf(env.ARCHIVE));
    const uploading = uploadInto(env.COUNTS_SHARD, countsShardName(routing(key)), { key, content, encodedRows });
    const status = await within(PLATFORM_TIMING, SHARD_TIMEOUT_MS, uploading);
    if (status === "batch_conflict") {
      return refuseSubmission({ reason: "batch_conflict", field: "batch_id" }, env.OPERATIONS);
    }
    const impressions = rows.reduce((sum, counts) => sum + counts.impressions, 0);
    const answer = { batch_id: batchId, status, rows: rows.length, impressions };
    return Response.json(answer, { headers: { "Cache-Control": "no-store" } });
  } catch (fault) {
    logFault("counts_not_taken", fault, { rows: rows.length });
    return refuseSubmission({ reason: "unavailable" }, env.OPERATIONS);
  }
}

function readBatch(body: Record<string, unknown>, principal: Principal): Result<Batch, SubmissionProblem> {
  const { batch_id: named, rows, ...others } = body;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) return err({ reason: "field_unknown", field: unknown.slice(0, 64) });
  const batchId = reference.safeParse(named);
  if (!batchId.success) return err(whyNoBatch(named));
  if (!Array.isArray(rows) || rows.length === 0 || rows.length > COUNTS_PER_UPLOAD_MAX) {
    return err({ reason: "rows_invalid", field: "rows" });
  }
  const nowMs = Date.now();
  const read: ImpressionCounts[] = [];
  for (const [index, row] of rows.entries()) {
    const counts = readCounts(row, principal.mintLimits, nowMs);
    if (!counts.ok) {
      const { field } = counts.error;
      return err({ ...counts.error, field: field === undefined ? `rows[${index}]` : `rows[${index}].${field}` });
    }
    read.push(counts.value);
  }
  return ok({ batchId: batchId.data, rows: read });
}

function whyNoBatch(named: unknown): SubmissionProblem {
  const isMissing = (trimmed(named) ?? "") === "";
  return isMissing
    ? { reason: "field_invalid", field: "batch_id", detail: NO_BATCH_ID }
    : whyNoReference("batch_id", named);
}

/**
 * Whose batch ids these are: the key's owner's, the operator's, or, of a key that nobody owns, of those who may mint
 * the same. Never the key's, since a batch that is sent again may be sent with the key that replaced it.
 */
function senderOf(principal: Principal): string[] {
  const { advertiserId, publisherId, mintLimits } = principal;
  if (advertiserId !== null) return ["advertiser", advertiserId];
  if (publisherId !== null) return ["publisher", publisherId];
  if (isOperator(principal)) return ["operator"];
  const listed = (ids: ReadonlySet<string> | null) => JSON.stringify(ids === null ? null : Array.from(ids).sort());
  return ["lists", listed(mintLimits.advertisers), listed(mintLimits.publishers)];
}

/** 32 hexadecimal digits of SHA-256 over length-prefixed parts. */
function digestOf(parts: readonly string[]): string {
  const text = parts.map((part) => `${part.length}:${part}`).join("");
  return bytesToHex(sha256(encodeUtf8(text)).subarray(0, 16));
}
