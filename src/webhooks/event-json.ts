/**
 * An event as it is answered and sent: the same text in both.
 *
 *   {"id":"evt_…","type":"statement.issued","timestamp":"…","data":{…},"cursor":"…"}
 */
import { isoSecond } from "../core/time.ts";
import { type CursorContext, sealEvents } from "./event-cursor.ts";
import type { ReadEvent } from "./outbox.ts";

export type EventJson = {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Behind it, for GET /v1/events; null of what stands in no outbox. */
  readonly cursor: string | null;
};

export async function toEventJson(event: ReadEvent, context: CursorContext): Promise<EventJson> {
  const { id, type, atMs, data } = event;
  return { id, type, timestamp: isoSecond(atMs), data, cursor: await sealEvents(event, context) };
}
