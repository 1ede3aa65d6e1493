/**
 * Event tools: people look into single events, and decide what no rule may. What happened to a click, the
 * review list of late clicks, and the dead letters; what the routes of src/api/routes.ts do.
 *
 * Keeps: the same problems as reports. Reading the review list sees the advertiser's own rows. Every act is in the
 * audit log before it is done: what it does is in another store, so the entry says what was asked for, and is there
 * even when only a part was done.
 */

import type { Keyed } from "../access/asked.ts";
import { ReadScope } from "../access/read-scope.ts";
import type { Refusal } from "../core/refusal.ts";
import { err, type Result } from "../core/result.ts";
import { Directory } from "../facts/directory.ts";
import { type ReportProblem, toProblemResponse } from "../report/problems.ts";
import { EXPLAIN, EXPLAIN_ROWS, LATE_CLICKS, passPrimaryRead, passRead } from "../report/read/read-pass.ts";
import { readScopeOf } from "../report/tenancy.ts";
import { topologyInForce } from "../shard/topology-keeper.ts";
import { acceptLoss, listAudits, mendDay, runAudit, showAudits } from "./audits.ts";
import { listDeadLetters, replayDeadLetters, showDeadLetter } from "./dead-letters.ts";
import { showErasure, startErasure } from "./erasures.ts";
import { runEvidenceLog, showEvidenceLog } from "./evidence-log.ts";
import { explainClick, explainToken } from "./explain.ts";
import { endHold, holdDays, listHolds, showHold } from "./holds.ts";
import { decideLateClicks, listLateClicks } from "./late-clicks.ts";
import { rebuildDatabase } from "./rebuild.ts";
import { type ReceiptPorts, receiptOfClick } from "./receipt.ts";
import { actOnReplay, listReplays, showReplay, startReplay } from "./replays.ts";
import { ringOf } from "./ring.ts";

/** What an act answers: a body, a problem, or the answer to one who has asked for too much. */
type Acted = Result<Record<string, unknown>, ReportProblem | Refusal | Response>;

/** An act as a handler; its answer has that status. */
const act =
  (does: (asked: Keyed) => Promise<Acted>, status = 200) =>
  async (asked: Keyed): Promise<Response> => {
    const result = await does(asked);
    if (!result.ok) return result.error instanceof Response ? result.error : toProblemResponse(result.error);
    return Response.json(result.value, {
      status,
      headers: { "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff" },
    });
  };

/** What goes on after the answer. */
const accepted = (does: (asked: Keyed) => Promise<Acted>) => act(does, 202);

export const explainOne = act((asked) =>
  explain(asked, (ports) => explainClick(asked.param("id"), ReadScope.of(asked.principal), ports)),
);

/** Within the budget of an explanation, since it looks for the click in the same places. */
export const receiptOfOne = act((asked) =>
  explain(asked, (ports) =>
    receiptOfClick({ id: asked.param("id"), search: asked.search() }, ReadScope.of(asked.principal), ports),
  ),
);

export const explainGiven = act(async (asked) => {
  const { token } = asked.body as Readonly<Record<string, unknown>>;
  if (typeof token !== "string") return err({ reason: "missing_parameter", field: "token" });
  return explain(asked, (ports) => explainToken(token, ReadScope.of(asked.principal), ports));
});

export const listLate = act(async ({ env, principal, search }) => {
  const scope = readScopeOf(principal);
  if (!scope.ok) return scope;
  const way = { gates: env.READ_GATE, principal, scope: scope.value };
  const passed = await passRead(new Directory(env), way, LATE_CLICKS, ({ directory }) =>
    listLateClicks(search(), directory, scope.value),
  );
  return passed.ok ? passed.value : passed;
});

export const decideLate = act(({ env, body, actor, principal }) => {
  const places = { directory: new Directory(env), primary: env.REPORT_DB, shards: env.EVENT_SHARD };
  return decideLateClicks(body, places, { actor, scope: ReadScope.of(principal) });
});

export const listLetters = act(({ env, search }) => listDeadLetters(search(), env.ARCHIVE));
export const showLetter = act(({ env, search }) => showDeadLetter(search(), env.ARCHIVE));
export const replayLetters = act(({ env, config, body, actor }) => replayDeadLetters(body, { env, config }, actor));
/** Audits read the day's reports or start one; what it finds is told later. */
export const auditDays = act(({ env, search }) => listAudits(search(), env.REPORT_DB));
export const auditsOfDay = act(({ env, param }) => showAudits(param("day"), env));
export const startDayAudit = act(({ env, config, body, actor }) => runAudit(body, { env, config }, actor), 202);
export const mendAuditedDay = act(({ env, param, actor }) => mendDay(param("day"), { env, actor }));
export const acceptDayLoss = act(({ env, param, body, actor }) => acceptLoss(param("day"), body, { env, actor }));

export const holds = act(({ env, search }) => listHolds(search(), env.ARCHIVE));
export const oneHold = act(({ env, param }) => showHold(param("id"), env.ARCHIVE));
export const hold = act(({ env, param, body, actor }) => holdDays(param("id"), body, { env, actor }));
export const release = act(({ env, param, actor }) => endHold(param("id"), { env, actor }));

/** Answers before anything is erased: cron does it, within two minutes. */
export const erase = accepted(async ({ env, config, body, actor }) => {
  return startErasure(body, { env, ring: await ringOf(config) }, actor);
});
export const readErasure = act(({ env, param }) => showErasure(param("id"), env));

export const rebuild = act(({ env, config, body, actor }) =>
  rebuildDatabase(body, env, { actor, newTo: config.newAdvertisersTo, dedupHorizonMs: config.dedupHorizonMs }),
);

export const showLog = act((asked) => showEvidenceLog(asked));
export const sequenceLog = act((asked) => runEvidenceLog(asked, asked.actor));

export const replay = accepted(({ env, body, actor }) => startReplay(body, env, actor));
export const readReplays = act(({ env, search }) => listReplays(search(), env.ARCHIVE));
export const readReplayed = act(({ env, param }) => showReplay(param("id"), env));
export const applyReplay = accepted(({ env, param, actor }) => actOnReplay(param("id"), "apply", env, actor));
export const undoReplay = accepted(({ env, param, actor }) => actOnReplay(param("id"), "undo", env, actor));

/** Runs an explanation, or makes a receipt, within the budget of the key's owner. */
async function explain(
  { env, config, principal, nowMs, whose }: Keyed,
  work: (ports: ReceiptPorts) => Promise<Result<Record<string, unknown>, ReportProblem | Refusal>>,
): Promise<Acted> {
  const way = { gates: env.READ_GATE, principal };
  const passed = await passPrimaryRead(env.REPORT_DB, way, EXPLAIN, async (_, pass) => {
    pass.charge(EXPLAIN_ROWS);
    const [topology, ring] = await Promise.all([topologyInForce(env, config), ringOf(config)]);
    return work({
      ...{ shards: env.EVENT_SHARD, archive: env.ARCHIVE, topology, ring, policy: config.token, nowMs, whose },
      ...{ closeGraceMs: config.closeGraceMs, keepsLog: config.evidenceLog !== null },
    });
  });
  return passed.ok ? passed.value : passed;
}
