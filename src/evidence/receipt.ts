/**
 * A receipt: that a line was logged, as anybody can check who has the key of the evidence log.
 *
 *   line, nonce ─▶ path in its segment ─▶ path in its log hour ─▶ manifest of the hour ─▶ tlog-proof, checkpoint
 *
 * Keeps: what is answered was checked here first. One form for all who may see the click (core/hour-tree.ts). Memory: a
 * segment and its hashes.
 */

import { concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import { openSegment } from "../archive/segments.ts";
import { hourName, linesOf, nonceSecretOf, type SegmentLines } from "../audit/hour-lines.ts";
import { hexOf } from "../audit/objects.ts";
import { encodeUtf8 } from "../core/base64url.ts";
import { erasedMark } from "../core/erased-line.ts";
import { type HourSegment, lineNonces, NONCE_BYTES, pathOf, segmentLeaf, shownLine } from "../core/hour-tree.ts";
import { HASH_BYTES, hashLeaf, isIncluded } from "../core/merkle.ts";
import { assert, err, ok, type Result } from "../core/result.ts";
import { splitHashes } from "../core/tiles.ts";
import { isoDay } from "../core/time.ts";
import { locateLeaf, proofOf } from "../tlog/log.ts";
import { areHoursMade, type HourManifest, hourLeaf, hoursOf, type StoredHour, segmentsOf } from "./hours.ts";

export type Receipt = {
  readonly v: 1;
  /** The line as it was logged, without what nobody outside is shown. */
  readonly line: string;
  /** Hexadecimal, as are all hashes. */
  readonly nonce: string;
  readonly line_index: number;
  readonly line_path: readonly string[];
  readonly segment: HourSegment;
  readonly segment_index: number;
  readonly segment_path: readonly string[];
  readonly manifest: HourManifest;
  /** C2SP tlog-proof of the leaf that stands for the manifest. */
  readonly proof: string;
};

/** The whole text of a line, and where it was logged. */
export type LineAt = {
  readonly text: string;
  readonly shard: string;
  readonly seq: number;
  readonly loggedAtMs: number;
};

/** Why there is no receipt: the hour has no tree yet, or no leaf; its lines are gone; it was never part of the tree. */
export type NoReceipt = "not_made" | "not_sequenced" | "gone" | "not_in_hour";

/** The receipt of a line. Throws where what was stored does not prove it. */
export async function receiptOf(bucket: R2Bucket, line: LineAt): Promise<Result<Receipt, NoReceipt>> {
  const { shard, seq, loggedAtMs } = line;
  if (!(await areHoursMade(bucket, isoDay(loggedAtMs)))) return err("not_made");
  let refusal: NoReceipt = "not_in_hour";
  for (const hour of await hoursOf(bucket, hourName(loggedAtMs), shard)) {
    const { first_row: first, last_row: last } = hour.manifest;
    if (seq < first || seq > last) continue;
    const receipt = await receiptIn(bucket, hour, line);
    if (receipt.ok || receipt.error !== "not_in_hour") return receipt;
    refusal = receipt.error;
  }
  return err(refusal);
}

async function receiptIn(bucket: R2Bucket, hour: StoredHour, line: LineAt): Promise<Result<Receipt, NoReceipt>> {
  const { manifest } = hour;
  const segments = await segmentsOf(bucket, manifest);
  if (segments === null) return err("gone");
  const segmentIndex = segments.findIndex((segment) => line.seq >= segment.first_row && line.seq <= segment.last_row);
  const segment = segments[segmentIndex];
  if (segment === undefined) return err("not_in_hour");
  const rows = await openSegment(bucket, segment.raw);
  if (rows === null) return err("gone");
  const lineIndex = linesOf(rows).indexOf(line.text);
  if (lineIndex === -1) return err("not_in_hour");
  if (erasedMark(line.text) !== null) return err("gone");
  const hashes = await hashesOf(bucket, segment);
  if (hashes === null) return err("gone");
  const leaf = hourLeaf(hour);
  const place = await locateLeaf(bucket, hashLeaf(leaf));
  if (place === null) return err("not_sequenced");
  const { source, lines, first_row: firstRow } = segment;
  const nonces = await lineNonces(await nonceSecretOf(bucket), { source, firstRow, lines });
  const nonce = nonces.slice(lineIndex * NONCE_BYTES, (lineIndex + 1) * NONCE_BYTES);
  const shown = shownLine(line.text);
  const [linePath, leaves] = [pathOf(hashes, lineIndex), segments.map(segmentLeaf)];
  const segmentPath = pathOf(leaves, segmentIndex);
  const hash = hashLeaf(concatBytes(nonce, encodeUtf8(shown)));
  const isProven =
    isIncluded({ hash, index: lineIndex }, { size: lines, root: hexToBytes(segment.root) }, linePath) &&
    isIncluded(
      { hash: segmentLeaf(segment), index: segmentIndex },
      { size: manifest.segments, root: hexToBytes(manifest.root) },
      segmentPath,
    );
  assert(isProven, `the hashes of ${segment.raw} are those of its lines`);
  return ok({
    ...{ v: 1, line: shown, nonce: hexOf(nonce), line_index: lineIndex, line_path: linePath.map(hexOf) },
    segment: { first_row: segment.first_row, last_row: segment.last_row, lines, root: segment.root },
    ...{ segment_index: segmentIndex, segment_path: segmentPath.map(hexOf), manifest },
    proof: await proofOf(bucket, place),
  });
}

/** The hashes of a segment's lines; null where they went with the lines of their day. */
async function hashesOf(bucket: R2Bucket, { hashes, at, lines }: SegmentLines) {
  const object = await bucket.get(hashes, { range: { offset: at, length: lines * HASH_BYTES } });
  return object === null ? null : splitHashes(new Uint8Array(await object.arrayBuffer()));
}
