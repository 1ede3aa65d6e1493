/**
 * Bait placements: an ad server shows an ad where no person sees it, under a placement whose id begins with `bait_`.
 * Who clicks there reads pages as a program does, and what the same user clicked on that ad within an hour is in doubt
 * too.
 *
 *   click of a user ─▶ kept for an hour ─▶ bait: all that are kept are named, and each that follows within an hour
 *
 * Keeps: pure; names each click at most once, in the order of one shard's log, and nothing but looks: it is dry only
 * (core/second-look.ts). Memory: at most `USERS_MAX` users, and of each so many clicks as `CLICKS_MAX`. Of a click
 * without a user key only the bait itself is named.
 */
import type { EventId } from "./event-id.ts";
import { HOUR_MS } from "./limits.ts";
import { type SeenClick, USERS_MAX } from "./second-look.ts";

export const BAIT_PREFIX = "bait_";
const CLICKS_MAX = 100;

/** A valid click with the placement on which it was made. */
export type PlacedClick = SeenClick & { readonly placementId: string | null };

type Kept<T> = { clicks: T[]; baitedAtMs: number };

/** A look at one shard's valid clicks, in the order of its log. */
export class BaitLook<T extends PlacedClick = PlacedClick> {
  /** By user and ad, the one that clicked last at the end. */
  readonly #users = new Map<string, Kept<T>>();
  readonly #named = new Set<EventId>();

  /** Takes the next click; returns those that it shows, which may be earlier ones. */
  add(click: T): T[] {
    const { advertiserId, adId, userKey, receivedAtMs: atMs } = click;
    const isBait = isBaitPlacement(click.placementId);
    if (userKey === null) return isBait ? [click] : [];
    const user = `${advertiserId} ${adId} ${userKey}`;
    const kept = this.#users.get(user) ?? { clicks: [], baitedAtMs: Number.NEGATIVE_INFINITY };
    this.#users.delete(user);
    this.#users.set(user, kept);
    if (this.#users.size > USERS_MAX) this.#users.delete(this.#users.keys().next().value as string);
    kept.clicks = [...kept.clicks.filter(({ receivedAtMs }) => atMs - receivedAtMs < HOUR_MS), click].slice(
      -CLICKS_MAX,
    );
    if (isBait) kept.baitedAtMs = atMs;
    if (atMs - kept.baitedAtMs >= HOUR_MS) return [];
    const shown = kept.clicks.filter(({ event }) => !this.#named.has(event));
    for (const { event } of shown) this.#named.add(event);
    return shown;
  }
}

export function isBaitPlacement(placementId: string | null): boolean {
  return placementId?.startsWith(BAIT_PREFIX) ?? false;
}
