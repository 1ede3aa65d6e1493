/**
 * Checkpoints and proofs of a log: what its tree is at a size, signed (C2SP tlog-checkpoint), and that a leaf is in it
 * (C2SP tlog-proof).
 *
 *   <origin>                        c2sp.org/tlog-proof@v1
 *   <size>                          index <index>
 *   <root, base64>                  <hash, base64>          from the leaf's sibling to the root's child
 *
 *   — <key name> <signature>        <the checkpoint>
 *
 * Keeps: one size, index and root has one spelling. What a log writes has no extension lines; what is read may.
 */
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { HASH_BYTES, type Hash, isIncluded } from "./merkle.ts";
import { assert, err, ok, type Result } from "./result.ts";
import { type NoteRefusal, openNote, type VerifierKey } from "./signed-note.ts";

/** A tree at a size. */
export type TreeHead = { readonly size: number; readonly root: Hash };
export type Checkpoint = TreeHead & { readonly origin: string };
export type OpenedCheckpoint = Checkpoint & { readonly signedBy: readonly VerifierKey[] };
/** Why a checkpoint is not believed. */
export type CheckpointRefusal = NoteRefusal | "checkpoint_malformed" | "origin_other";

export type LogProof = {
  readonly index: number;
  readonly hashes: readonly Hash[];
  /** The signed note. */
  readonly checkpoint: string;
};
/** Why a proof is not believed. */
export type ProofRefusal = CheckpointRefusal | "proof_malformed" | "proof_wrong";

const PROOF_MARK = "c2sp.org/tlog-proof@v1";

/** The text that is signed. */
export function encodeCheckpoint({ origin, size, root }: Checkpoint): string {
  assert(origin !== "" && !origin.includes("\n"), "an origin is one line");
  return `${origin}\n${size}\n${encodeBase64(root)}\n`;
}

/** The checkpoint that a note's text is, or null. */
export function decodeCheckpoint(text: string): Checkpoint | null {
  const [origin = "", sizeText = "", rootText = "", ...more] = text.split("\n");
  const size = parseDecimal(sizeText);
  const root = decodeBase64(rootText);
  // The last line ends as well, so that nothing is behind it; extension lines are not empty.
  if (more.at(-1) !== "" || more.slice(0, -1).includes("")) return null;
  return origin === "" || size === null || root?.length !== HASH_BYTES ? null : { origin, size, root };
}

/** What a note says, of which nothing is verified; null where that is no checkpoint. */
export function claimedCheckpoint(note: string): Checkpoint | null {
  return decodeCheckpoint(note.slice(0, note.lastIndexOf("\n\n") + 1));
}

/** The checkpoint of `origin` that a note is, and which of `keys` signed it. */
export async function openCheckpoint(
  note: string,
  { origin, keys }: { readonly origin: string; readonly keys: readonly VerifierKey[] },
): Promise<Result<OpenedCheckpoint, CheckpointRefusal>> {
  const opened = await openNote(note, keys);
  if (!opened.ok) return opened;
  const checkpoint = decodeCheckpoint(opened.value.text);
  if (checkpoint === null) return err("checkpoint_malformed");
  if (checkpoint.origin !== origin) return err("origin_other");
  return ok({ ...checkpoint, signedBy: opened.value.signedBy });
}

export function encodeProof({ index, hashes, checkpoint }: LogProof): string {
  return `${[PROOF_MARK, `index ${index}`, ...hashes.map(encodeBase64)].join("\n")}\n\n${checkpoint}`;
}

/** The proof, or null; its extra line, which nothing authenticates, is passed over. */
export function decodeProof(text: string): LogProof | null {
  const end = text.indexOf("\n\n");
  const [mark, ...lines] = text.slice(0, Math.max(0, end)).split("\n");
  const extra = /^extra (\S*)$/.exec(lines[0] ?? "")?.[1];
  if (mark !== PROOF_MARK || (extra !== undefined && decodeBase64(extra) === null)) return null;
  const [indexLine = "", ...hashLines] = extra === undefined ? lines : lines.slice(1);
  const index = indexLine.startsWith("index ") ? parseDecimal(indexLine.slice("index ".length)) : null;
  const hashes = hashLines.flatMap((line) => {
    const hash = decodeBase64(line);
    return hash?.length === HASH_BYTES ? [hash] : [];
  });
  if (index === null || hashes.length !== hashLines.length) return null;
  return { index, hashes, checkpoint: text.slice(end + 2) };
}

/** Where in which tree the leaf is, as the proof shows. */
export async function checkProof(
  text: string,
  {
    leafHash,
    ...log
  }: { readonly leafHash: Uint8Array; readonly origin: string; readonly keys: readonly VerifierKey[] },
): Promise<Result<{ readonly index: number; readonly checkpoint: OpenedCheckpoint }, ProofRefusal>> {
  const proof = decodeProof(text);
  if (proof === null) return err("proof_malformed");
  const checkpoint = await openCheckpoint(proof.checkpoint, log);
  if (!checkpoint.ok) return checkpoint;
  const { index, hashes } = proof;
  if (!isIncluded({ hash: leafHash, index }, checkpoint.value, hashes)) return err("proof_wrong");
  return ok({ index, checkpoint: checkpoint.value });
}

/** A number of 0 to 2^53 - 1 without leading zeroes, or null. */
function parseDecimal(text: string): number | null {
  const value = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : null;
}
