/**
 * Conversions: what an advertiser says that its clicks led to.
 *
 *   POST /v1/conversions   API key with scope convert; {"conversions": [<row>, …]}, a list of rows, or one row
 *   GET  /v1/conversions   the same key, or a signed postback; JSON, or a pixel with `format=gif`; HEAD does the same
 *
 *   → {"results": [{"row": 0, "status": "recorded"}, {"row": 1, "problem": {"type": "/problems/order-conflict", …}}]}
 *
 * Keeps: one bad row does not spoil its neighbours, and rows keep their order. Sent again, a row gets the answer
 * `repeated` and changes nothing. `accepted` means that it will be decided, though not now. A pixel is a pixel whatever
 * became of the conversion; what was refused is counted.
 */
import { admit } from "../access/admit.ts";
import type { Principal } from "../access/api-keys.ts";
import type { Asked, Keyed } from "../access/asked.ts";
import { isWithinRate } from "../access/rate-limit.ts";
import { isId } from "../core/claims.ts";
import type { ConversionEvent } from "../core/conversion.ts";
import { makeEventId } from "../core/event-id.ts";
import { CONVERSIONS_PER_CALL_MAX } from "../core/limits.ts";
import { orderHashOf, orderKeyOf } from "../core/order.ts";
import { isUnfilledTemplate } from "../core/reference.ts";
import { err, ok, type Result } from "../core/result.ts";
import { logFault } from "../log.ts";
import { problemJson, problemResponse } from "../problem.ts";
import { type Edge, edgeOf } from "../track/edge.ts";
import { pixelResponse } from "../track/pixel.ts";
import { AttributionWindows, type PostbackEpochs } from "./attribution-windows.ts";
import { type Delivery, deliverConversions } from "./deliver.ts";
import {
  advertiserOf,
  FORMAT,
  isSignedPostback,
  type Postback,
  postbackSecretOf,
  readQuery,
  toRowFields,
} from "./postback.ts";
import type { SubmissionProblem } from "./problems.ts";
import { countRefused, refuseSubmission, submissionProblem } from "./refuse.ts";
import { type RequestedConversion, readRow } from "./row.ts";

/** Who sends, as conversions name it. */
type Sender = { readonly by: string; readonly advertiserId: string | null };

export type RowOutcome = Result<{ readonly status: string }, SubmissionProblem>;

let windows: { readonly database: D1Database; readonly known: AttributionWindows } | null = null;

/** Answers `POST /v1/conversions`. */
export async function handleConversions({ env, principal, body }: Keyed): Promise<Response> {
  const rows = rowsOf(body);
  if (!rows.ok) return refuseSubmission(rows.error, env.OPERATIONS);
  const outcomes = await convert(rows.value, senderOf(principal), env, await edgeOf(env));
  const results = outcomes.map((outcome, row) =>
    outcome.ok ? { row, ...outcome.value } : { row, problem: problemJson(outcome.error) },
  );
  const isTaken = outcomes.some((outcome) => outcome.ok || outcome.error.reason !== "unavailable");
  if (!isTaken) return submissionProblem({ reason: "unavailable" });
  return Response.json({ results }, { headers: { "Cache-Control": "no-store" } });
}

/** Answers `GET /v1/conversions`. */
export async function handlePostback({ request, env, config }: Asked): Promise<Response> {
  const edge = await edgeOf(env);
  const url = new URL(request.url);
  const isPixel = url.searchParams.get(FORMAT) === "gif";
  const postback = readQuery(url);
  if (!postback.ok) return refuseUnread(postback.error, isPixel, request, env);
  const { fields } = postback.value;
  let sender: Sender = { by: "postback", advertiserId: null };
  if (request.headers.has("Authorization")) {
    const admitted = await admit(request, env, { adminApiKey: config.adminApiKey, needs: "convert" });
    if (!admitted.ok) return admitted.error;
    sender = senderOf(admitted.value);
  } else {
    const problem = await checkSigned(postback.value, env, edge);
    if (problem !== null) return refuseUnread(problem, isPixel, request, env);
  }
  const [outcome] = await convert([toRowFields(fields)], sender, env, edge);
  if (outcome?.ok !== true) {
    return refusePostback(outcome?.error ?? { reason: "unavailable" }, isPixel, request);
  }
  if (isPixel) return pixelResponse(request.method);
  return Response.json(outcome.value, { headers: { "Cache-Control": "no-store" } });
}

/**
 * Null for a postback that its advertiser has signed, within its rate; the signature first, so that only it spends
 * that.
 */
async function checkSigned(postback: Postback, env: Env, { ring }: Edge): Promise<SubmissionProblem | null> {
  const advertiserId = advertiserOf(postback, ring);
  if (advertiserId === null) {
    const isTemplate = isUnfilledTemplate(postback.fields.get("click_id") ?? "");
    return isTemplate ? { reason: "template_unfilled", field: "click_id" } : UNSIGNED;
  }
  const nowMs = Date.now();
  const terms = windowsOf(env);
  try {
    const isSigned = (epochs: PostbackEpochs) => isSignedPostback(postback, { advertiserId, epochs, nowMs }, ring);
    if (!isSigned(await terms.epochsOf(advertiserId, nowMs))) {
      const newer = await terms.newerEpochsOf(advertiserId, nowMs);
      if (newer === null || !isSigned(newer)) return UNSIGNED;
    }
  } catch (fault) {
    logFault("postback_epoch_not_read", fault);
    return { reason: "unavailable" };
  }
  return (await isWithinRate(advertiserId, env.POSTBACK_RATE)) ? null : { reason: "postbacks_too_many" };
}

const UNSIGNED: SubmissionProblem = {
  reason: "signature_invalid",
  field: "sig",
  detail:
    "Sign all other parameters as docs/CONVERSIONS.md says, with the secret that GET /v1/conversions/secret shows " +
    "now, and send click_id as the landing page was given it.",
};

/** Answers `GET /v1/conversions/secret`: what the key's advertiser signs its postbacks with. */
export async function handlePostbackSecret({ env, principal, search }: Keyed): Promise<Response> {
  const edge = await edgeOf(env);
  const advertiserId = principal.advertiserId ?? search().get("advertiser_id");
  if (!isId(advertiserId)) {
    const detail = "This key acts for every advertiser: name one in the parameter advertiser_id.";
    return submissionProblem({ reason: "field_invalid", field: "advertiser_id", detail });
  }
  const epoch = await epochOf(advertiserId, env);
  if (epoch === null) return problemResponse({ reason: "database_unavailable" });
  const { kid, secret } = postbackSecretOf(advertiserId, epoch, edge.ring);
  const shown = { advertiser_id: advertiserId, epoch, kid, secret };
  return Response.json(shown, { headers: { "Cache-Control": "no-store" } });
}

/** The epoch of an advertiser's secret now; null while nobody can say. */
async function epochOf(advertiserId: string, env: Env): Promise<number | null> {
  try {
    return (await windowsOf(env).currentEpochsOf(advertiserId, Date.now())).epoch;
  } catch (fault) {
    logFault("postback_epoch_not_read", fault);
    return null;
  }
}

/** Checks rows, has them decided, and answers each. Never rejects. */
async function convert(rows: readonly unknown[], sender: Sender, env: Env, edge: Edge): Promise<RowOutcome[]> {
  const nowMs = Date.now();
  const context = { ring: edge.ring, advertiserId: sender.advertiserId, nowMs };
  const requested = rows.map((row) => readRow(row, context));
  const wanted = requested.flatMap((row) => (row.ok ? [row.value] : []));
  const deliveries = await decide(wanted, sender, env, edge);
  let next = 0;
  const outcomes = requested.map((row): RowOutcome => (row.ok ? toOutcome(deliveries[next++] ?? "not_taken") : row));
  countRefused(
    outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.error])),
    env.OPERATIONS,
  );
  return outcomes;
}

async function decide(
  wanted: readonly RequestedConversion[],
  { by }: Sender,
  env: Env,
  edge: Edge,
): Promise<readonly Delivery[]> {
  if (wanted.length === 0) return [];
  try {
    const nowMs = wanted[0]?.receivedAtMs ?? 0;
    const days = await windowsOf(env).of(new Set(wanted.map(({ click }) => click.advertiserId)), nowMs);
    const events = wanted.map((requested): ConversionEvent => {
      const windowDays = days.get(requested.click.advertiserId) ?? 0;
      const unnamed = { ...requested, windowDays, by };
      const routingHash = orderHashOf(orderKeyOf(unnamed));
      return { ...unnamed, id: makeEventId({ receivedAtMs: nowMs, routingHash }, edge.random.next()) };
    });
    return await deliverConversions(events, { orders: env.ORDER_SHARD, archive: env.ARCHIVE });
  } catch (fault) {
    logFault("conversions_not_taken", fault, { conversions: wanted.length });
    return [];
  }
}

function toOutcome(delivery: Delivery): RowOutcome {
  if (delivery === "not_taken") return err({ reason: "unavailable" });
  return "conflict" in delivery ? err({ reason: delivery.conflict }) : ok({ status: delivery.status });
}

/** The rows of a body: 1 to 1 000. A body that is no list and has no member `conversions` is a row itself. */
function rowsOf(body: unknown): Result<readonly unknown[], SubmissionProblem> {
  let rows = Array.isArray(body) ? body : [body];
  if (typeof body === "object" && body !== null && Object.hasOwn(body, "conversions")) {
    const { conversions, ...others } = body as Record<string, unknown>;
    const unknown = Object.keys(others)[0];
    if (unknown !== undefined) return err({ reason: "field_unknown", field: unknown.slice(0, 64) });
    rows = Array.isArray(conversions) ? conversions : [];
  }
  const isCountRight = rows.length > 0 && rows.length <= CONVERSIONS_PER_CALL_MAX;
  return isCountRight ? ok(rows) : err({ reason: "rows_invalid", field: "conversions" });
}

function senderOf({ keyId, advertiserId }: Principal): Sender {
  return { by: keyId, advertiserId };
}

function windowsOf({ REPORT_DB: database }: Env): AttributionWindows {
  if (windows?.database !== database) windows = { database, known: new AttributionWindows(database) };
  return windows.known;
}

/** Refuses a postback before its row is read. */
function refuseUnread(problem: SubmissionProblem, isPixel: boolean, request: Request, env: Env): Response {
  countRefused([problem], env.OPERATIONS);
  return refusePostback(problem, isPixel, request);
}

/** The answer to a postback that was counted as refused already. */
function refusePostback(problem: SubmissionProblem, isPixel: boolean, { method }: Request): Response {
  return isPixel ? pixelResponse(method) : submissionProblem(problem);
}
