/**
 * The sequencer: gives leaves that wait their places, and publishes the tree that has them.
 *
 *   waiting leaves ──▶ head, by etag ──▶ entries, tiles ──▶ read back ──▶ signed ──▶ checkpoint, by etag ──▶ places
 *                      (decided)                                                     (published)             (settled)
 *
 * Keeps: a tree is decided by the head's etag, with the leaves that it adds, before a tile of it is written or anything
 * signed: of two sequencers one decides, and whoever finds a decision carries it out, byte for byte the same. What is
 * signed was read back from R2 and has everything in its place that was ever signed before: the checkpoint in R2, which
 * is the authority, and what this sequencer remembers. Killed between any two writes, the next run goes on from there.
 * Relies on: R2 reads what was written, and holds a condition at the instant of writing.
 */
import { encodeCheckpoint, openCheckpoint, type TreeHead } from "../core/checkpoint.ts";
import { consistencyRanges, isConsistent, isSameHash } from "../core/merkle.ts";
import { err, ok, type Result } from "../core/result.ts";
import { type NoteSigner, signNote, type VerifierKey } from "../core/signed-note.ts";
import { hashRanges, rootFromTiles } from "../core/tiles.ts";
import { BATCH_LEAVES, decide, readHead, type StoredHead, writeTiles } from "./grow.ts";
import { keysInForce } from "./keys.ts";
import { CHECKPOINT_KEY, LostTile, readText, replace, type Stored, tileReader } from "./objects.ts";
import { settle, waitingLeaves } from "./settle.ts";

/** Why nothing is signed until somebody has looked. */
export type StopReason =
  /** The log in R2 has another name than the keys. */
  | "origin_other"
  /** None of the configured keys was introduced by those before it. */
  | "key_unknown"
  /** No key of the log signed the checkpoint in R2. */
  | "checkpoint_foreign"
  /** Tiles in R2 do not make the tree that was decided or published. */
  | "tiles_disagree"
  /** R2 is behind what this sequencer has signed. */
  | "log_set_back";

/** What a sequencer has signed last, kept outside R2. */
export type Memory = {
  readonly read: () => Promise<TreeHead | null>;
  readonly write: (head: TreeHead) => Promise<void>;
};

export type SequencerPorts = {
  readonly bucket: R2Bucket;
  readonly origin: string;
  /** As they are configured, the newest first. */
  readonly signers: readonly NoteSigner[];
  readonly memory: Memory;
  readonly nowMs: number;
};

export type Sequenced = {
  readonly size: number;
  /** Leaves that got a place. */
  readonly added: number;
  /** More is to be done: leaves wait, or another sequencer came first. */
  readonly isMore: boolean;
};

type Published = TreeHead & { readonly stored: Stored; readonly signedBy: readonly VerifierKey[] };

/** Finishes what was begun, then gives up to BATCH_LEAVES leaves their places. */
export async function sequence(ports: SequencerPorts): Promise<Result<Sequenced, StopReason>> {
  try {
    return await run(ports);
  } catch (fault) {
    if (fault instanceof LostTile) return err("tiles_disagree");
    throw fault;
  }
}

async function run(ports: SequencerPorts): Promise<Result<Sequenced, StopReason>> {
  const { bucket, origin } = ports;
  const keys = await keysInForce(bucket, ports);
  if (!keys.ok) return keys;
  const published = await readPublished(bucket, { origin, keys: keys.value.known });
  if (!published.ok) return published;
  const found = await reconcile(ports, published.value, await readHead(bucket));
  if (!found.ok) return found;
  const publisher = { ...ports, signing: keys.value.signing };
  if (found.value === null) return grow(publisher, null, null);
  const before = await publish(publisher, found.value, published.value);
  if (!before.ok) return before;
  if (before.value === null) return ok({ size: found.value.size, added: 0, isMore: true });
  if (!(await settle(bucket, found.value.size))) return ok({ size: found.value.size, added: 0, isMore: true });
  return grow(publisher, found.value, before.value);
}

type Publisher = SequencerPorts & { readonly signing: readonly NoteSigner[] };

/** Decides on the next tree, if leaves wait or there is none yet, and publishes it. */
async function grow(
  ports: Publisher,
  head: StoredHead | null,
  published: Published | null,
): Promise<Result<Sequenced, StopReason>> {
  const { bucket } = ports;
  const size = head?.size ?? 0;
  const { leaves, isMore } = await waitingLeaves(bucket, BATCH_LEAVES);
  if (leaves.length === 0 && head !== null) return ok({ size, added: 0, isMore });
  if (head !== null && !(await isWhole(bucket, head))) return err("tiles_disagree");
  const decided = await decide(bucket, head, leaves);
  if (decided === null) return ok({ size, added: 0, isMore: true });
  const done = await publish(ports, decided, published);
  if (!done.ok) return done;
  if (done.value === null) return ok({ size, added: 0, isMore: true });
  const isSettled = await settle(bucket, decided.size);
  return ok({ size: decided.size, added: leaves.length, isMore: isMore || !isSettled });
}

/** The checkpoint in R2, or null where there is none. */
async function readPublished(
  bucket: R2Bucket,
  log: { readonly origin: string; readonly keys: readonly VerifierKey[] },
): Promise<Result<Published | null, StopReason>> {
  const stored = await readText(bucket, CHECKPOINT_KEY);
  if (stored === null) return ok(null);
  const opened = await openCheckpoint(stored.text, log);
  if (!opened.ok) return err(opened.error === "origin_other" ? "origin_other" : "checkpoint_foreign");
  const { size, root, signedBy } = opened.value;
  return ok({ size, root, signedBy, stored });
}

/** The tree to go on from: the one that was decided, or the one that was published where that is ahead. */
async function reconcile(
  { bucket, memory }: SequencerPorts,
  published: Published | null,
  head: StoredHead | null,
): Promise<Result<StoredHead | null, StopReason>> {
  const remembered = await memory.read();
  const size = Math.max(head?.size ?? 0, published?.size ?? 0);
  if (remembered !== null && remembered.size > size) return err("log_set_back");
  if (published === null || (head !== null && head.size > published.size)) return ok(head);
  if (head?.size === published.size) return isSameHash(head.root, published.root) ? ok(head) : err("tiles_disagree");
  if (!(await isWhole(bucket, published))) return err("tiles_disagree");
  return ok({ size: published.size, root: published.root, leaves: [], stored: head?.stored ?? null });
}

/**
 * Publishes a decided tree, unless it is; null where another sequencer came first. After a crash the checkpoint is the
 * old one or the new one, and the tiles of both are there.
 */
async function publish(
  { bucket, origin, memory, signing }: Publisher,
  head: StoredHead,
  published: Published | null,
): Promise<Result<Published | null, StopReason>> {
  const isPublished = published !== null && published.size === head.size;
  const isSigned = isPublished && signing.every(({ key }) => published.signedBy.some(({ id }) => id === key.id));
  if (isSigned && published.signedBy.length === signing.length) return ok(published);
  if (!isPublished && !(await writeTiles(bucket, head))) return err("tiles_disagree");
  if (!(await isWhole(bucket, head))) return err("tiles_disagree");
  const remembered = await memory.read();
  for (const older of [published, remembered]) {
    if (older !== null && !(await isExtended(bucket, older, head))) return err("tiles_disagree");
  }
  await memory.write({ size: head.size, root: head.root });
  const text = await signNote(encodeCheckpoint({ origin, size: head.size, root: head.root }), signing);
  const stored = await replace(bucket, CHECKPOINT_KEY, { was: published?.stored ?? null, text });
  if (stored === null) return ok(null);
  return ok({ size: head.size, root: head.root, stored, signedBy: signing.map(({ key }) => key) });
}

/** Whether the newer tree, as its tiles are, has all of the older one in its place. */
async function isExtended(bucket: R2Bucket, older: TreeHead, newer: TreeHead): Promise<boolean> {
  const isProved = older.size > 0 && older.size < newer.size;
  const ranges = isProved ? consistencyRanges(older.size, newer.size) : [];
  return isConsistent(older, newer, await hashRanges(ranges, newer.size, tileReader(bucket)));
}

/** Whether the tiles in R2 make this tree. */
async function isWhole(bucket: R2Bucket, { size, root }: TreeHead): Promise<boolean> {
  return isSameHash(await rootFromTiles(size, tileReader(bucket)), root);
}
