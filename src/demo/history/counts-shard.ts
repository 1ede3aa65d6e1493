/**
 * The counts shard of a local run: the deployed one, which can also live through the demonstration's past: its uploads,
 * as they were sent then.
 */

import { digestOfLines } from "../../core/position.ts";
import { countsShardName } from "../../core/routing.ts";
import { CountsShard } from "../../shard/counts-shard.ts";
import { submissionHashOf } from "../../shard/submission-routing.ts";
import { submitCounts, type Upload } from "../../shard/submit-counts.ts";
import { COUNTS_OBJECT } from "./objects.ts";
import { type HistorySpan, plannedUploads } from "./plan.ts";
import { liveThroughPlan } from "./submissions-life.ts";
import { encodeUpload } from "./wire.ts";

export class HistoricCountsShard extends CountsShard {
  /** Lives through the uploads of the history, all of which meet in one object; idempotent. */
  async liveThrough(span: HistorySpan): Promise<void> {
    const { ctx, env } = this;
    const object = { ctx, env, endMs: span.endMs, carry: () => this.archiveNow(), status: () => this.status() };
    await liveThroughPlan(object, {
      plan: () => this.#uploads(span),
      submit: ({ nowMs, upload }, ports) => void submitCounts(upload, ports, nowMs),
    });
  }

  async #uploads(span: HistorySpan): Promise<{ readonly nowMs: number; readonly upload: Upload }[]> {
    const hash = await submissionHashOf(this.env.ARCHIVE);
    const uploads: { nowMs: number; upload: Upload }[] = [];
    for (const planned of plannedUploads(span)) {
      const key = await keyWhere(planned.batchId, (name) => countsShardName(hash(name)) === COUNTS_OBJECT);
      const upload = { key, content: planned.batchId, encodedRows: encodeUpload(planned) };
      uploads.push({ nowMs: planned.receivedAtMs, upload });
    }
    return uploads;
  }
}

/** A batch's key, as its sender's name and its own would make one. */
async function keyWhere(batchId: string, isWanted: (key: string) => boolean): Promise<string> {
  for (let number = 1; ; number++) {
    const key = (await digestOfLines(`demonstration ${number} ${batchId}`)).slice(0, 32);
    if (isWanted(key)) return key;
  }
}
