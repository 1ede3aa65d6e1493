/**
 * What somebody who has the archive may do to a statement that is issued: each part of it is changed once, the packed
 * verifier is asked, and the part is brought back.
 *
 *   in the archive ─▶ the Worker serves it ─▶ the stranger downloads it anew ─▶ the first thing that differs
 *
 * Keeps: after each forgery every object is what it was.
 */
import type { R2Bucket } from "@cloudflare/workers-types";
import canonicalize from "canonicalize";
import { noteSigner, signNote } from "../../src/core/signed-note.ts";
import { CHECKPOINT_KEY } from "./statements.ts";
import type { Verified } from "./stranger.ts";

export type Forged = Verified & {
  readonly part: string;
  readonly what: string;
};

type Bytes = Uint8Array<ArrayBuffer>;
type Part = { readonly name: string };
type Counted = { readonly day: string; readonly revision: number };
type Statement = {
  readonly totals: { due: string; due_micros: string };
  readonly adjustments_by_ad: Part | null;
  readonly lines_by_ad: readonly Part[];
  readonly corrected: readonly Counted[];
};
type Manifest = { readonly parts: Part[]; readonly tokens: Part[]; readonly sums: Part; totals: { valid: number } };

/** One object, and what it becomes; null takes it away. */
type Change = { readonly part: string; readonly what: string; readonly key: string; readonly to: Edit };
type Edit = (bytes: Bytes) => Bytes | null | Promise<Bytes>;

/** Changes each part of an advertiser's statements once. The second of them corrects the first. */
export async function forgeEach(
  archive: R2Bucket,
  { advertiserId, olderCheckpoint }: { advertiserId: string; olderCheckpoint: Bytes },
  verify: () => Promise<Verified>,
): Promise<Forged[]> {
  const forged: Forged[] = [];
  for (const { part, what, key, to } of await changesOf(archive, advertiserId, olderCheckpoint)) {
    const before = await read(archive, key);
    const after = await to(Uint8Array.from(before));
    if (after === null) await archive.delete(key);
    else await archive.put(key, after);
    forged.push({ part, what, ...(await verify()) });
    await archive.put(key, before);
  }
  return forged;
}

async function changesOf(archive: R2Bucket, advertiserId: string, olderCheckpoint: Bytes): Promise<Change[]> {
  const folder = `statements/v1/adv=${advertiserId}/`;
  const [first, second] = [`${folder}000001.json`, `${folder}000002.json`];
  const { lines_by_ad: linesByAd } = parse<Statement>(await read(archive, first));
  const { adjustments_by_ad: adjustments, corrected } = parse<Statement>(await read(archive, second));
  const day = corrected[0];
  if (day === undefined || adjustments === null) throw new Error(`nothing of ${advertiserId} was corrected`);
  const evidence = `evidence/v1/adv=${advertiserId}/dt=${day.day}/`;
  const manifestKey = `${evidence}manifest-${String(day.revision).padStart(4, "0")}.json`;
  const { parts, tokens, sums } = parse<Manifest>(await read(archive, manifestKey));
  const named = (of: string, part: Part | undefined) => `${of}${part?.name}`;
  const [size = ""] = new TextDecoder()
    .decode(await read(archive, CHECKPOINT_KEY))
    .split("\n")
    .slice(1);
  const leaves = await leavesKey(archive, Number(size));
  return [
    { part: "statement", what: "a cent more is due", key: first, to: aCentMore },
    { part: "statement", what: "taken away", key: second, to: () => null },
    { part: "lines by ad", what: "one bit", key: named(folder, linesByAd[0]), to: aBit },
    { part: "adjustments by ad", what: "one bit", key: named(folder, adjustments), to: aBit },
    { part: "manifest", what: "a valid click more", key: manifestKey, to: aClickMore },
    { part: "rows", what: "one bit", key: named(evidence, parts[0]), to: aBit },
    { part: "rows", what: "cut in half", key: named(evidence, parts[0]), to: (rows) => rows.slice(0, rows.length / 2) },
    { part: "tokens", what: "one bit", key: named(evidence, tokens[0]), to: aBit },
    { part: "sums", what: "one bit", key: named(evidence, sums), to: aBit },
    { part: "tile of leaves", what: "one bit", key: leaves, to: aBit },
    { part: "checkpoint", what: "a leaf less", key: CHECKPOINT_KEY, to: aLeafLess },
    { part: "checkpoint", what: "signed by somebody else", key: CHECKPOINT_KEY, to: signedByAnother },
    { part: "checkpoint", what: "the older one again", key: CHECKPOINT_KEY, to: () => olderCheckpoint },
  ];
}

/** The newest bundle of the log's leaves. */
async function leavesKey(archive: R2Bucket, size: number): Promise<string> {
  const prefix = "evidence-log/v1/tile/entries/";
  const keys = (await archive.list({ prefix })).objects.map(({ key }) => key);
  const newest = keys.find((key) => key.endsWith(`.p/${size % 256}`)) ?? keys.at(-1);
  if (newest === undefined) throw new Error("the evidence log has no leaves");
  return newest;
}

async function read(archive: R2Bucket, key: string): Promise<Bytes> {
  const object = await archive.get(key);
  if (object === null) throw new Error(`${key} is not there`);
  return new Uint8Array(await object.arrayBuffer());
}

const parse = <T>(bytes: Bytes) => JSON.parse(new TextDecoder().decode(bytes)) as T;
const canonical = (value: object) => new TextEncoder().encode(canonicalize(value));

function aBit(bytes: Bytes): Bytes {
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

function aCentMore(bytes: Bytes): Bytes {
  const { totals, ...statement } = parse<Statement>(bytes);
  const micros = BigInt(totals.due_micros) + 10_000n;
  const cents = Math.round(Number(totals.due) * 100) + 1;
  const more = { ...totals, due: (cents / 100).toFixed(2), due_micros: String(micros) };
  return canonical({ ...statement, totals: more });
}

function aClickMore(bytes: Bytes): Bytes {
  const { totals, ...manifest } = parse<Manifest>(bytes);
  return canonical({ ...manifest, totals: { ...totals, valid: totals.valid + 1 } });
}

function aLeafLess(bytes: Bytes): Bytes {
  const [origin, size, ...more] = new TextDecoder().decode(bytes).split("\n");
  return new TextEncoder().encode([origin, String(Number(size) - 1), ...more].join("\n"));
}

/** The same tree under the log's name, by a key of nobody's. */
async function signedByAnother(bytes: Bytes): Promise<Bytes> {
  const note = new TextDecoder().decode(bytes);
  const text = note.slice(0, note.lastIndexOf("\n\n") + 1);
  const signer = await noteSigner(text.split("\n")[0] ?? "", new Uint8Array(32));
  return new TextEncoder().encode(await signNote(text, [signer]));
}
