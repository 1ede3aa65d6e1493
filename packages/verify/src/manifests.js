/**
 * Manifests: which objects are the evidence of a tenant's UTC day, revision by revision, each naming the hash of
 * the one before.
 */
import { manifestShape } from "./documents.js";
import { parseCanonical } from "./json.js";
import { must } from "./outcome.js";
import { idOf, manifestKey, memberOf } from "./owner.js";
import { present } from "./store.js";

/**
 * @typedef {{ name: string, sha256: string, rows: number }} Part
 * @typedef {Record<typeof import("./sums.js").COUNTS[number], number> & { spend_micros: string }} Totals
 * @typedef {{ v: 1, advertiser_id?: string, publisher_id?: string, day: string, revision: number, previous: string | null, parts: Part[],
 *   tokens: Part[], sums: Part, totals: Totals, rules: string[], losses: { object: string, reason: string }[] }}
 *   Manifest  a publisher's has sums and losses alone
 * @typedef {{ manifest: Manifest, sha256: string }} Stored
 */

const NAME =
  /^(rows|tokens|sums|earned|lines|adjustments)(-\d{2}(\.\d{3})?|-\d{4}-\d{2}-\d{2})?-([0-9a-f]{16})\.parquet$/;

/**
 * Whether a part is named as its hash says: nothing else is ever opened by a name out of evidence.
 * @param {Part} part
 * @param {string} kind
 * @param {string} where
 */
export function checkPart(part, kind, where) {
  const [, named, , , digits = ""] = NAME.exec(part.name) ?? [];
  const isPart = named === kind && part.sha256.startsWith(digits);
  must(isPart, () => `${where} names ${JSON.stringify(part)}, which is no ${kind} by its hash`);
}

/** All manifests that a statement rests on, each read once. */
export class Manifests {
  #store;
  #owner;
  #shape;
  /** @type {Map<string, Promise<Stored[]>>} */
  #days = new Map();
  /** @type {Map<string, string>} */
  #names = new Map();

  /**
   * @param {import("./store.js").Store} store
   * @param {import("./owner.js").Owner} owner
   */
  constructor(store, owner) {
    this.#store = store;
    this.#owner = owner;
    this.#shape = manifestShape(owner);
  }

  /** The names in the log of those that were read, with their hashes. */
  get names() {
    return this.#names;
  }

  /**
   * A revision, once all before it were found to lead to it.
   * @param {string} day
   * @param {number} revision
   */
  async read(day, revision) {
    const known = this.#days.get(`${day}/${revision}`) ?? this.#chain(day, revision);
    this.#days.set(`${day}/${revision}`, known);
    return /** @type {Stored} */ ((await known).at(-1));
  }

  /**
   * @param {string} day
   * @param {number} revision
   */
  async #chain(day, revision) {
    /** @type {Stored[]} */
    const chain = [];
    for (let at = 1; at <= revision; at++) {
      const key = manifestKey(this.#owner, day, at);
      const { value, sha256 } = parseCanonical(present(await this.#store.bytes(key), key), key, this.#shape);
      const manifest = /** @type {Manifest} */ (value);
      const isEarned = "publisherId" in this.#owner;
      const id = manifest[memberOf(this.#owner)];
      must(id === idOf(this.#owner) && manifest.day === day, () => `${key} is of ${id} on ${manifest.day}`);
      must(manifest.revision === at, () => `${key} says that it is revision ${manifest.revision}`);
      const before = chain.at(-1)?.sha256 ?? null;
      must(manifest.previous === before, () => `${key} follows ${manifest.previous}, and the one before is ${before}`);
      if (isEarned) checkPart(manifest.sums, "earned", key);
      else checkParts(manifest, key);
      this.#names.set(`${day}/${at}`, sha256);
      chain.push({ manifest, sha256 });
    }
    return chain;
  }
}

/**
 * @param {Manifest} manifest
 * @param {string} key
 */
function checkParts({ parts, tokens, sums }, key) {
  for (const part of parts) checkPart(part, "rows", key);
  for (const part of tokens) checkPart(part, "tokens", key);
  checkPart(sums, "sums", key);
  const places = parts.map(({ name }) => placeOf(name));
  must(
    places.every((place, at) => at === 0 || place > /** @type {string} */ (places[at - 1])),
    () => {
      return `${key} names its rows out of order, or twice`;
    },
  );
  const isPaired = tokens.length === parts.length && tokens.every(({ name }, at) => placeOf(name) === places[at]);
  must(isPaired, () => `${key} names tokens of other hours than its rows`);
}

/**
 * The hour, and the part of it, that a name says: `07` or `07.001`.
 * @param {string} name
 */
export function placeOf(name) {
  return /** @type {string[]} */ (name.split("-"))[1] ?? "";
}
