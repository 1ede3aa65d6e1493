/** What a shard says that it has spent, against what its storage says that it has written. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { aClick } from "../support/builders.ts";
import { aToken } from "../support/tokens.ts";

it("counts calls, rows as its storage bills them, and alarms; another session begins at nothing", async () => {
  const shard = env.EVENT_SHARD.getByName("clicks-spent");
  const before = (await shard.measure()).spent;
  const written: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  await runInDurableObject(shard, (_, { storage: { sql } }) => {
    const exec = sql.exec.bind(sql) as SqlStorage["exec"];
    sql.exec = ((...given: Parameters<SqlStorage["exec"]>) => {
      const cursor = exec(...given);
      written.push(cursor);
      return cursor;
    }) as SqlStorage["exec"];
  });
  const events = await Promise.all(
    Array.from({ length: 3 }, async () => encodeTokenEvent(aClick({ token: await aToken() }))),
  );
  await shard.ingest(events);
  const after = (await shard.measure()).spent;
  const rows = await runInDurableObject(shard, () => written.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0));
  expect(rows).toBeGreaterThan(0);
  const more = (unit: "objectRequests" | "objectRowsWritten") => (after[unit] ?? 0) - (before[unit] ?? 0);
  // With the alarm that the first event sets.
  expect(more("objectRowsWritten")).toBe(rows + 1);
  expect(more("objectRequests")).toBe(2);
});
