/**
 * What operators configure in the course of a run: a first topology, perhaps a resharding that is announced in time,
 * perhaps a retroactive one, which must be refused, and is taken back later.
 *
 *   [0: 2] → [0: 2, T: 3, hot ads]   deployed more than EPOCH_LEAD_MS before T; every isolate gets it within a minute
 *   [0: 2, T: 3, now: 5] → back      refused: the recorded list stays in force
 */

import { hash32 } from "../../src/core/hash.ts";
import { MINUTE_MS } from "../../src/core/limits.ts";
import type { Topology } from "../../src/core/routing.ts";
import { EPOCH_LEAD_MS } from "../../src/core/topology.ts";
import { anEpoch } from "../support/builders.ts";
import { CLOCK_STEP_MAX_MS, type Faults } from "./faults.ts";

type Deployment = { readonly atMs: number; readonly topology: Topology };

const ROLLOUT_MS = MINUTE_MS;

export class TopologyPlan {
  readonly #deployments: Deployment[];

  constructor(faults: Faults, { startMs, endMs }: { startMs: number; endMs: number }) {
    const chance = faults.stream("reshard");
    const shards = (max: number) => ({ click: chance.between(1, max), impression: chance.between(1, max) });
    const first: Topology = [{ sinceMs: 0, shards: shards(4), hot: new Map([["ad_0", 4]]) }];
    this.#deployments = [{ atMs: 0, topology: first }];
    if (faults.rate("reshard") === 0) return;
    const announcedMs = startMs + chance.unit() * (endMs - startMs) * 0.6;
    const sinceMs = announcedMs + EPOCH_LEAD_MS + ROLLOUT_MS + CLOCK_STEP_MAX_MS + chance.between(1, 20) * MINUTE_MS;
    // One ad cools down, others become hot.
    const hot = new Map([
      ["ad_1", 2],
      ["ad_2", 16],
    ]);
    const resharded = [...first, { sinceMs: Math.floor(sinceMs / 1_000) * 1_000, shards: shards(6), hot }];
    this.#deployments.push({ atMs: announcedMs, topology: resharded });
    // The record of the topology cannot be read when the epoch begins.
    if (faults.rate("r2") > 0 && chance.is(0.6)) {
      const fromMs = announcedMs + ROLLOUT_MS + chance.unit() * (sinceMs - announcedMs - ROLLOUT_MS);
      faults.addOutage("r2", fromMs, sinceMs + chance.unit() * 20 * MINUTE_MS);
    }
    if (chance.is(0.3)) return;
    // Somebody sets an epoch that has begun already, and needs a while to notice the alert.
    const mistakeMs = announcedMs + chance.unit() * (endMs - announcedMs);
    const retroactive = mistakeMs - chance.unit() * 10 * MINUTE_MS;
    const wrong = [...resharded.filter((epoch) => epoch.sinceMs < retroactive), anEpoch(retroactive, 7)];
    this.#deployments.push({ atMs: mistakeMs, topology: wrong });
    this.#deployments.push({ atMs: mistakeMs + 15 * MINUTE_MS, topology: resharded });
  }

  /** What the named isolate is configured with. */
  at(name: string, nowMs: number): Topology {
    const knownMs = nowMs - (hash32(name) / 4_294_967_296) * ROLLOUT_MS;
    return (this.#deployments.findLast(({ atMs }) => atMs <= knownMs) ?? (this.#deployments[0] as Deployment)).topology;
  }
}
