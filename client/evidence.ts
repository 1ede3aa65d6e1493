/**
 * Following the evidence log, so that whoever changes it afterwards is found out: what was seen of it is kept, and what
 * does not go on from there is refused.
 *
 *   const log = await followLog("https://ads.example", { key: "ads.example/evidence+…+…", store: fileStore("log.json") });
 *
 *   log's keys ─▶ checkpoint, signed by a key that follows from the one kept ─▶ has all that was seen, in its place ─▶ kept
 *
 * Keeps: pure but for the store and `fetch`; Workers, Node and browsers alike. A store holds the newest key that signed
 * something seen, and no older one is trusted again. What is refused leaves the store as it was. Reads a tile for each
 * bit of the sizes, whatever the log holds. Nothing here is code of the service.
 * Sources: C2SP signed-note, tlog-checkpoint, tlog-tiles; RFC 6962 §2.1.
 */

/** What was seen of a log last. */
export type SeenLog = {
  readonly v: 1;
  readonly origin: string;
  /** The newest key that signed what was seen. */
  readonly key: string;
  readonly size: number;
  /** The signed note. */
  readonly checkpoint: string;
  /** The complete subtrees of the tree, from left to right: the level of each, and its hash in hexadecimal. */
  readonly frontier: readonly Subtree[];
};
export type Subtree = readonly [level: number, hash: string];

/** Where what was seen is kept; durable when `write` resolves. Null for a log that was never seen. */
export interface SeenStore {
  read(origin: string): Promise<SeenLog | null>;
  write(seen: SeenLog): Promise<void>;
}

export const REFUSALS = {
  key_malformed: "The key is no verifier key: <name>+<8 hexadecimal digits>+<base64>.",
  key_other: "Another key of this log was trusted, and it did not introduce this one.",
  note_malformed: "The checkpoint is no signed note.",
  signature_missing: "No key that follows from the trusted one signed the checkpoint.",
  signature_wrong: "The checkpoint has a wrong signature of a trusted key.",
  origin_other: "The checkpoint is of another log than the key.",
  set_back: "The log has fewer leaves than it had: it was set back.",
  forked: "The log does not have in its place what it had: it was rewritten, or this is another branch of it.",
  tiles_wrong: "The tiles of the log are not those of its checkpoint.",
  unavailable: "The log does not answer.",
} as const;
export type RefusalReason = keyof typeof REFUSALS;

/** The log is not believed, or cannot be read (`unavailable`). */
export class EvidenceRefused extends Error {
  override readonly name = "EvidenceRefused";
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, detail = "") {
    super(detail === "" ? REFUSALS[reason] : `${REFUSALS[reason]} ${detail}`);
    this.reason = reason;
  }
}

export type FollowOptions = {
  /** The key of the log, from the operator by another way than the service. */
  readonly key: string;
  readonly store: SeenStore;
  /** Takes the place of `fetch`. */
  readonly fetch?: (request: Request) => Promise<Response>;
};

export type Followed = SeenLog & { readonly isFirstLook: boolean };

type Bytes = Uint8Array<ArrayBuffer>;
type Key = { readonly vkey: string; readonly name: string; readonly id: string; readonly key: CryptoKey };
type Note = { readonly text: string; readonly signers: readonly string[] };
type Checkpoint = { readonly size: number; readonly root: string; readonly note: string; readonly key: string };

const PATH = "/evidence/";
const TILE_WIDTH = 256;
const TILE_LEVELS = 8;
const HASH_BYTES = 32;

/** Looks at the log as it is now. Rejects with EvidenceRefused where it does not go on from what was seen. */
export async function followLog(
  url: string,
  { key: given, store, fetch: ask = fetch }: FollowOptions,
): Promise<Followed> {
  const pinned = await readKey(given);
  if (pinned === null) throw new EvidenceRefused("key_malformed");
  const read = reader(url, ask);
  const seen = await store.read(pinned.name);
  const keys = await keysInForce(seen, pinned, await read("keys"));
  const checkpoint = await openCheckpoint(new TextDecoder().decode(await read("checkpoint")), keys);
  const { size, root, note, key } = checkpoint;
  if (seen !== null && size < seen.size) throw new EvidenceRefused("set_back", `It has ${size}, and had ${seen.size}.`);
  const frontier = await grown(seen?.frontier ?? [], { from: seen?.size ?? 0, to: size }, read);
  if ((await rootOf(frontier.map(([, hash]) => toBytes(hash)))) !== root) {
    throw new EvidenceRefused(seen === null ? "tiles_wrong" : "forked");
  }
  const now: SeenLog = { v: 1, origin: pinned.name, key, size, checkpoint: note, frontier };
  await store.write(now);
  return { ...now, isFirstLook: seen === null };
}

/** The trusted key, then those that it introduced, and so on. */
async function keysInForce(seen: SeenLog | null, pinned: Key, list: Bytes): Promise<Key[]> {
  const kept = seen === null ? pinned : await readKey(seen.key);
  if (kept === null) throw new EvidenceRefused("key_malformed", "It is the one that was kept.");
  const keys = await followed(kept, list);
  const isKnown = keys.some(({ vkey }) => vkey === pinned.vkey);
  if (isKnown) return keys;
  // Who still gives the first key, and has seen a later one, is right as well.
  const older = await followed(pinned, list);
  if (older.some(({ vkey }) => vkey === kept.vkey)) return keys;
  throw new EvidenceRefused("key_other");
}

async function followed(first: Key, list: Bytes): Promise<Key[]> {
  const keys = [first];
  for (const { vkey, since, statement } of listedIn(list)) {
    const key = typeof vkey === "string" ? await readKey(vkey) : null;
    const isNew = key !== null && key.name === first.name && keys.every((known) => known.vkey !== key.vkey);
    if (!isNew || typeof statement !== "string") continue;
    const note = await openNote(statement, keys).catch(() => null);
    const text = `clickledger-log-key v1\n${first.name}\n${key.vkey}\nsince ${String(since)}\n`;
    if (note !== null && note.signers.length > 0 && note.text === text) keys.push(key);
  }
  return keys;
}

type Listed = { readonly vkey?: unknown; readonly since?: unknown; readonly statement?: unknown };

function listedIn(list: Bytes): Listed[] {
  try {
    const { keys } = JSON.parse(new TextDecoder().decode(list)) as { keys?: unknown };
    return Array.isArray(keys) ? (keys as Listed[]).filter((one) => Object(one) === one) : [];
  } catch {
    // A list that is none introduces nobody.
    return [];
  }
}

async function readKey(vkey: string): Promise<Key | null> {
  const [, name = "", id = "", base64 = ""] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(vkey) ?? [];
  const bytes = fromBase64(base64);
  // The first byte says Ed25519.
  if (name === "" || bytes?.length !== HASH_BYTES + 1 || bytes[0] !== 1) return null;
  const hash = await sha256(new TextEncoder().encode(`${name}\n`), bytes);
  if (toHex(hash).slice(0, 8) !== id) return null;
  const key = await crypto.subtle.importKey("raw", bytes.slice(1), "Ed25519", false, ["verify"]);
  return { vkey, name, id, key };
}

/** The text of a note, and which of the keys signed it. */
async function openNote(note: string, keys: readonly Key[]): Promise<Note> {
  const end = note.lastIndexOf("\n\n");
  if (end === -1 || !note.endsWith("\n")) throw new EvidenceRefused("note_malformed");
  const text = note.slice(0, end + 1);
  const signers: string[] = [];
  for (const line of note.slice(end + 2, -1).split("\n")) {
    const [, name, base64 = ""] = /^— ([^\s+]+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? [];
    const bytes = fromBase64(base64);
    if (name === undefined || bytes === null) throw new EvidenceRefused("note_malformed");
    const id = toHex(bytes.slice(0, 4));
    const signer = keys.find((key) => key.name === name && key.id === id);
    if (signer === undefined) continue;
    const isSigned = await crypto.subtle.verify("Ed25519", signer.key, bytes.slice(4), new TextEncoder().encode(text));
    if (!isSigned) throw new EvidenceRefused("signature_wrong");
    signers.push(signer.vkey);
  }
  return { text, signers };
}

async function openCheckpoint(note: string, keys: readonly Key[]): Promise<Checkpoint> {
  const { text, signers } = await openNote(note, keys);
  const signer = keys.findLast(({ vkey }) => signers.includes(vkey));
  if (signer === undefined) throw new EvidenceRefused("signature_missing");
  const [origin, sizeText = "", rootText = "", ...more] = text.split("\n");
  const [size, root] = [/^(0|[1-9]\d{0,15})$/.test(sizeText) ? Number(sizeText) : Number.NaN, fromBase64(rootText)];
  const isForm = Number.isSafeInteger(size) && root?.length === HASH_BYTES && more.at(-1) === "";
  if (!isForm) throw new EvidenceRefused("note_malformed");
  if (origin !== signer.name) throw new EvidenceRefused("origin_other");
  return { size, root: toHex(root), note, key: signer.vkey };
}

type Read = (path: string) => Promise<Bytes>;

function reader(url: string, ask: (request: Request) => Promise<Response>): Read {
  return async (path) => {
    const asked = new URL(`${url.replace(/\/$/, "")}${PATH}${path}`);
    const response = await ask(new Request(asked)).catch((cause: unknown) => {
      throw new EvidenceRefused("unavailable", String(cause));
    });
    if (!response.ok) throw new EvidenceRefused("unavailable", `${asked} answered ${response.status}.`);
    return new Uint8Array(await response.arrayBuffer());
  };
}

/** The complete subtrees of the tree of `to` leaves, from those of its first `from`, and the log's tiles. */
async function grown(
  frontier: readonly Subtree[],
  { from, to }: { readonly from: number; readonly to: number },
  read: Read,
): Promise<Subtree[]> {
  const subtrees: Subtree[] = [...frontier];
  for (let at = from; at < to; ) {
    let [level, leaves] = [0, 1];
    while (at % (leaves * 2) === 0 && at + leaves * 2 <= to) [level, leaves] = [level + 1, leaves * 2];
    let hash = await subtreeHash({ level, index: at / leaves }, to, read);
    at += leaves;
    for (let last = subtrees.at(-1); last !== undefined && last[0] === level; last = subtrees.at(-1)) {
      hash = await nodeHash(toBytes(last[1]), hash);
      level++;
      subtrees.pop();
    }
    subtrees.push([level, toHex(hash)]);
  }
  return subtrees;
}

async function subtreeHash(
  { level, index }: { level: number; index: number },
  size: number,
  read: Read,
): Promise<Bytes> {
  const tileLevel = Math.floor(level / TILE_LEVELS);
  const count = 2 ** (level % TILE_LEVELS);
  const tile = Math.floor((index * count) / TILE_WIDTH);
  const width = Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** tileLevel) - tile * TILE_WIDTH);
  const bytes = await read(tilePath(tileLevel, tile, width));
  if (bytes.length !== width * HASH_BYTES) throw new EvidenceRefused("tiles_wrong");
  const first = (index * count) % TILE_WIDTH;
  let hashes = Array.from({ length: count }, (_, at) =>
    bytes.slice((first + at) * HASH_BYTES, (first + at + 1) * HASH_BYTES),
  );
  while (hashes.length > 1) {
    const pairs = hashes.length / 2;
    const [below] = [hashes];
    hashes = await Promise.all(
      Array.from({ length: pairs }, (_, at) => nodeHash(below[2 * at] as Bytes, below[2 * at + 1] as Bytes)),
    );
  }
  return hashes[0] as Bytes;
}

function tilePath(level: number, index: number, width: number): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, "0");
  const groups = digits.match(/\d{3}/g) ?? [];
  const path = groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join("/");
  return `tile/${level}/${path}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

/** In hexadecimal. */
async function rootOf(hashes: readonly Bytes[]): Promise<string> {
  let root: Bytes | null = null;
  for (const hash of hashes.toReversed()) root = root === null ? hash : await nodeHash(hash, root);
  return toHex(root ?? (await sha256()));
}

const nodeHash = (left: Bytes, right: Bytes) => sha256(Uint8Array.of(1), left, right);

async function sha256(...parts: readonly Uint8Array[]): Promise<Bytes> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

const toHex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const toBytes = (hex: string): Bytes => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** The bytes of the one base64 spelling that they have, or null. */
function fromBase64(text: string): Bytes | null {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return btoa(String.fromCharCode(...bytes)) === text ? bytes : null;
  } catch {
    // atob throws on what is no base64, and on nothing else.
    return null;
  }
}
