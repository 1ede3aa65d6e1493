/**
 * Verifies a statement: its chain, its evidence, the log, and every figure computed again.
 *
 *   statements ─▶ manifests ─▶ evidence log ─▶ rows, tokens, sums ─▶ lines, adjustments, credits ─▶ what is due
 *                                             of a publisher: sums
 */
import { createHmac } from "node:crypto";
import { checkDay } from "./day.js";
import { statementShape } from "./documents.js";
import { parseCanonical } from "./json.js";
import { CHECKPOINT_KEY, followKeys, KEYS_KEY, openCheckpoint, readLog, readLogKey } from "./log.js";
import { Manifests } from "./manifests.js";
import { must, Unchecked } from "./outcome.js";
import { idOf, memberOf, statementKey, statementName } from "./owner.js";
import { Spill } from "./spill.js";
import { checkStatement, countedBy, saidBy } from "./statement.js";
import { present } from "./store.js";
import { checkEarned } from "./sums.js";
import { keptOf, openKept, trustedKey } from "./trust.js";
import { DAY_MS, utcDays } from "./zone.js";

/** The log takes leaves every hour. */
const LOGGED_AFTER_MS = 2 * 3_600_000;
/** A statement of just now is from the future to a clock that is slow. */
const CLOCK_BEHIND_MAX_MS = 3_600_000;
/** Where a token was erased, its impression may have been shown so long before. */
const LIFE_MS = DAY_MS;
/** Longer than any token lives. */
const LIFE_MAX_MS = 32 * DAY_MS;

/**
 * @typedef {{ store: import("./store.js").Store, owner: import("./owner.js").Owner, number: number, logKey: string | null,
 *   secret: Uint8Array, tokenKeys: import("./token.js").TokenKeys, keep: import("./keep.js").Keep, nowMs: number,
 *   adsAtOnce?: number }} Asked
 * @typedef {{ statement: any, owner: import("./owner.js").Owner, seen: import("./day.js").Seen, days: number,
 *   earlier: number, unread: string[], uncounted: import("./sums.js").Earned,
 *   checkpoint: import("./log.js").Checkpoint, isFirstLook: boolean, newer: string[], isFollowed: boolean }} Report
 */

/**
 * Rejects with Differs or Unchecked.
 * @param {Asked} asked
 * @returns {Promise<Report>}
 */
export async function verifyStatement(asked) {
  const { store, owner, number } = asked;
  const chain = await readStatements(asked);
  const statement = chain.at(-1)?.value;
  const before = chain.slice(0, -1).map(({ value }) => value);
  const manifests = new Manifests(store, owner);
  const said = saidBy(before);
  const current = countedBy(statement);
  /** @type {Map<string, { day: string, revision: number, isCurrent: boolean }>} */
  const days = new Map();
  for (const [day, { revision, sha256 }] of current) {
    const stored = await manifests.read(day, revision);
    must(
      stored.sha256 === sha256,
      () => `statement ${number} counts ${day} by manifest ${sha256}, which is ${stored.sha256}`,
    );
    days.set(`${day}/${revision}`, { day, revision, isCurrent: true });
  }
  for (const { statement: of, day } of statement.corrected) {
    const past = said.get(`${of} ${day}`);
    if (past === undefined) continue;
    const stored = await manifests.read(day, past.revision);
    must(
      stored.sha256 === past.sha256,
      () => `statement ${of} counted ${day} by manifest ${past.sha256}, which is gone`,
    );
    days.set(`${day}/${past.revision}`, { day, revision: past.revision, isCurrent: false });
  }
  const logged = await checkLog(asked, chain, manifests);
  const context = { store, owner, manifests, adsAtOnce: asked.adsAtOnce };
  const stored = Array.from(days.values(), async ({ day, revision, isCurrent }) => {
    return { ...(await manifests.read(day, revision)), isCurrent };
  });
  const all = await Promise.all(stored);
  if ("publisherId" in owner) {
    const { isCounted, uncounted } = await checkEarned(statement, before, { store, owner, days: all });
    await checkStatement(statement, before, { ...context, isCounted });
    return { statement, owner, seen: newSeen(), days: days.size, earlier: 0, unread: [], uncounted, ...logged };
  }
  const seen = newSeen();
  for (const { manifest, isCurrent } of all) {
    await checkDay(manifest, { store, owner, keys: asked.tokenKeys, seen, isCurrent });
  }
  await checkStatement(statement, before, { ...context, isCounted: () => true });
  const earlier = await readEarlier(asked, { statement, current, said, manifests, seen });
  const click = seen.events.finish("latin1");
  must(click === null, () => `statement ${number}: click ${click} is in the evidence twice`);
  // The key of an impression is the first 16 of the 24 bytes.
  const impression = seen.impressions.finish("hex")?.slice(0, 32);
  must(impression === undefined, () => `statement ${number}: impression ${impression} is billed twice`);
  const { read, unread } = earlier;
  return { statement, owner, seen, days: days.size, earlier: read.size, unread, uncounted: new Map(), ...logged };
}

/** @returns {import("./day.js").Seen} */
function newSeen() {
  const signatures = { signed: 0, secret: 0, unknown: new Map() };
  const counts = { rows: 0, valid: 0, erased: 0, tokens: 0, oldestMs: Number.POSITIVE_INFINITY };
  return { ...counts, signatures, events: new Spill(), impressions: new Spill() };
}

/**
 * The statements up to the one asked for, each following the one before.
 * @param {Asked} asked
 */
async function readStatements({ store, owner, number, nowMs }) {
  const chain = [];
  const shape = statementShape(owner);
  for (let at = 1; at <= number; at++) {
    const key = statementKey(owner, at);
    const { value, sha256 } = parseCanonical(present(await store.bytes(key), key), key, shape);
    const before = chain.at(-1);
    const id = value[memberOf(owner)];
    must(id === idOf(owner) && value.number === at, () => `${key} is statement ${value.number} of ${id}`);
    const isOfChain = !("publisherId" in owner) || value.currency === owner.currency;
    must(isOfChain, () => `${key} is in the currency ${value.currency}, and stands among those in another`);
    const previous = before?.sha256 ?? null;
    must(value.previous === previous, () => `${key} follows ${value.previous}, and the one before is ${previous}`);
    must(before === undefined || before.value.to === value.from, () => {
      return `${key} begins at ${value.from}, and the one before ends at ${before?.value.to}`;
    });
    must(
      Date.parse(value.issued_at) <= nowMs + CLOCK_BEHIND_MAX_MS,
      () => `${key} was issued in the future, at ${value.issued_at}`,
    );
    chain.push({ value, sha256 });
  }
  return chain;
}

/**
 * That the log has every statement and manifest, each under its name and no other beside it.
 * @param {Asked} asked
 * @param {{ value: any, sha256: string }[]} chain
 * @param {Manifests} manifests
 */
async function checkLog({ store, owner, logKey, keep, secret, nowMs }, chain, manifests) {
  const kept = await keep.read();
  const vkey = trustedKey(kept, logKey);
  const pinned = readLogKey(vkey);
  const keys = followKeys([pinned], await store.bytes(KEYS_KEY));
  const note = Buffer.from(present(await store.bytes(CHECKPOINT_KEY), CHECKPOINT_KEY)).toString("utf8");
  const checkpoint = openCheckpoint(note, keys);
  const last = keptOf(kept, checkpoint.origin);
  const lastSeen = last === undefined ? null : openKept(last, pinned, await store.bytes(KEYS_KEY));
  const names = new Map(chain.map(({ value, sha256 }) => [statementName(owner, value.number), sha256]));
  for (const [name, sha256] of manifests.names) names.set(name, sha256);
  const next = [...manifests.names.keys()].map(nextRevision).filter((name) => !names.has(name));
  const follower = statementName(owner, chain.length + 1);
  const seen = lastSeen === null ? [] : [{ ...lastSeen, when: "you looked last" }];
  const hmac = (/** @type {string} */ name) => createHmac("sha256", secret).update(name).digest("hex");
  const wanted = new Map([...names.keys(), ...next, follower].map((name) => [hmac(name), name]));
  const found = await readLog(store, checkpoint, { seen, wanted });
  await keep.write(checkpoint.origin, { key: last?.key ?? vkey, checkpoint: note });
  const issuedMs = Date.parse(chain.at(-1)?.value.issued_at);
  for (const [name, sha256] of names) {
    const hashes = new Set(found.get(name));
    must(hashes.size < 2, () => `the log has ${hashes.size} objects under the name ${name}`);
    const isMissing = hashes.size === 0;
    if (isMissing && nowMs < issuedMs + LOGGED_AFTER_MS) {
      throw new Unchecked(`${name} is not in the log yet, which takes leaves every hour: verify again in two hours`);
    }
    must(!isMissing, () => `${name} is not in the log`);
    must(hashes.has(sha256), () => `${name} has the SHA-256 ${sha256}, and the log has ${[...hashes].join()}`);
  }
  const newer = next.filter((name) => found.has(name));
  return { checkpoint, isFirstLook: lastSeen === null, newer, isFollowed: found.has(follower) };
}

/** @param {string} name a manifest's */
function nextRevision(name) {
  const [day, revision] = name.split("/");
  return `${day}/${Number(revision) + 1}`;
}

/**
 * Reads the days before the period in which a token of it may have been clicked, as they were billed.
 * @param {Asked} asked
 * @param {{ statement: any, current: Map<string, import("./statement.js").Counted>,
 *   said: Map<string, import("./statement.js").Counted>, manifests: Manifests, seen: import("./day.js").Seen }} known
 */
async function readEarlier({ store, owner, tokenKeys: keys }, { statement, current, said, manifests, seen }) {
  const fromMs = Date.parse(statement.from);
  const oldestMs = Math.max(fromMs - LIFE_MAX_MS, Math.min(seen.oldestMs, fromMs - (seen.erased > 0 ? LIFE_MS : 0)));
  /** @type {Map<string, number>} */
  const read = new Map();
  const unread = [];
  for (const day of oldestMs < fromMs ? utcDays(oldestMs, fromMs) : []) {
    const billed = [...said].findLast(([place]) => place.endsWith(` ${day}`))?.[1];
    if (current.has(day) || billed === undefined) continue;
    const part = {
      store,
      owner,
      keys,
      isCurrent: true,
      seen: { ...newSeen(), events: seen.events, impressions: seen.impressions },
    };
    try {
      const { manifest, sha256 } = await manifests.read(day, billed.revision);
      must(sha256 === billed.sha256, () => `${day} was billed by manifest ${billed.sha256}, which is ${sha256}`);
      await checkDay(manifest, part);
      read.set(day, billed.revision);
    } catch (fault) {
      if (!(fault instanceof Unchecked)) throw fault;
      unread.push(day);
    }
  }
  return { read, unread };
}
