/**
 * Verifies a receipt: that the line in it was logged, by hashes alone, and without a network.
 *
 *   leaf = SHA-256(0x00 ‖ nonce ‖ line) ─▶ root of its segment ─▶ root of its log hour ─▶ manifest ─▶ the evidence log
 *
 * Each step up is a path of RFC 6962; a segment is the leaf of its canonical JSON, and a manifest is the leaf
 * SHA-256("hour/<source>/<hour>/<revision>") ‖ SHA-256(manifest).
 */
import { createHash } from "node:crypto";
import { LINE, RECEIPT, TOLD_CLAIMS } from "./documents.js";
import { canonical, parseJson, sha256Hex } from "./json.js";
import { CHECKPOINT_KEY, followKeys, KEYS_KEY, openCheckpoint, readLog, readLogKey } from "./log.js";
import { must, Unchecked } from "./outcome.js";
import { fits } from "./shape.js";
import { present } from "./store.js";
import { decodeSegment } from "./token.js";
import { keptOf, openKept, trustedKey } from "./trust.js";

const HOUR_MS = 3_600_000;
const PROOF_MARK = "c2sp.org/tlog-proof@v1";

/**
 * @typedef {{ text: string, logKey: string | null, keep: import("./keep.js").Keep,
 *   store: import("./store.js").Store | null }} AskedReceipt  `store` is the log as it is now; null without a network
 * @typedef {{ receipt: any, line: any, claims: any, checkpoint: import("./log.js").Checkpoint, isFirstLook: boolean,
 *   isCompared: boolean }} ReceiptReport
 */

/**
 * Rejects with Differs or Unchecked.
 * @param {AskedReceipt} asked
 * @returns {Promise<ReceiptReport>}
 */
export async function verifyReceipt({ text, logKey, keep, store }) {
  const receipt = parseJson(text, "the receipt", RECEIPT);
  const { segment, manifest } = receipt;
  const leaf = sha256(Buffer.of(0), Buffer.from(receipt.nonce, "hex"), Buffer.from(receipt.line, "utf8"));
  const linePlace = { index: receipt.line_index, size: segment.lines, path: receipt.line_path };
  const segmentRoot = climb(leaf, linePlace, { index: "line_index", path: "line_path", of: "its segment" });
  must(segmentRoot === segment.root, () => {
    return "line, nonce, line_index and line_path do not lead to the root of the segment: one of them is another one";
  });
  const segmentPlace = { index: receipt.segment_index, size: manifest.segments, path: receipt.segment_path };
  const segmentNames = { index: "segment_index", path: "segment_path", of: "its hour" };
  const hourRoot = climb(leafHash(Buffer.from(canonical(segment))), segmentPlace, segmentNames);
  must(hourRoot === manifest.root, () => {
    return "segment, segment_index and segment_path do not lead to the root of the manifest: one of them is another one";
  });
  const line = checkPlace(receipt);
  const kept = await keep.read();
  const vkey = trustedKey(kept, logKey);
  const pinned = readLogKey(vkey);
  const list = store === null ? null : await store.bytes(KEYS_KEY);
  const proof = readProof(receipt.proof);
  const checkpoint = openCheckpoint(proof.checkpoint, followKeys([pinned], list), "the receipt's checkpoint");
  const logLeaf = Buffer.concat([sha256(leafName(manifest)), Buffer.from(sha256Hex(canonical(manifest)), "hex")]);
  const logPlace = { index: proof.index, size: checkpoint.size, path: proof.hashes };
  const logNames = { index: "the index of proof", path: "proof", of: "the log" };
  must(climb(leafHash(logLeaf), logPlace, logNames) === checkpoint.root, () => {
    return "proof does not lead from the manifest to the checkpoint: the log has another leaf at that place";
  });
  const last = keptOf(kept, checkpoint.origin);
  const lastSeen = last === undefined ? null : openKept(last, pinned, list);
  if (store === null) compare(checkpoint, lastSeen);
  const now = store === null ? checkpoint : await compareInLog(store, { checkpoint, lastSeen, pinned, list, receipt });
  const isCompared = store !== null || lastSeen?.size === checkpoint.size;
  if (lastSeen === null || store !== null) {
    await keep.write(checkpoint.origin, { key: last?.key ?? vkey, checkpoint: now.note });
  }
  return { receipt, line, claims: claimsOf(line), checkpoint, isFirstLook: lastSeen === null, isCompared };
}

/** @param {Record<string, any>} receipt */
function checkPlace({ line: text, segment, manifest }) {
  const line = parseJson(text, "the receipt's line", LINE);
  must(line.seq >= segment.first_row && line.seq <= segment.last_row, () => {
    return `the line is of row ${line.seq}, and its segment has rows ${segment.first_row} to ${segment.last_row}`;
  });
  const hour = new Date(Math.floor(line.logged_at_ms / HOUR_MS) * HOUR_MS).toISOString().slice(0, 13);
  must(
    hour === manifest.hour,
    () => `the line was logged in the hour ${hour}, and the manifest is of ${manifest.hour}`,
  );
  return line;
}

/** @param {string} text */
function readProof(text) {
  const end = text.indexOf("\n\n");
  const [mark, indexLine = "", ...lines] = text.slice(0, Math.max(0, end)).split("\n");
  const digits = /^index (0|[1-9]\d{0,15})$/.exec(indexLine)?.[1];
  const isForm = mark === PROOF_MARK && digits !== undefined && Number.isSafeInteger(Number(digits));
  must(isForm, () => "proof is no C2SP tlog-proof");
  const hashes = lines.map((line) => Buffer.from(line, "base64"));
  const isWhole = hashes.every((hash, at) => hash.length === 32 && hash.toString("base64") === lines[at]);
  must(isWhole, () => "proof has a hash that is none");
  return { index: Number(digits), hashes: hashes.map((hash) => hash.toString("hex")), checkpoint: text.slice(end + 2) };
}

/**
 * What is known without a network: a checkpoint of another size than the one seen last cannot be compared with it.
 * @param {import("./log.js").Checkpoint} checkpoint
 * @param {import("./log.js").Checkpoint | null} lastSeen
 */
function compare(checkpoint, lastSeen) {
  if (lastSeen === null) return;
  if (checkpoint.size < lastSeen.size) {
    throw new Unchecked(
      `the receipt's checkpoint has ${checkpoint.size} leaves, and you have seen ${lastSeen.size}: it is older than ` +
        "what you keep. Give --url to have both compared in the log, or take the receipt again",
    );
  }
  must(checkpoint.size !== lastSeen.size || checkpoint.root === lastSeen.root, () => {
    return `the receipt's checkpoint is of another log than the one that you saw with ${lastSeen.size} leaves: it was forked`;
  });
}

/**
 * Reads the log as it is now: it has what the receipt's checkpoint and the one seen last have, and one manifest.
 * @param {import("./store.js").Store} store
 * @param {{ checkpoint: import("./log.js").Checkpoint, lastSeen: import("./log.js").Checkpoint | null,
 *   pinned: import("./log.js").LogKey, list: Uint8Array | null, receipt: any }} known
 */
async function compareInLog(store, { checkpoint, lastSeen, pinned, list, receipt: { manifest } }) {
  const note = Buffer.from(present(await store.bytes(CHECKPOINT_KEY), CHECKPOINT_KEY)).toString("utf8");
  const now = openCheckpoint(note, followKeys([pinned], list));
  const name = leafName(manifest);
  const seen = [
    { ...checkpoint, when: "the receipt was made" },
    ...(lastSeen === null ? [] : [{ ...lastSeen, when: "you looked last" }]),
  ];
  const found = await readLog(store, now, { seen, wanted: new Map([[sha256(name).toString("hex"), name]]) });
  const hashes = new Set(found.get(name));
  must(hashes.size === 1, () => `the log has ${hashes.size} manifests under the name ${name}`);
  return now;
}

/** @param {any} manifest */
const leafName = ({ source, hour, revision }) => `hour/${source}/${hour}/${revision}`;

/**
 * The root to which a path leads from a leaf (RFC 6962 §2.1.1), in hexadecimal.
 * @param {Buffer} leaf
 * @param {{ index: number, size: number, path: readonly string[] }} place
 * @param {{ index: string, path: string, of: string }} names
 */
function climb(leaf, { index, size, path }, names) {
  must(index < size, () => `${names.index} is ${index}, and ${names.of} has ${size}`);
  /** Whether the sibling is on the left, from the root's child to the leaf. @type {boolean[]} */
  const lefts = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    let half = 1;
    while (half * 2 < to - from) half *= 2;
    const isRight = index >= from + half;
    lefts.push(isRight);
    if (isRight) from += half;
    else to = from + half;
  }
  must(
    lefts.length === path.length,
    () => `${names.path} has ${path.length} hashes, and ${index} of ${size} takes ${lefts.length}`,
  );
  let hash = leaf;
  for (const [at, isLeft] of lefts.reverse().entries()) {
    const beside = Buffer.from(/** @type {string} */ (path[at]), "hex");
    hash = isLeft ? sha256(Buffer.of(1), beside, hash) : sha256(Buffer.of(1), hash, beside);
  }
  return hash.toString("hex");
}

/** @param {Uint8Array} bytes */
const leafHash = (bytes) => sha256(Buffer.of(0), bytes);

/** @param {...(Uint8Array | string)} parts */
function sha256(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** What the line's token says, or null; neither its form nor its signature is vouched for. @param {any} line */
function claimsOf(line) {
  const claims = decodeSegment(line.event.token?.split(".")[1]);
  return fits(claims, TOLD_CLAIMS) ? claims : null;
}

/**
 * What a receipt showed, in words, and what no receipt can show.
 * @param {ReceiptReport} report
 * @param {string} keepPath
 */
export function explainReceipt({ receipt, line, claims, checkpoint, isFirstLook, isCompared }, keepPath) {
  const { verdict, reason, event, logged_at_ms: loggedAtMs } = line;
  const what = line.revision == null && line.review == null ? "was logged" : "was decided again";
  const said = reason === null ? verdict : `${verdict} (${reason})`;
  const price =
    claims === null ? [] : [`Its token says ${claims.cpc} micros, advertiser ${claims.adv}, publisher ${claims.pub}.`];
  return [
    `VERIFIED: click ${event.id} ${what} at ${new Date(loggedAtMs).toISOString()} as ${said}.`,
    "Checked:",
    `  - The line is number ${receipt.line_index + 1} of its segment and in the tree of ${receipt.manifest.source}, ${receipt.manifest.hour}.`,
    `  - The evidence log of ${checkpoint.origin} has that tree, in a checkpoint of ${checkpoint.size} leaves that your key signed.`,
    ...price.map((text) => `  - ${text}`),
    isFirstLook
      ? `  - This is the first look at the log. From now on ${keepPath} shows whether it is changed: keep it.`
      : isCompared
        ? "  - The log has everything in its place that it had when you looked last."
        : "  - The checkpoint is newer than what you saw last.",
    "Not shown:",
    ...(isCompared || isFirstLook
      ? []
      : ["  - That the log went on from what you saw last: give --url to have that checked."]),
    "  - What became of the click later: each later decision is a line with a receipt of its own (?decision=1).",
    "  - That a person clicked, and who signed its token.",
    "",
  ].join("\n");
}
