/**
 * The manifest of an advertiser's service day: which objects are its evidence, by their hashes, and what they add up
 * to.
 *
 *   evidence/v1/adv=<id>/dt=<day>/manifest-0001.json     RFC 8785, put once; 0002 when the day's clicks have changed
 *   evidence/v1/adv=<id>/dt=<day>/rows-HH-<hash>.parquet, tokens-HH-<hash>.parquet, sums-<hash>.parquet
 *
 * Objects are named by the first sixteen digits of their SHA-256, so that two revisions share what is the same in both
 * and no writer can change what another one's manifest names.
 * Keeps: a manifest names its predecessor's hash; the same evidence has no second manifest.
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import canonicalize from "canonicalize";
import { encodeUtf8, parseJson } from "../core/base64url.ts";
import { NO_COUNTS, plusCounts, SUM_COUNTS, type SumCounts } from "../core/evidence.ts";
import { assert } from "../core/result.ts";

export type EvidencePart = {
  readonly name: string;
  readonly sha256: string;
  readonly rows: number;
};

export type Totals = {
  readonly gross: number;
  readonly valid: number;
  readonly duplicate: number;
  readonly invalid: number;
  readonly late: number;
  /** For information, as conversions are. */
  readonly impressions: number;
  readonly conversions: number;
  /** Decimal digits of an integer. */
  readonly spend_micros: string;
};

export function totalsOf(sums: Iterable<SumCounts>): Totals {
  let total = NO_COUNTS;
  for (const sum of sums) total = plusCounts(total, sum);
  const { spendMicros, ...counts } = total;
  return { ...pick(counts), spend_micros: String(spendMicros) };
}

const pick = (counts: Omit<SumCounts, "spendMicros">) =>
  Object.fromEntries(SUM_COUNTS.map((name) => [name, counts[name]])) as Omit<Totals, "spend_micros">;

export function isSameTotals(left: Totals, right: Totals): boolean {
  return left.spend_micros === right.spend_micros && SUM_COUNTS.every((name) => left[name] === right[name]);
}

/** An object that was accepted as lost, of a log day that this evidence was made from. */
export type NamedLoss = { readonly object: string; readonly reason: string };

export type Manifest = {
  readonly v: 1;
  readonly advertiser_id: string;
  /** UTC */
  readonly day: string;
  readonly revision: number;
  /** SHA-256 of the manifest before, in hexadecimal. */
  readonly previous: string | null;
  readonly parts: readonly EvidencePart[];
  readonly tokens: readonly EvidencePart[];
  readonly sums: EvidencePart;
  readonly totals: Totals;
  /** Every rules object that a row names. */
  readonly rules: readonly string[];
  readonly losses: readonly NamedLoss[];
};

export type Stored<M> = {
  readonly manifest: M;
  readonly sha256: string;
  /** As it is stored and hashed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
};
export type StoredManifest = Stored<Manifest>;

export const EVIDENCE_PREFIX = "evidence/v1/";
export const evidenceFolder = (advertiserId: string, day: string) => `${EVIDENCE_PREFIX}adv=${advertiserId}/dt=${day}/`;

const manifestKey = (folder: string, revision: number) => `${folder}manifest-${String(revision).padStart(4, "0")}.json`;

/** The bytes that are stored and hashed. */
export function canonicalBytes(value: object): Uint8Array<ArrayBuffer> {
  const text = canonicalize(value);
  assert(text !== undefined, "an object has a canonical form");
  return encodeUtf8(text);
}

export async function sha256Hex(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): Promise<string> {
  return bytesToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** Puts Parquet under its hash. */
export async function putPart(
  bucket: R2Bucket,
  folder: string,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  rows: number,
): Promise<EvidencePart> {
  const sha256 = await sha256Hex(bytes);
  const part = { name: `${name}-${sha256.slice(0, 16)}.parquet`, sha256, rows };
  await bucket.put(`${folder}${part.name}`, bytes);
  return part;
}

/** The last manifest of an advertiser's day, or the one of a number; null where there is none. */
export async function readManifest(
  bucket: R2Bucket,
  { advertiserId, day, revision }: { advertiserId: string; day: string; revision?: number },
): Promise<StoredManifest | null> {
  return readManifestIn<Manifest>(bucket, evidenceFolder(advertiserId, day), revision);
}

/** The last manifest in a day's folder, or the one of a number; null where there is none. */
export async function readManifestIn<M>(
  bucket: R2Bucket,
  folder: string,
  revision?: number,
): Promise<Stored<M> | null> {
  let key = revision === undefined ? undefined : manifestKey(folder, revision);
  if (key === undefined) {
    const { objects } = await bucket.list({ prefix: `${folder}manifest-` });
    key = objects.at(-1)?.key;
  }
  const object = key === undefined ? null : await bucket.get(key);
  if (object === null) return null;
  const bytes = new Uint8Array(await object.arrayBuffer());
  return { manifest: parseJson(new TextDecoder().decode(bytes)) as M, sha256: await sha256Hex(bytes), bytes };
}

/** What a day's evidence is, without its place among the revisions. */
export type Evidence = Omit<Manifest, "v" | "revision" | "previous">;

/** Puts the manifest of what the evidence is now, unless the last says the same; resolves to what stands. */
export async function putManifest(bucket: R2Bucket, evidence: Evidence): Promise<StoredManifest> {
  const contentOf = ({ parts, tokens, sums, losses }: Evidence) => ({ parts, tokens, sums, losses });
  return putRevision(bucket, evidenceFolder(evidence.advertiser_id, evidence.day), evidence, contentOf);
}

type Revised<E> = E & Pick<Manifest, "v" | "revision" | "previous">;

/** Puts the next manifest of a day's folder, unless the last has the same content; resolves to what stands. */
export async function putRevision<E extends object>(
  bucket: R2Bucket,
  folder: string,
  evidence: E,
  contentOf: (evidence: E) => object,
): Promise<Stored<Revised<E>>> {
  for (;;) {
    const last = await readManifestIn<Revised<E>>(bucket, folder);
    if (last !== null && canonicalize(contentOf(last.manifest)) === canonicalize(contentOf(evidence))) return last;
    const revision = (last?.manifest.revision ?? 0) + 1;
    const manifest: Revised<E> = { v: 1, ...evidence, revision, previous: last?.sha256 ?? null };
    const bytes = canonicalBytes(manifest);
    const put = await bucket.put(manifestKey(folder, revision), bytes, {
      onlyIf: { etagDoesNotMatch: "*" },
      httpMetadata: { contentType: "application/json" },
    });
    if (put !== null) return { manifest, sha256: await sha256Hex(bytes), bytes };
    // Somebody else was first: perhaps with the same.
  }
}
