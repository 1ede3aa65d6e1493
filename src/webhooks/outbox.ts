/**
 * Reading events: the outboxes of the databases that a reader's events may stand in, one behind the other.
 *
 *   position of a database = [life, seq]; life 0: nothing of it was read
 *
 * Keeps: a page ends where its positions say, and the next begins there, so that no event is left out and none is given
 * twice while the databases live on. Of a database that was set back every event is given again, or the reader is told.
 */
import { fromDatabase } from "../access/database.ts";
import { type ReadScope, TenantSql } from "../access/read-scope.ts";
import { parseJson } from "../core/base64url.ts";
import { type EventType, eventIdOf } from "../core/outbox-event.ts";
import { err, ok, type Result } from "../core/result.ts";
import { publish, SELECT_PUBLISHED } from "../facts/outbox-sql.ts";

export type OutboxPosition = readonly [life: number, seq: number];
/** By the names of the databases. */
export type OutboxPositions = Readonly<Record<string, OutboxPosition>>;

/** An event as it was read, with the positions behind it. */
export type ReadEvent = {
  readonly id: string;
  readonly type: EventType;
  readonly atMs: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly positions: OutboxPositions;
  /** When the oldest event behind these positions happened, of those that are known; the reading where none is. */
  readonly unreadSinceMs: number;
};

export type EventPage = {
  readonly events: readonly ReadEvent[];
  readonly positions: OutboxPositions;
  /** As of an event. */
  readonly unreadSinceMs: number;
  readonly hasMore: boolean;
};

export type OutboxAsk = {
  readonly scope: ReadScope;
  readonly limit: number;
  readonly nowMs: number;
  /** What is done where a database was set back: tell the reader, or give all of its events again. */
  readonly whenSetBack: "tell" | "again";
};

const NOTHING_READ: OutboxPosition = [0, 0];

/** ?2 seq, ?3 the mark, ?4 at most so many. */
const EVENTS = new TenantSql({
  advertiser: `
SELECT seq, fact, type, at_ms, data
FROM outbox
WHERE audience IN (?1, '*') AND seq > ?2 AND seq <= coalesce((SELECT seq FROM outbox_published), 0)
ORDER BY seq
LIMIT ?3`,
  all: `
SELECT seq, fact, type, at_ms, data
FROM outbox
WHERE seq > ?2 AND seq <= coalesce((SELECT seq FROM outbox_published), 0)
ORDER BY seq
LIMIT ?3`,
});

type Row = {
  readonly seq: number;
  readonly fact: string;
  readonly type: EventType;
  readonly at_ms: number;
  readonly data: string;
};
type Mark = { readonly seq: number; readonly life: number };

/** A page of events behind the positions. Throws DatabaseFault. */
export async function readOutbox(
  databases: ReadonlyMap<string, D1Database>,
  from: OutboxPositions,
  ask: OutboxAsk,
): Promise<Result<EventPage, "set_back">> {
  const events: Omit<ReadEvent, "unreadSinceMs">[] = [];
  let positions = from;
  let unreadSinceMs = ask.nowMs;
  let hasMore = false;
  for (const [name, database] of databases) {
    const left = ask.limit - events.length;
    let page = await readPage(database, from[name] ?? NOTHING_READ, { ...ask, limit: left });
    if (page === null && ask.whenSetBack === "tell") return err("set_back");
    page ??= await readPage(database, NOTHING_READ, { ...ask, limit: left });
    if (page === null) continue;
    for (const { seq, fact, type, at_ms: atMs, data } of page.rows) {
      positions = { ...positions, [name]: [page.mark.life, seq] };
      events.push({ id: eventIdOf(fact), type, atMs, data: parseJson(data) as ReadEvent["data"], positions });
    }
    // What lies up to the mark and is not this reader's needs no second look.
    const seq = page.next !== null ? (page.rows.at(-1)?.seq ?? page.from) : page.mark.seq;
    positions = { ...positions, [name]: [page.mark.life, seq] };
    if (page.next !== null) unreadSinceMs = Math.min(unreadSinceMs, page.next.at_ms);
    hasMore ||= page.next !== null;
  }
  return ok({ events: withUnread(events, unreadSinceMs), positions, unreadSinceMs, hasMore });
}

/** Of each event, what follows it is unread. */
function withUnread(events: readonly Omit<ReadEvent, "unreadSinceMs">[], behindMs: number): ReadEvent[] {
  let unreadSinceMs = behindMs;
  const known = events.toReversed().map((event) => {
    const read = { ...event, unreadSinceMs };
    unreadSinceMs = Math.min(unreadSinceMs, event.atMs);
    return read;
  });
  return known.toReversed();
}

/** `next` is the row behind a page that is cut. */
type Page = { readonly rows: readonly Row[]; readonly mark: Mark; readonly next: Row | null; readonly from: number };

/** The next rows of one database; null where the position is of an earlier life. */
async function readPage(
  database: D1Database,
  [life, from]: OutboxPosition,
  { scope, limit, nowMs }: OutboxAsk,
): Promise<Page | null> {
  const [, marks, found] = await fromDatabase(() =>
    database.batch<Row & Mark>([
      publish(database, nowMs),
      database.prepare(SELECT_PUBLISHED),
      EVENTS.in(database, scope, from, limit + 1),
    ]),
  );
  const mark = marks?.results[0] ?? { seq: 0, life: 0 };
  const isSetBack = life !== 0 && (life !== mark.life || from > mark.seq);
  if (isSetBack) return null;
  const rows = found?.results ?? [];
  return { rows: rows.slice(0, limit), mark, next: rows[limit] ?? null, from };
}

/** Behind everything that has happened. Throws DatabaseFault. */
export async function presentPositions(
  databases: ReadonlyMap<string, D1Database>,
  nowMs: number,
): Promise<OutboxPositions> {
  const positions: Record<string, OutboxPosition> = {};
  for (const [name, database] of databases) {
    const [, marks] = await fromDatabase(() =>
      database.batch<Mark>([publish(database, nowMs), database.prepare(SELECT_PUBLISHED)]),
    );
    const mark = marks?.results[0];
    if (mark !== undefined) positions[name] = [mark.life, mark.seq];
  }
  return positions;
}
