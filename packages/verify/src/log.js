/**
 * The evidence log: a Merkle tree of leaves (RFC 6962) under a checkpoint that its key signs (C2SP tlog-tiles,
 * tlog-checkpoint, signed-note). It is read whole, 66 bytes a leaf, so that two objects under one name are seen as well.
 *
 *   leaf = HMAC-SHA-256(secret of the advertiser, name) ‖ SHA-256(object)      name = 2026-11-27/1 or statement/000001
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { KEY_LIST } from "./documents.js";
import { parseJson } from "./json.js";
import { must, Unchecked } from "./outcome.js";
import { tell } from "./shape.js";
import { present } from "./store.js";

const PREFIX = "evidence-log/v1/";
const TILE_WIDTH = 256;
const LEAF_BYTES = 64;
const ED25519 = 1;

/** @typedef {{ origin: string, size: number, root: string, note: string, signers: string[] }} Checkpoint */
/** @typedef {{ name: string, id: string, vkey: string, key: import("node:crypto").KeyObject }} LogKey */

/**
 * The key that a text names: `<name>+<8 hex digits>+<base64>`.
 * @param {string} vkey
 * @returns {LogKey}
 */
export function readLogKey(vkey) {
  const [name = "", id = "", material = ""] = vkey.split("+").length >= 3 ? split(vkey) : [];
  const bytes = Buffer.from(material, "base64");
  const hash = createHash("sha256").update(`${name}\n`).update(bytes).digest("hex").slice(0, 8);
  if (
    name === "" ||
    bytes.length !== 33 ||
    bytes[0] !== ED25519 ||
    bytes.toString("base64") !== material ||
    hash !== id
  ) {
    throw new Unchecked(`"${vkey}" is no verifier key of a log: <name>+<8 hexadecimal digits>+<base64>`);
  }
  const x = bytes.subarray(1).toString("base64url");
  return { name, id, vkey, key: createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }) };
}

/** @param {string} vkey */
function keyOrNull(vkey) {
  try {
    return readLogKey(vkey);
  } catch (fault) {
    if (!(fault instanceof Unchecked)) throw fault;
    // What is no key introduces nothing.
    return null;
  }
}

/** The base64 of a key may hold plus signs itself. @param {string} vkey */
function split(vkey) {
  const first = vkey.indexOf("+");
  const second = vkey.indexOf("+", first + 1);
  return [vkey.slice(0, first), vkey.slice(first + 1, second), vkey.slice(second + 1)];
}

/**
 * The text of a note, and which keys signed it; a wrong signature of a known key refuses the whole.
 * @param {string} note
 * @param {readonly LogKey[]} keys
 * @param {string} what
 */
function openNote(note, keys, what) {
  const end = note.lastIndexOf("\n\n");
  must(end !== -1 && note.endsWith("\n"), () => `${what} is no signed note`);
  const text = note.slice(0, end + 1);
  const signers = [];
  for (const line of note.slice(end + 2, -1).split("\n")) {
    const [, name, base64 = ""] = /^— ([^\s+]+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? [];
    must(name !== undefined, () => `${what} has a line that is no signature`);
    const bytes = Buffer.from(base64, "base64");
    const id = bytes.subarray(0, 4).toString("hex");
    const key = keys.find((known) => known.name === name && known.id === id);
    if (key === undefined) continue;
    const isSigned = bytes.toString("base64") === base64 && verify(null, Buffer.from(text), key.key, bytes.subarray(4));
    must(isSigned, () => `${what} has a wrong signature of ${key.vkey}`);
    signers.push(key.vkey);
  }
  return { text, signers };
}

/**
 * @param {string} note
 * @param {readonly LogKey[]} keys
 * @param {string} [what]
 * @returns {Checkpoint}
 */
export function openCheckpoint(note, keys, what = "the log's checkpoint") {
  const { text, signers } = openNote(note, keys, what);
  must(signers.length > 0, () => `${what} is signed by another key than the one that you trust`);
  const [origin = "", size = "", root = "", ...more] = text.split("\n");
  const isSize = /^(0|[1-9]\d{0,15})$/.test(size) && Number.isSafeInteger(Number(size));
  must(isSize, () => `${what} has the size ${tell(size)}, which is none`);
  const bytes = Buffer.from(root, "base64");
  const isRoot = bytes.length === 32 && bytes.toString("base64") === root && more.at(-1) === "";
  must(isRoot, () => `${what} has the root ${tell(root)}, which is none`);
  must(origin === keys[0]?.name, () => `${what} is of the log ${origin}, and your key is of ${keys[0]?.name}`);
  return { origin, size: Number(size), root: bytes.toString("hex"), note, signers };
}

/**
 * Trusted keys, and those that they introduced (the log's list of keys).
 * @param {readonly LogKey[]} trusted
 * @param {Uint8Array | null} list
 * @returns {LogKey[]}
 */
export function followKeys(trusted, list) {
  const keys = [...trusted];
  const { keys: listed } = list === null ? { keys: [] } : parseJson(list, KEYS_KEY, KEY_LIST);
  for (const [at, { vkey, since, statement }] of listed.entries()) {
    if (statement === null || keys.some((key) => key.vkey === vkey)) continue;
    const key = keyOrNull(vkey);
    if (key === null) continue;
    const { text, signers } = openNote(statement, keys, `${KEYS_KEY}: keys[${at}].statement`);
    const isIntroduced = text === `clickledger-log-key v1\n${keys[0]?.name}\n${vkey}\nsince ${since}\n`;
    if (isIntroduced && signers.length > 0 && key.name === keys[0]?.name) keys.push(key);
  }
  return keys;
}

/**
 * Reads the whole log, which must have what it had at each size at which it was seen. Resolves to the hashes of the
 * objects under each name of interest.
 * @param {import("./store.js").Store} store
 * @param {Checkpoint} checkpoint
 * @param {{ seen: readonly (Checkpoint & { when: string })[], wanted: ReadonlyMap<string, string> }} known
 *   `wanted` has the name by the first half of its leaf, in hexadecimal
 */
export async function readLog(store, checkpoint, { seen, wanted }) {
  for (const { size, when } of seen) {
    must(size <= checkpoint.size, () => {
      return `the log has ${checkpoint.size} leaves, and had ${size} when ${when}: it was set back`;
    });
  }
  /** @type {Map<string, string[]>} */
  const found = new Map();
  const tree = new Tree();
  const compareSeen = () => {
    for (const { size, root, when } of seen) {
      if (tree.size !== size) continue;
      must(tree.root() === root, () => `the log is not the one that had ${size} leaves when ${when}: it was rewritten`);
    }
  };
  compareSeen();
  for (let index = 0; tree.size < checkpoint.size; index++) {
    const width = Math.min(TILE_WIDTH, checkpoint.size - tree.size);
    for (const leaf of await readBundle(store, index, width)) {
      tree.push(leaf);
      compareSeen();
      const name = leaf.length === LEAF_BYTES ? wanted.get(leaf.subarray(0, 32).toString("hex")) : undefined;
      if (name !== undefined) found.set(name, [...(found.get(name) ?? []), leaf.subarray(32).toString("hex")]);
    }
  }
  must(tree.root() === checkpoint.root, () => "the log's leaves are not those that its checkpoint signs");
  return found;
}

/**
 * @param {import("./store.js").Store} store
 * @param {number} index
 * @param {number} width
 */
async function readBundle(store, index, width) {
  const key = bundleKey(index, width);
  const bytes = Buffer.from(present(await store.bytes(key), key));
  const leaves = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const end = at + 2 + bytes.readUInt16BE(at);
    leaves.push(bytes.subarray(at + 2, end));
    at = end;
  }
  must(
    at === bytes.length && leaves.length === width,
    () => `${key} has ${leaves.length} leaves, and must have ${width}`,
  );
  return leaves;
}

/**
 * @param {number} index
 * @param {number} width
 */
export function bundleKey(index, width) {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, "0");
  const groups = /** @type {string[]} */ (digits.match(/\d{3}/g));
  const path = groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join("/");
  return `${PREFIX}tile/entries/${path}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

export const CHECKPOINT_KEY = `${PREFIX}checkpoint`;
export const KEYS_KEY = `${PREFIX}keys.json`;

/** The root over leaves that come one by one: what is kept is one hash a level. */
export class Tree {
  size = 0;
  /** Hashes of complete subtrees, by level. @type {(Buffer | null)[]} */
  #levels = [];

  /** @param {Uint8Array} leaf */
  push(leaf) {
    let hash = createHash("sha256").update(Uint8Array.of(0)).update(leaf).digest();
    let level = 0;
    for (; this.#levels[level] != null; level++) {
      hash = node(/** @type {Buffer} */ (this.#levels[level]), hash);
      this.#levels[level] = null;
    }
    this.#levels[level] = hash;
    this.size++;
  }

  /** In hexadecimal. */
  root() {
    /** @type {Buffer | null} */
    let hash = null;
    for (const own of this.#levels) if (own !== null) hash = hash === null ? own : node(own, hash);
    return (hash ?? createHash("sha256").digest()).toString("hex");
  }
}

/**
 * @param {Buffer} left
 * @param {Buffer} right
 */
function node(left, right) {
  return createHash("sha256").update(Uint8Array.of(1)).update(left).update(right).digest();
}
