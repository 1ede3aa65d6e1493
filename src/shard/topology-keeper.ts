/**
 * The topology in force, recorded in R2 where every isolate finds it.
 *
 *   topology/v1.json   [{"since": 0, "shards": 8}, …]      written with a condition on what was read
 *     its metadata     jurisdiction: "eu", or ""           where those shards are (placement.ts)
 *
 * Keeps: an epoch is recorded before any event is routed by it, and never changes (core/topology.ts). What is
 * configured but refused is logged as a fault, every time it is met, and changes nothing. A record that was read is
 * used for a minute; when R2 cannot be read, the last one goes on, but only while no epoch that it lacks can have
 * begun: after that nothing is routed, since an isolate that was idle for an hour would send a click to the shard of an
 * earlier epoch. The jurisdiction is that of the first record for good: in another one nothing is routed, since the
 * shards there know no key that these have claimed. A record that was put back by hand says none, and is given it.
 * Relies on: EPOCH_LEAD_MS is far longer than that minute; clocks agree to within half of it.
 */
import type { Config } from "../config.ts";
import { parseJson } from "../core/base64url.ts";
import { MINUTE_MS } from "../core/limits.ts";
import { assert, type Result } from "../core/result.ts";
import { parseTopology, type Topology } from "../core/routing.ts";
import { adoptTopology, EPOCH_LEAD_MS, encodeTopology } from "../core/topology.ts";
import { logFault } from "../log.ts";
import { PlacementError, placeOf } from "../placement.ts";

export const TOPOLOGY_KEY = "topology/v1.json";
const FRESH_MS = MINUTE_MS;
/** An epoch recorded after a read begins EPOCH_LEAD_MS after it at the earliest; half of that is left to the clocks. */
const STALE_MAX_MS = EPOCH_LEAD_MS / 2;
const WRITE_TRIES = 5;

assert(FRESH_MS * 5 < EPOCH_LEAD_MS, "an epoch is known everywhere before it begins");

type Recorded = { readonly topology: Topology; readonly etag: string; readonly isPlaced: boolean } | null;

/** Reads, adopts and remembers; one per isolate. */
export class TopologyKeeper {
  readonly #bucket: R2Bucket;
  readonly #jurisdiction: Config["jurisdiction"];
  #current: { readonly topology: Topology; readonly readAtMs: number } | null = null;

  constructor(bucket: R2Bucket, jurisdiction: Config["jurisdiction"] = null) {
    this.#bucket = bucket;
    this.#jurisdiction = jurisdiction;
  }

  /**
   * The topology in force at `nowMs`. Rejects when nothing is recorded and nothing valid is configured, and when the
   * record cannot be read and the last reading is too old to rely on.
   */
  async inForce(configured: Result<Topology, string>, nowMs: number): Promise<Topology> {
    const current = this.#current;
    if (current !== null && nowMs - current.readAtMs < FRESH_MS && nowMs >= current.readAtMs) return current.topology;
    try {
      const topology = await this.#adopt(configured, nowMs);
      this.#current = { topology, readAtMs: nowMs };
      return topology;
    } catch (fault) {
      if (current === null || Math.abs(nowMs - current.readAtMs) > STALE_MAX_MS) throw fault;
      logFault("topology_not_read", fault);
      return current.topology;
    }
  }

  async #adopt(configured: Result<Topology, string>, nowMs: number): Promise<Topology> {
    for (let tries = 0; tries < WRITE_TRIES; tries++) {
      const recorded = await this.#read();
      if (!configured.ok) {
        logFault("topology_refused", configured.error);
        if (recorded === null) throw new Error(configured.error);
        return recorded.topology;
      }
      const { topology, isNew, refusals } = adoptTopology(recorded?.topology ?? null, configured.value, nowMs);
      for (const refusal of refusals) logFault("topology_refused", refusal);
      if (!isNew && recorded?.isPlaced !== false) return topology;
      if (await this.#write(topology, recorded)) return topology;
    }
    throw new Error("the topology record keeps changing");
  }

  async #read(): Promise<Recorded> {
    const object = await this.#bucket.get(TOPOLOGY_KEY);
    if (object === null) return null;
    const place = object.customMetadata?.["jurisdiction"];
    if (place !== undefined) this.#assertPlace(place === "" ? null : place);
    const topology = parseTopology(parseJson(await object.text()));
    if (!topology.ok) throw new Error(`the recorded topology is broken: ${topology.error}`);
    return { topology: topology.value, etag: object.etag, isPlaced: place !== undefined };
  }

  /** Throws PlacementError, which is not the end of what waits: queues hold it until the setting is put back. */
  #assertPlace(recorded: string | null): void {
    if (recorded === this.#jurisdiction) return;
    const refused = new PlacementError(
      `JURISDICTION: what is counted is kept in ${placeOf(recorded)}, and not in ${placeOf(this.#jurisdiction)}`,
    );
    logFault("jurisdiction_changed", refused);
    throw refused;
  }

  /** False when somebody else wrote first. */
  async #write(topology: Topology, recorded: Recorded): Promise<boolean> {
    const onlyIf = recorded === null ? { etagDoesNotMatch: "*" } : { etagMatches: recorded.etag };
    const body = JSON.stringify(encodeTopology(topology));
    const stored = await this.#bucket.put(TOPOLOGY_KEY, body, {
      onlyIf,
      httpMetadata: { contentType: "application/json" },
      customMetadata: { jurisdiction: this.#jurisdiction ?? "" },
    });
    return stored !== null;
  }
}

let keeper: { readonly bucket: R2Bucket; readonly keeper: TopologyKeeper } | null = null;

/** The topology in force, by the isolate's keeper. */
export function topologyInForce(
  { ARCHIVE: bucket }: Pick<Env, "ARCHIVE">,
  { topology, jurisdiction }: Pick<Config, "topology" | "jurisdiction">,
): Promise<Topology> {
  if (keeper?.bucket !== bucket) keeper = { bucket, keeper: new TopologyKeeper(bucket, jurisdiction) };
  return keeper.keeper.inForce(topology, Date.now());
}
