/**
 * What happened, for whoever asks: the events of an advertiser, or of all for the operator, in the order in which they
 * were committed.
 *
 *   GET /v1/events?after=<cursor>&limit=100
 *     → {"events":[{"id":"evt_…","type":"report.moved","timestamp":…,"data":{…},"cursor":"…"}, …],
 *        "cursor":"…","hasMore":false}
 *
 * Without `after` it begins with the oldest that is kept.
 *
 * Keeps: who reads on behind its last cursor misses nothing and is given nothing twice (outbox.ts).
 */
import type { Keyed } from "../access/asked.ts";
import { ReadScope } from "../access/read-scope.ts";
import { parseSearch } from "../admin/parse.ts";
import { ok } from "../core/result.ts";
import { Directory, PRIMARY_DATABASE } from "../facts/directory.ts";
import { toProblemResponse } from "../report/problems.ts";
import { CHANGES, passRead } from "../report/read/read-pass.ts";
import { ringOf } from "../report/ring.ts";
import { openEvents, sealEvents, staleEvents } from "./event-cursor.ts";
import { toEventJson } from "./event-json.ts";
import { readOutbox } from "./outbox.ts";
import { eventsQuery } from "./schemas.ts";

/** Whose cursor it is: the account, whichever key asks. */
export const cursorOwner = (scope: Pick<ReadScope, "advertiserId">) => scope.advertiserId ?? "";

function withPrimary(
  { REPORT_DB: primary }: Pick<Env, "REPORT_DB">,
  named: ReadonlyMap<string, D1Database>,
): ReadonlyMap<string, D1Database> {
  return new Map([[PRIMARY_DATABASE, primary], ...named]);
}

export async function handleEvents({ env, config, principal, nowMs, search }: Keyed): Promise<Response> {
  const parsed = parseSearch(search(), eventsQuery);
  if (!parsed.ok) return toProblemResponse(parsed.error);
  const { after, limit } = parsed.value;
  const scope = ReadScope.of(principal);
  const context = { ring: await ringOf(config), of: cursorOwner(scope), nowMs };
  const opened = after === undefined ? ok({}) : await openEvents(after, context);
  if (!opened.ok) return toProblemResponse(opened.error);

  const way = { gates: env.READ_GATE, principal, scope };
  const passed = await passRead(new Directory(env), way, CHANGES, async ({ directory }) => {
    const named = await directory.namedOf(scope.advertiserId === null ? null : [scope.advertiserId]);
    return readOutbox(withPrimary(env, named), opened.value, { scope, limit, nowMs, whenSetBack: "tell" });
  });
  if (!passed.ok) return passed.error;
  const read = passed.value;
  if (!read.ok) return toProblemResponse(staleEvents("A report database was set back to a moment before this cursor."));
  const { events, hasMore } = read.value;
  const body = {
    events: await Promise.all(events.map((event) => toEventJson(event, context))),
    cursor: await sealEvents(read.value, context),
    hasMore,
  };
  return Response.json(body, {
    headers: { "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff" },
  });
}
