/**
 * Which ads are clicked how often: Zipf's law over so many ads, in classes of ranks, and what of it meets in one shard by
 * the routing of production.
 */
import { type Epoch, shardOf } from "../../src/core/routing.ts";

type RankClass = { readonly ads: number /** Of one of its ads, of all clicks. */; readonly share: number };

/** Ads that are routed one by one; those behind them are many and small enough to spread evenly. */
const ROUTED = 5_000;
const CLASS_GROWTH = 1.25;

export class Ads {
  readonly #classes: readonly RankClass[];
  readonly #ads: number;
  readonly #weightOf: (rank: number) => number;

  constructor(ads: number, skew: number) {
    this.#ads = ads;
    const classes: { ads: number; share: number }[] = [];
    for (let from = 1; from <= ads; ) {
      const to = Math.min(ads, Math.max(from, Math.floor(from * CLASS_GROWTH)));
      classes.push({ ads: to - from + 1, share: ((from + to) / 2) ** -skew });
      from = to + 1;
    }
    const sum = classes.reduce((total, { ads: count, share }) => total + count * share, 0);
    this.#classes = classes.map(({ ads: count, share }) => ({ ads: count, share: share / sum }));
    this.#weightOf = (rank) => rank ** -skew / sum;
  }

  /** How many ads so many clicks are expected to be of. */
  distinct(clicks: number): number {
    return this.#classes.reduce((sum, { ads, share }) => sum + ads * -Math.expm1(-clicks * share), 0);
  }

  /** Rows of (ad, window) that so many clicks make, which come evenly over so many windows. */
  rows(clicks: number, windows: number): number {
    return windows * this.distinct(clicks / windows);
  }

  /** Of all clicks, those that each of so many shards gets. */
  sharesOf(shards: number): number[] {
    const epoch: Epoch = { sinceMs: 0, shards: { click: shards, impression: shards }, hot: new Map() };
    const shares = Array.from({ length: shards }, () => 0);
    let routed = 0;
    for (let rank = 1; rank <= Math.min(this.#ads, ROUTED); rank++) {
      const shard = shardOf("click", { ad: `ad_${rank}`, jti: "any", iat: 1 }, [epoch]);
      shares[shard] = (shares[shard] ?? 0) + this.#weightOf(rank);
      routed += this.#weightOf(rank);
    }
    return shares.map((share) => share + Math.max(0, 1 - routed) / shards);
  }
}
