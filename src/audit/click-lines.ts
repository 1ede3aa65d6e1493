/**
 * The lines that decide on clicks, as an audit leaves them for the evidence: by service day, advertisers' bucket and
 * hour, so that whoever makes evidence reads what belongs together and nothing else.
 *
 *   clicks/v1/dt=<service day>/bucket=BB/hour=HH/<log day>/NNNN/<shard>-<part>.ndjson.gz
 *
 * Keeps: a function of the archive; every line of a click is under the same day, bucket and hour.
 */
import { parseJson } from "../core/base64url.ts";
import type { EvidenceLine } from "../core/evidence.ts";
import { MINUTE_MS } from "../core/limits.ts";
import { advertiserBucketOf } from "../core/routing.ts";
import { isoDay } from "../core/time.ts";

export const CLICK_LINES_PREFIX = "clicks/v1/";

export const clickLinesPrefix = (serviceDay: string, bucket: number) =>
  `${CLICK_LINES_PREFIX}dt=${serviceDay}/bucket=${String(bucket).padStart(2, "0")}/`;

/** Lines of one step, by the folder that they belong into. */
export class ClickLines {
  readonly #byFolder = new Map<string, string[]>();

  add(line: EvidenceLine): void {
    const at = new Date(line.minute * MINUTE_MS);
    const hour = String(at.getUTCHours()).padStart(2, "0");
    const folder = `${clickLinesPrefix(isoDay(at.getTime()), advertiserBucketOf(line.advertiserId))}hour=${hour}/`;
    const lines = this.#byFolder.get(folder) ?? [];
    this.#byFolder.set(folder, lines);
    lines.push(JSON.stringify(line));
  }

  /** Writes each folder's lines as one object, under a name of this log day, attempt and part. */
  async put(bucket: R2Bucket, name: string): Promise<void> {
    for (const [folder, lines] of this.#byFolder) {
      const zipped = new Response(lines.join("\n")).body?.pipeThrough(new CompressionStream("gzip"));
      await bucket.put(`${folder}${name}.ndjson.gz`, await new Response(zipped).arrayBuffer());
    }
  }
}

export async function readClickLines(bucket: R2Bucket, key: string): Promise<EvidenceLine[]> {
  const object = await bucket.get(key);
  if (object === null) throw new Error(`the lines ${key} are gone`);
  const text = await new Response(object.body.pipeThrough(new DecompressionStream("gzip"))).text();
  return text.split("\n").map((line) => parseJson(line) as EvidenceLine);
}
