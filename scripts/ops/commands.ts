/**
 * The operator's commands, each a function from its arguments to what is printed and whether all of it was done.
 *
 * Keeps: `data` is what the Worker answered, for --json; `text` says the same to people. Acts are sent in pages that
 * the API takes, and are idempotent there, so that a command that failed half-way can be given again.
 */
import type { components } from "../../client/schema.d.ts";
import type { OperatorClient } from "./operator-client.ts";
import { toTable } from "./table.ts";

type Schemas = components["schemas"];

export type Options = {
  readonly limit?: string;
  readonly after?: string;
  readonly status?: string;
  readonly all?: boolean;
  readonly database?: string;
  readonly reason?: string;
};
export type Outcome = { readonly text: string; readonly data: unknown; readonly isDone: boolean };
type Command = (client: OperatorClient, items: readonly string[], options: Options) => Promise<Outcome>;

const DEAD_PATH = "/v1/admin/dead-letters";
const AUDITS_PATH = "/v1/admin/audits";
const LATE_PATH = "/v1/late-clicks";
/** What one request may hold. */
const REPLAYS_PER_REQUEST = 100;
const DECISIONS_PER_REQUEST = 1_000;

const listDead: Command = async (client, _, { limit, after }) => {
  const page = (await client.get(DEAD_PATH, { limit, after })) as Schemas["DeadLetterPage"];
  const rows = page.letters.map((it) => [it.storedAt, it.reason, it.queue, it.attempts, it.bytes, it.key]);
  const table = toTable(["stored", "reason", "queue", "attempts", "bytes", "key"], rows);
  return { text: withNext(rows.length, "dead letters", table, page.next), data: page, isDone: true };
};

const showDead: Command = async (client, [key]) => {
  const shown = (await client.get(`${DEAD_PATH}/show`, { key })) as { letter: unknown };
  const { letter } = shown;
  if (typeof letter !== "object" || letter === null) return { text: String(letter), data: shown, isDone: true };
  const { payload, ...facts } = letter as Record<string, unknown>;
  const lines = Object.entries(facts).map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return { text: `${toTable(["field", "value"], lines)}\n\n${payload}`, data: shown, isDone: true };
};

const replayDead: Command = async (client, keys, { all = false }) => {
  const results: Schemas["ReplayResults"]["results"] = [];
  const replay = async (page: readonly string[]) => {
    const answer = (await client.post(`${DEAD_PATH}/replay`, { keys: page })) as Schemas["ReplayResults"];
    results.push(...answer.results);
  };
  for (const page of pagesOf(keys, REPLAYS_PER_REQUEST)) await replay(page);
  let after: string | undefined;
  for (let isMore = all; isMore; ) {
    const query = { limit: String(REPLAYS_PER_REQUEST), after };
    const { letters, next } = (await client.get(DEAD_PATH, query)) as Schemas["DeadLetterPage"];
    if (letters.length > 0) await replay(letters.map(({ key }) => key));
    after = next ?? undefined;
    isMore = next !== null;
  }
  const rows = results.map(({ key, outcome, events, counted, reason, detail }) => [
    outcome,
    reason === undefined ? `${counted} of ${events} counted` : [reason, detail].filter(Boolean).join(": "),
    key,
  ]);
  return {
    text: rows.length === 0 ? "no dead letters" : toTable(["outcome", "result", "key"], rows),
    data: { results },
    isDone: results.every(({ outcome }) => outcome === "replayed"),
  };
};

const rebuildDatabase: Command = async (client, _, { database = "REPORT_DB" }) => {
  const sum = { events: 0, shards: 0 };
  let after = "";
  for (;;) {
    const { events, shards, next } = (await client.post("/v1/admin/rebuild", {
      database,
      after,
    })) as Schemas["RebuildProgress"];
    sum.events += events;
    sum.shards += shards;
    if (next === null) break;
    after = next;
  }
  const text = `${database} has everything that is archived: ${sum.shards} shards, ${sum.events} events read`;
  return { text, data: { database, ...sum }, isDone: true };
};

const listLate: Command = async (client, _, { status, limit, after }) => {
  const page = (await client.get(LATE_PATH, { status, limit, after })) as Schemas["LateClickPage"];
  const columns = [
    "id",
    "advertiser",
    "campaign",
    "ad",
    "clicks",
    "cpc micros",
    "occurred",
    "received",
    "verdict",
    "by",
  ];
  const rows = page.lateClicks.map((it) => [
    it.id,
    it.advertiserId,
    it.campaignId,
    it.adId,
    it.clicks,
    it.cpcMicros,
    it.occurredAt,
    it.receivedAt,
    it.verdict,
    it.decidedBy,
  ]);
  return { text: withNext(rows.length, "late clicks", toTable(columns, rows), page.next), data: page, isDone: true };
};

const decideLate =
  (decision: "accept" | "reject"): Command =>
  async (client, ids) => {
    const results: Schemas["DecisionResults"]["results"] = [];
    for (const page of pagesOf(ids, DECISIONS_PER_REQUEST)) {
      const body = { decisions: page.map((id) => ({ id, decision })) };
      results.push(...((await client.post(LATE_PATH, body)) as Schemas["DecisionResults"]).results);
    }
    const rows = results.map(({ id, outcome, verdict, reason, by }) => [id, outcome, verdict, reason, by]);
    return {
      text: toTable(["id", "outcome", "verdict", "reason", "by"], rows),
      data: { results },
      isDone: results.every(({ outcome }) => outcome === "decided"),
    };
  };

const listAudits: Command = async (client) => {
  const answer = (await client.get(AUDITS_PATH, {})) as Schemas["AuditedDays"];
  const rows = answer.days.map(({ day, state, attempt, auditedAt, found }) => [
    ...[day, state, attempt, auditedAt],
    Object.entries(found)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(", "),
  ]);
  const text = toTable(["day", "state", "audits", "audited", "found"], rows);
  return { text: rows.length === 0 ? "no sealed days" : text, data: answer, isDone: true };
};

const showAudit: Command = async (client, [day]) => {
  const answer = (await client.get(`${AUDITS_PATH}/${day}`, {})) as Schemas["DayAudits"];
  const [last] = answer.audits;
  const rows = (last?.found ?? []).flatMap(({ kind, count, mendedBy, examples }) =>
    examples.map(({ where, detail }, at) =>
      at === 0 ? [kind, count, mendedBy, where, detail] : ["", "", "", where, detail],
    ),
  );
  const head = `${day}: ${answer.state ?? "under way"}${last === undefined ? "" : `, audit ${last.id} of ${last.endedAt}`}`;
  const table = rows.length === 0 ? [] : ["", toTable(["found", "count", "mended by", "where", "detail"], rows)];
  const losses = answer.losses.map(({ object, reason, by }) => `accepted as lost by ${by}: ${object} (${reason})`);
  return { text: [head, ...table, ...losses].join("\n"), data: answer, isDone: answer.state !== "blocked" };
};

const runAudit: Command = async (client, [day]) => {
  const answer = (await client.post(AUDITS_PATH, { day })) as Schemas["AuditStarted"];
  return { text: `audit ${answer.id} is under way: audit show ${day}`, data: answer, isDone: true };
};

const mendAudit: Command = async (client, [day]) => {
  const answer = (await client.post(`${AUDITS_PATH}/${day}/mend`, {})) as Schemas["DayMended"];
  const rows = answer.found.map(({ kind, mended, left }) => [kind, mended, left]);
  const text = rows.length === 0 ? "nothing is open" : toTable(["found", "mended", "left"], rows);
  const isDone = answer.found.every(({ left }) => left === 0);
  return { text: `${text}\n\nnext: audit run ${day}`, data: answer, isDone };
};

const acceptLoss: Command = async (client, [day, object], { reason }) => {
  const answer = (await client.post(`${AUDITS_PATH}/${day}/losses`, { object, reason })) as Schemas["AcceptedLoss"];
  const text = `accepted by ${answer.by}: ${answer.object} (${answer.reason})\n\nnext: audit run ${day}`;
  return { text, data: answer, isDone: true };
};

const ERASURES_PATH = "/v1/admin/erasures";

function ofErasure(answer: Schemas["Erasure"]): Outcome {
  const { id, state, of, pass, phase, goesOnAt, erased, waiting } = answer;
  const { heldDays, refusedObjects } = waiting;
  const far = state === "done" ? `done after ${pass} passes` : `pass ${pass}, ${phase}, goes on at ${goesOnAt}`;
  const sums = Object.entries(erased).map(([what, count]) => `${count} ${what}`);
  const lines = [`${id}: ${of}, ${far}`, `erased: ${sums.join(", ")}`];
  if (heldDays.length > 0) lines.push(`held, release the holds: ${heldDays.join(", ")}`);
  if (refusedObjects.length > 0) lines.push(`could not be replaced: ${refusedObjects.join(", ")}`);
  if (state === "open") lines.push(`next: erase show ${id}`);
  return { text: lines.join("\n"), data: answer, isDone: heldDays.length + refusedObjects.length === 0 };
}

const eraseUser: Command = async (client, [advertiserId, uid]) =>
  ofErasure((await client.post(ERASURES_PATH, { advertiserId, uid })) as Schemas["Erasure"]);
const eraseClick: Command = async (client, [clickId]) =>
  ofErasure((await client.post(ERASURES_PATH, { clickId })) as Schemas["Erasure"]);
const showErasure: Command = async (client, [id]) =>
  ofErasure((await client.get(`${ERASURES_PATH}/${id}`, {})) as Schemas["Erasure"]);

/** How many items a command takes beside its name; replay takes none with --all. */
export type Arity = "none" | "one" | "two" | "some" | "some or --all";

export const COMMANDS: Readonly<
  Record<string, { readonly run: Command; readonly takes: Arity; readonly options: readonly (keyof Options)[] }>
> = {
  "dead list": { run: listDead, takes: "none", options: ["limit", "after"] },
  "dead show": { run: showDead, takes: "one", options: [] },
  "dead replay": { run: replayDead, takes: "some or --all", options: ["all"] },
  "audit list": { run: listAudits, takes: "none", options: [] },
  "audit show": { run: showAudit, takes: "one", options: [] },
  "audit run": { run: runAudit, takes: "one", options: [] },
  "audit mend": { run: mendAudit, takes: "one", options: [] },
  "audit accept": { run: acceptLoss, takes: "two", options: ["reason"] },
  "erase user": { run: eraseUser, takes: "two", options: [] },
  "erase click": { run: eraseClick, takes: "one", options: [] },
  "erase show": { run: showErasure, takes: "one", options: [] },
  rebuild: { run: rebuildDatabase, takes: "none", options: ["database"] },
  "late list": { run: listLate, takes: "none", options: ["status", "limit", "after"] },
  "late accept": { run: decideLate("accept"), takes: "some", options: [] },
  "late reject": { run: decideLate("reject"), takes: "some", options: [] },
};

function withNext(count: number, what: string, table: string, next: string | null): string {
  if (count === 0) return `no ${what}`;
  return next === null ? table : `${table}\n\nmore with --after ${next}`;
}

function pagesOf<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, at) => items.slice(at * size, (at + 1) * size));
}
