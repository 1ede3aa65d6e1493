/**
 * What a dead letter holds, by whose it is: told beside the letter, so that a report can say what it lacks without
 * opening letters.
 *
 *   customMetadata of the object: {"owners":"[[\"adv_1\",\"pub_1\",<events>,<arrived ms>],[null,null,1,…]]", …}
 *
 * Keeps: an event is counted as often as it stands for requests (`count`). What cannot be read is nobody's: it is the
 * operator's to know. Owners that do not fit are left out, and `owners` is then missing.
 * Relies on: whoever wrote an event verified its token (core/token-event.ts).
 */
import { parseJson } from "../core/base64url.ts";
import { decodeMessage, openEvent } from "../core/message.ts";

/** Events of one advertiser and publisher; null for those that nobody can tell. */
export type OwnedEvents = {
  readonly advertiserId: string | null;
  readonly publisherId: string | null;
  readonly events: number;
  /** When the oldest of them arrived. */
  readonly oldestMs: number;
};

/** R2 takes 8 192 bytes of metadata; ids are ASCII. */
const OWNERS_CHARS_MAX = 6_000;

/** The events of a letter's payload by owner. `sentAtMs` stands for the arrival of what does not tell its own. */
export function contentsOf({ payload, sentAtMs }: { payload: string; sentAtMs: number }): OwnedEvents[] {
  const message = decodeMessage(payload);
  const results = message.ok ? message.value : [openEvent(parseJson(payload))];
  const owned = new Map<string, OwnedEvents>();
  for (const result of results) {
    const one: OwnedEvents = result.ok
      ? {
          ...{ advertiserId: result.value.claims.adv, publisherId: result.value.claims.pub },
          ...{ events: result.value.event.count, oldestMs: result.value.event.receivedAtMs },
        }
      : { advertiserId: null, publisherId: null, events: 1, oldestMs: sentAtMs };
    const key = JSON.stringify([one.advertiserId, one.publisherId]);
    const known = owned.get(key);
    const events = one.events + (known?.events ?? 0);
    owned.set(key, { ...one, events, oldestMs: Math.min(one.oldestMs, known?.oldestMs ?? one.oldestMs) });
  }
  return [...owned.values()];
}

/** The contents as metadata of the letter's object. */
export function encodeContents(contents: readonly OwnedEvents[]): Record<string, string> {
  const owners = JSON.stringify(
    contents.map(({ advertiserId, publisherId, events, oldestMs }) => [advertiserId, publisherId, events, oldestMs]),
  );
  return owners.length > OWNERS_CHARS_MAX ? {} : { owners };
}

/** The contents that metadata tell; null where they do not. */
export function decodeContents(metadata: Readonly<Record<string, string>> | undefined): OwnedEvents[] | null {
  const owners = parseJson(metadata?.["owners"] ?? "");
  if (!Array.isArray(owners)) return null;
  return owners.map(([advertiserId, publisherId, events, oldestMs]: WireOwner) => ({
    ...{ advertiserId, publisherId, events, oldestMs },
  }));
}

type WireOwner = [advertiserId: string | null, publisherId: string | null, events: number, oldestMs: number];
