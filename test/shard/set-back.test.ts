/** Storage, report databases and both of them, set back to an earlier moment: noticed, nothing lost, nothing counted twice. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { NO_FOLDS } from "../../src/facts/folded-log.ts";
import { rebuild } from "../../src/facts/rebuild.ts";
import { anEncodedEvent } from "../support/builders.ts";
import { archivedLines, flushOnce, totalsOf, withShard } from "../support/flush-harness.ts";
import { copyDatabase, copyStorage } from "../support/set-back.ts";
import { wipeFacts } from "../support/wipe-facts.ts";

const shardNamed = (name: string) => env.EVENT_SHARD.getByName(name);

const IAT = Math.floor(Date.now() / 1_000) - 10;

/** What the Worker logged as faults. */
const faults: string[] = [];

beforeEach(() => {
  faults.length = 0;
  vi.spyOn(console, "error").mockImplementation((line: string) => void faults.push(line));
});

/** Encoded clicks of just now on impressions of their own; again is another click on each. */
function clicks(ad: string, from: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) =>
    anEncodedEvent({ receivedAtMs: Date.now() }, { jti: `${ad}_${from + at}`, ad, iat: IAT, exp: IAT + 7_200 }),
  );
}

/** Posts and archives all of a shard's log, as its alarm does within a minute. */
async function settle(shard: string): Promise<void> {
  await shardNamed(shard).sweep();
  await withShard(shard, (harness) => flushOnce(harness, { archiveIntervalMs: 0, postIntervalMs: 0 }, Date.now()));
}

const ledgerOf = async (shard: string) =>
  (
    await env.REPORT_DB.prepare("SELECT source, seq FROM ledger WHERE source LIKE ?1 ORDER BY source")
      .bind(`${shard}/%`)
      .all()
  ).results;

describe("[attack 1] storage that was set back", () => {
  it("is noticed before anything is decided: what came after it is counted once, and so is what it forgot", async () => {
    const shard = "restored";
    const first = clicks("ad_restored", 0, 20);
    const forgotten = clicks("ad_restored", 20, 30);
    await shardNamed(shard).ingest(first);
    const putBack = await copyStorage(shardNamed(shard));
    await shardNamed(shard).ingest(forgotten);
    await settle(shard);
    await putBack();
    // The queue delivers some again, people click twice, and 25 are new.
    const again = [...forgotten.slice(0, 10), ...clicks("ad_restored", 25, 10)];
    expect(await shardNamed(shard).ingest([...again, ...clicks("ad_restored", 50, 25)])).toBe(35);
    await settle(shard);
    expect(await totalsOf("ad_restored")).toMatchObject({ gross: 85, valid: 75, duplicate: 10 });
    const lines = await archivedLines(shard);
    expect(new Set(lines.map((line) => (JSON.parse(line) as { event: { id: string } }).event.id)).size).toBe(85);
    expect(lines).toHaveLength(85);
    expect(await ledgerOf(shard)).toHaveLength(2);
    expect(faults.join()).toContain("storage_set_back");
  });

  it("is noticed again when it is set back again, to before the first time", async () => {
    const shard = "restored-twice";
    await shardNamed(shard).ingest(clicks("ad_twice", 0, 5));
    const putBack = await copyStorage(shardNamed(shard));
    for (let round = 1; round <= 3; round++) {
      await shardNamed(shard).ingest(clicks("ad_twice", 5 * round, 5));
      await settle(shard);
      await putBack();
    }
    expect(await shardNamed(shard).ingest(clicks("ad_twice", 0, 20))).toBe(20);
    await settle(shard);
    expect(await totalsOf("ad_twice")).toMatchObject({ gross: 40, valid: 20, duplicate: 20 });
    expect(await archivedLines(shard)).toHaveLength(40);
  });

  it("dates nothing before what the life before has said, whose clock was ahead: its claims come first", async () => {
    const shard = "restored-clock";
    const ad = "ad_restored_clock";
    const putBack = await copyStorage(shardNamed(shard));
    const aheadMs = Date.now() + 3_600_000;
    const archive = () =>
      withShard(shard, (harness) => flushOnce(harness, { archiveIntervalMs: 0, postIntervalMs: 0 }, aheadMs + 1));
    await withShard(shard, async (harness) => harness.take(clicks(ad, 0, 1), aheadMs));
    await archive();
    await putBack();
    await shardNamed(shard).ingest(clicks(ad, 0, 1));
    await archive();
    const said = (await archivedLines(shard)).map(
      (line) => JSON.parse(line) as { verdict: string; logged_at_ms: number },
    );
    expect(said.map(({ verdict }) => verdict).sort()).toEqual(["duplicate", "valid"]);
    expect(said.map(({ verdict, logged_at_ms: atMs }) => [verdict, atMs - aheadMs]).sort()).toEqual([
      ["duplicate", 1],
      ["valid", 0],
    ]);
  });

  it("is mended again from the base of its life where it still holds rows from before it", async () => {
    const shard = "restored-behind-base";
    const ingest = (from: number) => shardNamed(shard).ingest(clicks("ad_behind_base", from, 5));
    await ingest(0);
    const beforeItWasArchived = await copyStorage(shardNamed(shard));
    await settle(shard);
    await ingest(5);
    await settle(shard);
    await beforeItWasArchived();
    // A life begins behind the first row, which the log still holds.
    await ingest(10);
    const inTheNewLife = await copyStorage(shardNamed(shard));
    await ingest(15);
    await settle(shard);
    await inTheNewLife();
    expect(await ingest(20)).toBe(5);
    await settle(shard);
    expect(await totalsOf("ad_behind_base")).toMatchObject({ gross: 25, valid: 25, duplicate: 0 });
    expect(await archivedLines(shard)).toHaveLength(25);
  });

  it("that is lost altogether knows its keys again", async () => {
    const shard = "lost-storage";
    const putBack = await copyStorage(shardNamed(shard));
    await shardNamed(shard).ingest(clicks("ad_lost_storage", 0, 12));
    await settle(shard);
    await putBack();
    expect(await shardNamed(shard).ingest(clicks("ad_lost_storage", 0, 12))).toBe(12);
    await settle(shard);
    expect(await totalsOf("ad_lost_storage")).toMatchObject({ gross: 24, valid: 12, duplicate: 12 });
  });

  it("counts what comes after it also where rows had been posted that never reached the archive", async () => {
    const shard = "unarchived-tail";
    await shardNamed(shard).ingest(clicks("ad_tail", 0, 4));
    await settle(shard);
    const putBack = await copyStorage(shardNamed(shard));
    // Three rows of ten, posted and not archived.
    for (let row = 0; row < 3; row++) {
      await shardNamed(shard).ingest(clicks("ad_tail", 10 + 10 * row, 10));
      await shardNamed(shard).sweep();
    }
    await putBack();
    // As many rows again, so that the numbers alone look right.
    for (let row = 0; row < 5; row++) await shardNamed(shard).ingest(clicks("ad_tail", 100 + row, 1));
    // The first finds the ledger ahead, the second mends the storage.
    for (let sweep = 0; sweep < 3; sweep++) await shardNamed(shard).sweep();
    await settle(shard);
    expect(await totalsOf("ad_tail")).toMatchObject({ gross: 39, valid: 39 });
    // What was lost is named; what came after it is archived.
    expect(await archivedLines(shard)).toHaveLength(9);
    expect(faults.join()).toContain("storage_set_back");
  });

  it("archives nothing under its old life when a ledger is of another log, though a segment is due", async () => {
    const shard = "unarchived-tail-due";
    await shardNamed(shard).ingest(clicks("ad_tail_due", 0, 4));
    await settle(shard);
    const putBack = await copyStorage(shardNamed(shard));
    await shardNamed(shard).ingest(clicks("ad_tail_due", 10, 10));
    await shardNamed(shard).sweep();
    await putBack();
    await shardNamed(shard).ingest(clicks("ad_tail_due", 100, 3));
    const due = withShard(shard, (harness) =>
      flushOnce(harness, { archiveIntervalMs: 0, postIntervalMs: 0 }, Date.now()),
    );
    await expect(due).rejects.toThrow("which is not in this log");
    expect(await archivedLines(shard)).toHaveLength(4);
    for (let sweep = 0; sweep < 3; sweep++) await shardNamed(shard).sweep();
    await settle(shard);
    expect(await totalsOf("ad_tail_due")).toMatchObject({ gross: 17, valid: 17 });
    expect(await archivedLines(shard)).toHaveLength(7);
  });
});

describe("[attack 1] a report database that was set back", () => {
  it("gets what it has forgotten from the archive, and the rest from the log", async () => {
    const shard = "database-restored";
    await shardNamed(shard).ingest(clicks("ad_db", 0, 20));
    await shardNamed(shard).sweep();
    const putBack = await copyDatabase(env.REPORT_DB);
    await shardNamed(shard).ingest(clicks("ad_db", 20, 30));
    await settle(shard);
    await shardNamed(shard).ingest(clicks("ad_db", 50, 5));
    await shardNamed(shard).sweep();
    await putBack();
    expect(await totalsOf("ad_db")).toMatchObject({ gross: 20 });
    await shardNamed(shard).ingest(clicks("ad_db", 55, 25));
    await shardNamed(shard).sweep();
    expect(await totalsOf("ad_db")).toMatchObject({ gross: 80, valid: 80 });
    expect(faults.join()).toContain("report_database_behind");
  });

  it("says how far it is behind until it has caught up", async () => {
    const shard = "behind";
    await shardNamed(shard).ingest(clicks("ad_behind", 0, 3));
    const putBack = await copyDatabase(env.REPORT_DB);
    await settle(shard);
    expect((await shardNamed(shard).status()).oldestUnseenReceivedAtMs).toBeNull();
    await putBack();
    await shardNamed(shard).sweep();
    expect((await shardNamed(shard).status()).oldestUnseenReceivedAtMs).toBeNull();
    expect(await totalsOf("ad_behind")).toMatchObject({ gross: 3 });
  });

  it("together with the storage, whichever is older", async () => {
    for (const [name, storageFirst] of [
      ["both-a", true],
      ["both-b", false],
    ] as const) {
      const ad = `ad_${name}`;
      await shardNamed(name).ingest(clicks(ad, 0, 10));
      await settle(name);
      let storage = await copyStorage(shardNamed(name));
      if (storageFirst) await shardNamed(name).ingest(clicks(ad, 10, 10));
      const database = await copyDatabase(env.REPORT_DB);
      if (!storageFirst) {
        await shardNamed(name).ingest(clicks(ad, 10, 10));
        await settle(name);
        storage = await copyStorage(shardNamed(name));
      }
      await shardNamed(name).ingest(clicks(ad, 20, 10));
      await settle(name);
      await storage();
      await database();
      expect(await shardNamed(name).ingest(clicks(ad, 0, 40))).toBe(40);
      await settle(name);
      expect(await totalsOf(ad)).toMatchObject({ gross: 70, valid: 40, duplicate: 30 });
    }
  });

  it("that is empty is rebuilt from the archive, exactly, beside a shard that goes on", async () => {
    const shard = "rebuilt";
    await shardNamed(shard).ingest(clicks("ad_rebuilt", 0, 40));
    await settle(shard);
    await shardNamed(shard).ingest(clicks("ad_rebuilt", 30, 20));
    await settle(shard);
    await evictDurableObject(shardNamed(shard));
    await wipeFacts(env.REPORT_DB);
    const ports = {
      ...{ database: env.REPORT_DB, name: "REPORT_DB", bucket: env.ARCHIVE, clock: () => Date.now() },
      ...{ folded: NO_FOLDS, linesFrom: "" },
      assign: async (ids: readonly string[]) => new Map(ids.map((id) => [id, "REPORT_DB"])),
    };
    const run = () => rebuild(ports, { after: "", untilMs: Date.now() + 60_000 });
    const going = shardNamed(shard)
      .ingest(clicks("ad_rebuilt", 100, 7))
      .then(() => shardNamed(shard).sweep());
    const rebuilt = await run();
    await going;
    await run();
    await shardNamed(shard).sweep();
    expect(rebuilt.next).toBeNull();
    expect(await totalsOf("ad_rebuilt")).toMatchObject({ gross: 67, valid: 57, duplicate: 10 });
    expect(await run()).toMatchObject({ events: 0, next: null });
  });
});
