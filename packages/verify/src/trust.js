/**
 * Which key of the log is trusted: the one given, or the one that was kept; and what was kept of the log under it.
 */
import { followKeys, openCheckpoint, readLogKey } from "./log.js";
import { must, Unchecked } from "./outcome.js";

/**
 * @param {Record<string, import("./keep.js").Kept>} kept
 * @param {string | null} given
 */
export function trustedKey(kept, given) {
  const origins = Object.keys(kept);
  const only = origins.length === 1 ? kept[/** @type {string} */ (origins[0])] : undefined;
  const vkey = given ?? only?.key;
  if (vkey === undefined) {
    throw new Unchecked("nothing says which key signs the log: give --log-key, as you got it from the operator");
  }
  return vkey;
}

/**
 * What was kept of a log, if anything was.
 * @param {Record<string, import("./keep.js").Kept>} kept
 * @param {string} origin
 */
export const keptOf = (kept, origin) => (Object.hasOwn(kept, origin) ? kept[origin] : undefined);

/**
 * The checkpoint that was kept; refuses a key that the one trusted then neither introduced nor came from.
 * @param {import("./keep.js").Kept} last
 * @param {import("./log.js").LogKey} pinned
 * @param {Uint8Array | null} list
 */
export function openKept(last, pinned, list) {
  const keys = followKeys([readLogKey(last.key)], list);
  const has = (/** @type {import("./log.js").LogKey[]} */ some, /** @type {string} */ vkey) =>
    some.some((key) => key.vkey === vkey);
  must(has(keys, pinned.vkey) || has(followKeys([pinned], list), last.key), () => {
    return `you trusted the key ${last.key} of this log, and it did not introduce ${pinned.vkey}`;
  });
  return openCheckpoint(last.checkpoint, [...keys, pinned], "the checkpoint that you kept");
}
