/** Draining a spool that is longer than one run, while a shard is down. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { parseJson } from "../../src/core/base64url.ts";
import { WIRE_CODEC } from "../../src/core/message.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { drainSpool, SPOOL_PREFIX, spoolEvents } from "../../src/queue/spool.ts";
import { type ShardNamespace, shardNameOf } from "../../src/shard/stub.ts";
import { aClick, anEpoch, NOON_MS } from "../support/builders.ts";
import { MemoryR2 } from "../support/memory-r2.ts";
import { testSeal } from "../support/tokens.ts";

/** What one run looks at. */
const TURN = 200;
const TOPOLOGY = [anEpoch(0, 2)];
const DOWN = "clicks-0";
const UP = "clicks-1";
/** Objects that touch the shard that is down: more than two runs of them. */
const STUCK = 2 * TURN + 10;
/** Objects behind them that do not. */
const LATER = 20;

/** Shards that keep what they are handed; those that are down take nothing. */
class Shards {
  readonly down = new Set<string>();
  readonly taken = new Map<string, string[]>();
  calls = 0;

  readonly namespace = {
    getByName: (name: string) => ({
      ingest: async (events: string[]) => {
        this.calls++;
        if (this.down.has(name)) throw new Error("shard is down");
        this.taken.set(name, [...(this.taken.get(name) ?? []), ...events]);
        return events.length;
      },
    }),
  } as unknown as ShardNamespace;
}

/** A click of the shard, received so many seconds after noon. */
function clickOf(shard: string, second: number) {
  for (let n = 0; n < 64; n++) {
    // Clicks of one ad are of one shard.
    const event = aClick({ receivedAtMs: NOON_MS + second * 1_000 }, { ad: `ad_${n}`, jti: `${shard}_${second}` });
    const text = encodeTokenEvent(event);
    const opened = WIRE_CODEC.open(parseJson(text));
    if (opened.ok && shardNameOf(opened.value, TOPOLOGY) === shard) return { id: event.id, text };
  }
  throw new Error(`no click is of ${shard}`);
}

/** The ids of what a shard was handed, as often as it was. */
const idsIn = ({ taken }: Shards, name: string) =>
  (taken.get(name) ?? []).map((text) => (JSON.parse(text) as { id: string }).id);

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => {});
});

describe("a spool that is longer than a run, while a shard is down", () => {
  async function anOutage() {
    const memory = new MemoryR2();
    const shards = new Shards();
    shards.down.add(DOWN);
    /** Ids by the shard of their clicks; the later ones are of the shard that is up. */
    const ids = { [DOWN]: [] as string[], [UP]: [] as string[] };
    for (let second = 0; second < STUCK + LATER; second++) {
      const up = clickOf(UP, second);
      const texts = [up.text];
      ids[UP].push(up.id);
      if (second < STUCK) {
        const down = clickOf(DOWN, second);
        texts.push(down.text);
        ids[DOWN].push(down.id);
      }
      await spoolEvents(memory.bucket, up.id, texts);
    }
    const ports = { shards: shards.namespace, archive: memory.bucket, topology: TOPOLOGY, seal: testSeal };
    return { memory, shards, ids, ports };
  }

  it("has its turn to the last object, in runs of bounded length", async () => {
    const { memory, shards, ids, ports } = await anOutage();
    const drained: number[] = [];
    for (let run = 0; run < 3; run++) {
      shards.calls = 0;
      drained.push(await drainSpool(ports));
      expect(shards.calls).toBeLessThanOrEqual(2 * TURN);
    }
    expect(drained).toEqual([0, 0, LATER]);
    expect(memory.keys(SPOOL_PREFIX)).toHaveLength(STUCK);
    expect(new Set(idsIn(shards, UP))).toEqual(new Set(ids[UP]));
    expect(idsIn(shards, DOWN)).toEqual([]);
  });

  it("begins again behind its end: nothing is lost, and what a shard has is not carried to it again", async () => {
    const { memory, shards, ids, ports } = await anOutage();
    for (let run = 0; run < 4; run++) await drainSpool(ports);
    shards.down.clear();
    for (let run = 0; run < 4; run++) await drainSpool(ports);
    expect(memory.keys("")).toEqual([]);
    expect(idsIn(shards, DOWN).sort()).toEqual(ids[DOWN].sort());
    expect(new Set(idsIn(shards, UP))).toEqual(new Set(ids[UP]));
  });

  it("remembers no place where all is looked at in one run", async () => {
    const memory = new MemoryR2();
    const shards = new Shards();
    shards.down.add(DOWN);
    const click = clickOf(DOWN, 0);
    await spoolEvents(memory.bucket, click.id, [click.text]);
    await drainSpool({ shards: shards.namespace, archive: memory.bucket, topology: TOPOLOGY, seal: testSeal });
    expect(memory.keys("")).toEqual([`${SPOOL_PREFIX}${click.id}-1.ndjson`]);
  });
});
