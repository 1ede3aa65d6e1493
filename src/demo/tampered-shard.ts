/**
 * The event shard of `npm run demo`, whose storage somebody can change behind its back, so that an audit has something
 * to find: a line that says what was not decided, a claim that is forgotten.
 *
 * Keeps: no HTTP address leads here, and neither a deployment nor `npm start` has it.
 */
import { openArrivals } from "../shard/ingest.ts";
import { LOG_TABLES, updateLogTable } from "../shard/log-tables.ts";
import { HistoricEventShard } from "./history/event-shard.ts";

/** Of the newest row. */
const SAY_OTHERWISE = `SET lines = replace(lines, ?1, ?2), chars = length(replace(lines, ?1, ?2))
WHERE seq = (SELECT max(seq) FROM log)`;

export class TamperedEventShard extends HistoricEventShard {
  /** Counts an event, and changes what its line says of it before anybody has carried it. */
  async countAs(encoded: string, from: string, to: string): Promise<void> {
    await this.ingest([encoded]);
    for (const table of LOG_TABLES) this.ctx.storage.sql.exec(updateLogTable(table, SAY_OTHERWISE), from, to);
  }

  /** Forgets that an event has claimed its impression. */
  async forgetClaim(encoded: string): Promise<void> {
    for (const { prepared } of openArrivals([encoded])) {
      const { key, keyHour: hour, opened } = prepared;
      this.index.transaction(() => this.index.release([{ hour, key, event: opened.event.id }]));
    }
  }
}
