/**
 * Where the statements are that are asked for, and whose they are: a service, or a folder that was downloaded.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SECRET, STATEMENT_LIST } from "./documents.js";
import { askJson, downloadingStore } from "./download.js";
import { must, Unchecked } from "./outcome.js";
import { secretKey, statementFolder } from "./owner.js";
import { folderStore } from "./store.js";

/**
 * @typedef {{ url?: string, folder: string, advertiser?: string, publisher?: string, currency?: string,
 *   secret?: string }} Given
 * @typedef {import("./owner.js").Owner} Owner
 */

const STATEMENTS = "/v1/statements";

/**
 * @param {Given} given
 * @param {string} which
 */
export async function openSource(given, which) {
  const { url, folder, advertiser, publisher, secret } = given;
  if (advertiser !== undefined && publisher !== undefined) {
    throw new Unchecked("name an advertiser or a publisher, not both");
  }
  if (url !== undefined) return openService({ ...given, url });
  const store = folderStore(folder);
  const owner = await ownerIn(given);
  const last = which === "all" ? await lastIn(folder, owner) : 0;
  const kept = readSecret(secret ?? (await keptSecret(folder, owner)));
  return { store: () => store, owner, last, countAgain: async () => last, secret: kept };
}

/** @param {Given & { url: string }} given */
async function openService({ url, folder, advertiser, publisher, currency, secret }) {
  const apiKey = process.env["CLICKLEDGER_KEY"];
  if (!apiKey) throw new Unchecked("put an API key with scope bill into the environment: CLICKLEDGER_KEY");
  /** @type {Record<string, string>} */
  const whose = { ...(advertiser && { advertiser_id: advertiser }), ...(publisher && { publisher_id: publisher }) };
  const service = { url, apiKey, folder, whose, currency: null, number: 0 };
  const { advertiserId, publisherId, statements } = await askJson(service, STATEMENTS, STATEMENT_LIST);
  must((advertiserId === undefined) !== (publisherId === undefined), () => {
    return `what ${url}${STATEMENTS} answers names neither an advertiser nor a publisher, or both`;
  });
  /** @type {Owner} */
  const owner = publisherId === undefined ? { advertiserId } : { publisherId, currency: chosen(statements, currency) };
  const answer = secret === undefined ? await askJson(service, "/v1/evidence/secret", SECRET) : { secret };
  const path = join(folder, secretKey(owner));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify({ secret: answer.secret })}\n`, { mode: 0o600 });
  const own = "publisherId" in owner ? owner.currency : null;
  const store = (/** @type {number} */ number) => downloadingStore({ ...service, currency: own, number });
  const count = (/** @type {readonly any[]} */ all) =>
    all.filter(({ currency: of }) => own === null || of === own).length;
  const countAgain = async () => count((await askJson(service, STATEMENTS, STATEMENT_LIST)).statements);
  return { store, owner, last: count(statements), countAgain, secret: readSecret(answer.secret) };
}

/**
 * The currency of the one chain that a publisher has, or the one that was named.
 * @param {readonly { currency?: string }[]} statements
 * @param {string | undefined} named
 */
function chosen(statements, named) {
  const found = [...new Set(statements.flatMap(({ currency }) => currency ?? []))];
  return oneOf(found, named, { what: "statements in", option: "--currency", none: "it has no statements yet" });
}

/** @param {Given} given */
async function ownerIn({ folder, advertiser, publisher, currency }) {
  const names = await namesIn(join(folder, "statements/v1"));
  const of = (/** @type {string} */ kind) => names.flatMap((name) => (name.startsWith(kind) ? [name.slice(4)] : []));
  const [advertisers, publishers] = [of("adv="), of("pub=")];
  const none = `${folder} has no statements: give --url to download them, or --folder where they are`;
  const isEarned = advertiser === undefined && (publisher !== undefined || advertisers.length === 0);
  if (advertiser === undefined && publisher === undefined) {
    const option = "--advertiser or --publisher";
    oneOf([...advertisers, ...publishers], undefined, { what: "statements of", option, none });
  }
  /** @type {Owner} */
  let owner = { advertiserId: advertiser ?? advertisers[0] ?? "" };
  if (isEarned) {
    const publisherId = publisher ?? publishers[0] ?? "";
    const chains = (await namesIn(join(folder, `statements/v1/pub=${publisherId}`))).map((name) => name.slice(4));
    const own = oneOf(chains, currency, { what: "statements in", option: "--currency", none });
    owner = { publisherId, currency: own };
  }
  return owner;
}

/**
 * @param {readonly string[]} found
 * @param {string | undefined} named
 * @param {{ what: string, option: string, none: string }} words
 */
function oneOf(found, named, { what, option, none }) {
  if (named !== undefined) return named;
  const [only, second] = found;
  if (only === undefined) throw new Unchecked(none);
  if (second !== undefined) throw new Unchecked(`there are ${what} ${found.join(", ")}: name one with ${option}`);
  return only;
}

/** @param {string} path */
const namesIn = (path) => readdir(path).catch(() => /** @type {string[]} */ ([]));

/**
 * @param {string} folder
 * @param {Owner} owner
 */
async function keptSecret(folder, owner) {
  try {
    return JSON.parse(await readFile(join(folder, secretKey(owner)), "utf8")).secret;
  } catch {
    throw new Unchecked("give --secret, as GET /v1/evidence/secret answers it: the log names nobody without it");
  }
}

/** @param {unknown} text */
function readSecret(text) {
  const bytes = Buffer.from(typeof text === "string" ? text : "", "base64url");
  if (bytes.length !== 32) throw new Unchecked("the secret is not 32 bytes in base64url");
  return bytes;
}

/**
 * @param {string} folder
 * @param {Owner} owner
 */
async function lastIn(folder, owner) {
  const names = await namesIn(join(folder, statementFolder(owner)));
  return names.filter((name) => /^\d{6}\.json$/.test(name)).length;
}
