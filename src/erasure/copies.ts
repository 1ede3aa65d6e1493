/**
 * Erasing where events stand a second time: dead letters, replayed or not, and the plans of second looks.
 *
 *   dead/v1/…, dead-replayed/v1/…                    a letter whose payload is an event or a message; sealed anew
 *   replays/v1/<id>/changes/…, …/applied/…           a line for each click that would be, or was, revised
 *
 * Keeps: as erase.ts. A letter that was edited by hand is not sealed by this: it is left as it is, and named.
 */
import { parseJson } from "../core/base64url.ts";
import { bareEvent, type WireEvent } from "../core/erased-line.ts";
import type { KeyRing } from "../core/key-ring.ts";
import { openEvent } from "../core/message.ts";
import { isSealed, sealText } from "../core/seal.ts";
import { ERASED_URL } from "../core/unnamed-token.ts";
import { parseLetter, sealedText } from "../queue/dead-letter.ts";
import { type ErasePorts, isOf, replace } from "./erase.ts";
import type { Subject } from "./order.ts";

/** Prefixes of objects in which events stand a second time, in the order of their keys: a run goes on behind one. */
export const COPIES_PREFIXES = ["dead-replayed/v1/dead/v1/", "dead/v1/", "replays/v1/"] as const;

/** An event without its person where it is the subject's; null for any other, and where that is done already. */
export async function bareIfOf(subject: Subject, wire: unknown, ring: KeyRing): Promise<WireEvent | null> {
  const opened = openEvent(wire);
  if (!opened.ok || !isOf(subject, opened.value) || opened.value.claims.url === ERASED_URL) return null;
  return bareEvent(wire as WireEvent, ring);
}

/** Erases in an object of these prefixes; resolves to how many events. Throws for a letter that somebody edited. */
export async function eraseCopies(ports: ErasePorts, subject: Subject, key: string): Promise<number> {
  const object = await ports.bucket.get(key);
  if (object === null) return 0;
  const text = await object.text();
  const left = key.startsWith("replays/")
    ? await inLines(text, subject, ports.ring)
    : await inLetter(text, subject, ports.ring);
  if (left === null) return 0;
  return (await replace(ports.bucket, object, new TextEncoder().encode(left.text))) ? left.erased : 0;
}

type Left = { readonly text: string; readonly erased: number } | null;
type Encoded = { readonly encoded?: unknown; readonly promote?: Encoded | null };

async function inLines(text: string, subject: Subject, ring: KeyRing): Promise<Left> {
  let erased = 0;
  const bare = async (one: Encoded): Promise<Encoded> => {
    const wire = typeof one.encoded === "string" ? await bareIfOf(subject, parseJson(one.encoded), ring) : null;
    if (wire !== null) erased++;
    const promote = typeof one.promote === "object" && one.promote !== null ? await bare(one.promote) : one.promote;
    return { ...one, ...(wire === null ? {} : { encoded: JSON.stringify(wire) }), ...(promote ? { promote } : {}) };
  };
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    const value: unknown = parseJson(line);
    const before = erased;
    const left = typeof value === "object" && value !== null ? await bare(value as Encoded) : null;
    lines.push(erased === before ? line : JSON.stringify(left));
  }
  return erased === 0 ? null : { text: lines.join("\n"), erased };
}

async function inLetter(text: string, subject: Subject, ring: KeyRing): Promise<Left> {
  const sealed = parseLetter(text);
  if (sealed === null) return null;
  const { letter, seal } = sealed;
  const payload = parseJson(letter.payload) as { readonly events?: readonly unknown[] } | null;
  const events = payload?.events ?? [payload];
  const bare = await Promise.all(events.map((event) => bareIfOf(subject, event, ring)));
  const erased = bare.filter((event) => event !== null).length;
  if (erased === 0) return null;
  const keys = { ...ring, keys: new Map([...ring.retired, ...ring.keys]) };
  if (!(await isSealed(keys, sealedText(letter), seal))) throw new Error("the letter was edited since it was sealed");
  const left = events.map((event, at) => bare[at] ?? event);
  const now = JSON.stringify(payload?.events === undefined ? left[0] : { ...payload, events: left });
  const body = parseJson(text) as Record<string, unknown>;
  const anew = await sealText(ring, sealedText({ ...letter, payload: now }));
  return { text: JSON.stringify({ ...body, payload: now, seal: anew }), erased };
}
