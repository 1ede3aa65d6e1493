/**
 * A store that downloads what is asked for into a folder, under the keys of the archive: what broke off goes on from
 * there, and what is there can be verified again without a network.
 *
 * Keeps: a file is whole or not there. What names no hash is asked for each time, and must be what it was before.
 */
import { createWriteStream } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Differs, Unchecked } from "./outcome.js";
import { putFile } from "./put.js";
import { checkShape } from "./shape.js";
import { folderStore } from "./store.js";

const TRIES = 4;
const WAIT_MS = 200;
const TIMEOUT_MS = 120_000;

/** Key → path; the first that fits. @type {[RegExp, (match: string[]) => string][]} */
const PATHS = [
  [/^statements\/v1\/.+\/(\d+)\.json$/, ([, number]) => `/v1/statements/${Number(number)}`],
  [/^statements\/v1\/.+\/([^/]+\.parquet)$/, ([, name]) => `/v1/statements/{number}/files/${name}`],
  [
    /^evidence\/v1\/[^/]+\/dt=([^/]+)\/manifest-(\d+)\.json$/,
    ([, day, revision]) => {
      return `/v1/evidence/${day}?revision=${Number(revision)}`;
    },
  ],
  [/^evidence\/v1\/[^/]+\/dt=([^/]+)\/(.+\.parquet)$/, ([, day, name]) => `/v1/evidence/${day}/${name}`],
  [/^evidence-log\/v1\/keys\.json$/, () => "/evidence/keys"],
  [/^evidence-log\/v1\/(.+)$/, ([, rest]) => `/evidence/${rest}`],
];
const NEVER_CHANGES = /\.parquet$|\/tile\//;
const MAY_CHANGE = /\/(checkpoint|keys\.json)$/;

/**
 * @typedef {{ url: string, apiKey: string, folder: string, whose: Record<string, string>, currency: string | null,
 *   number: number }} Service
 *   `whose` names a tenant to a key that reads those of several; a publisher's statements are asked for by currency
 */

/**
 * @param {Service} service
 * @returns {import("./store.js").Store}
 */
export function downloadingStore(service) {
  const local = folderStore(service.folder);
  const fetched = new Set();
  const ensure = async (/** @type {string} */ key) => {
    if (fetched.has(key)) return;
    if (!(NEVER_CHANGES.test(key) && (await local.file(key)) !== null)) await download(service, key);
    fetched.add(key);
  };
  return {
    bytes: async (key) => {
      await ensure(key);
      return local.bytes(key);
    },
    file: async (key) => {
      await ensure(key);
      return local.file(key);
    },
  };
}

/**
 * @param {Service} service
 * @param {string} key
 */
async function download(service, key) {
  const [, toPath] = PATHS.find(([pattern]) => pattern.test(key)) ?? [];
  const match = PATHS.map(([pattern]) => pattern.exec(key)).find((found) => found !== null);
  if (toPath === undefined || match == null) throw new Error(`nothing serves ${key}`);
  const path = toPath(/** @type {string[]} */ (match)).replace("{number}", String(service.number));
  const target = join(service.folder, key);
  await mkdir(dirname(target), { recursive: true });
  await putFile(target, async (beside) => {
    const isThere = await ask(service, path, async (response) => {
      if (response.body === null) await writeFile(beside, "");
      else await pipeline(Readable.fromWeb(/** @type {any} */ (response.body)), createWriteStream(beside));
    });
    if (!isThere || NEVER_CHANGES.test(key) || MAY_CHANGE.test(key)) return isThere;
    const before = await readFile(target).catch(() => null);
    if (before !== null && !before.equals(await readFile(beside))) {
      throw new Differs(`${key} is not what it was when you downloaded it first (${target})`);
    }
    return true;
  });
}

/**
 * The JSON that a path answers.
 * @param {Service} service
 * @param {string} path
 * @param {import("./shape.js").Shape} shape
 */
export async function askJson(service, path, shape) {
  /** @type {any} */
  let value = null;
  const isThere = await ask(service, path, async (response) => {
    // A page of somebody between is no JSON, and is asked for again.
    value = JSON.parse(await response.text());
  });
  if (!isThere) throw new Unchecked(`${service.url}${path} is not there`);
  checkShape(value, shape, `what ${service.url}${path} answers`);
  return value;
}

/**
 * Asks until it is answered, some times; resolves to whether it is there.
 * @param {Service} service
 * @param {string} path
 * @param {(response: Response) => Promise<void>} take
 */
async function ask({ url, apiKey, whose, currency, folder }, path, take) {
  const whole = url.replace(/\/$/, "") + path;
  if (!URL.canParse(whole)) throw new Unchecked(`--url ${url}: write an address, like https://ads.example`);
  const asked = new URL(whole);
  const isOpen = path.startsWith("/evidence/");
  if (!isOpen) for (const [name, id] of Object.entries(whose)) asked.searchParams.set(name, id);
  if (/^\/v1\/statements\/./.test(path) && currency !== null) asked.searchParams.set("currency", currency);
  const headers = { ...(isOpen ? {} : { Authorization: `Bearer ${apiKey}` }), "User-Agent": "clickledger-verify" };
  let why = "";
  for (let tried = 0; tried < TRIES; tried++) {
    if (tried > 0) await sleep(WAIT_MS * 2 ** tried);
    try {
      const response = await fetch(asked, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (response.ok) {
        await take(response);
        return true;
      }
      if (response.status === 404) return false;
      if (response.status < 500 && response.status !== 429)
        throw refused(asked, response.status, await response.text());
      why = `it answered ${response.status}`;
    } catch (fault) {
      if (fault instanceof Unchecked) throw fault;
      const { message, cause } = /** @type {Error} */ (fault);
      why = cause instanceof Error ? `${message}: ${cause.message}` : message;
    }
  }
  throw new Unchecked(`${asked} could not be read (${why}). Run the same again: what was read is kept in ${folder}`);
}

/**
 * @param {URL} asked
 * @param {number} status
 * @param {string} body
 */
function refused(asked, status, body) {
  if (status === 401 || status === 403) {
    return new Unchecked(
      `${asked.origin} refused the key with ${status}: it has ended, was taken back, or lacks the scope bill. ` +
        "Put one that is in force into CLICKLEDGER_KEY",
    );
  }
  return new Unchecked(`${asked} answered ${status}: ${body.slice(0, 300).replaceAll(/\s+/g, " ")}`);
}
