#!/usr/bin/env node
/**
 * clickledger-verify: recomputes a statement and says in words what that shows, and what it does not.
 *
 * Exit code 0: verified. 1: something differs; the first difference is printed. 2: it could not be checked, and why.
 */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { statementShape } from "./documents.js";
import { downloadingStore } from "./download.js";
import { parseCanonical } from "./json.js";
import { keepIn } from "./keep.js";
import { Differs, must, printable, Unchecked } from "./outcome.js";
import { idOf, statementKey } from "./owner.js";
import { explainReceipt, verifyReceipt } from "./receipt.js";
import { explain } from "./report.js";
import { openSource } from "./source.js";
import { statementSql } from "./sql.js";
import { present } from "./store.js";
import { readTokenKeys } from "./token.js";
import { verifyStatement } from "./verify.js";
import { watchOver } from "./watch.js";

const HELP = `clickledger-verify <statement> [--url https://ads.example] [options]
clickledger-verify receipt <file> [--url https://ads.example] [--log-key <key>] [--keep <file>]

  <statement>             its number; all: each of them
  receipt <file>          a receipt, as GET /v1/clicks/{id}/receipt answers it; without --url, without a network
  --url <address>         the service; a key with scope bill in the environment: CLICKLEDGER_KEY
  --folder <folder>       where it is downloaded to, or is already (clickledger-evidence)
  --log-key <key>         the key that signs the evidence log, as you got it from the operator; the first time
  --token-key <kid>=<x>   a public key of an ad server, 32 bytes in base64url; as often as there are keys
  --advertiser <id>       whose, where the key or the folder has several
  --publisher <id>        likewise: what a publisher earned
  --currency <code>       in which a publisher earned it, where it did in several
  --secret=<base64url>    under which the tenant's leaves stand in the log; asked for with --url
  --keep <file>           what was seen of the log (clickledger-log.json): keep this file
  --sql                   prints the SQL that gives the statement's lines from its evidence, and verifies nothing
`;

const OPTIONS = /** @type {const} */ ({
  url: { type: "string" },
  folder: { type: "string", default: "clickledger-evidence" },
  "log-key": { type: "string" },
  "token-key": { type: "string", multiple: true },
  advertiser: { type: "string" },
  publisher: { type: "string" },
  currency: { type: "string" },
  secret: { type: "string" },
  keep: { type: "string", default: "clickledger-log.json" },
  sql: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
});

async function main() {
  const { values, positionals } = readArguments();
  const [which, file] = positionals;
  if (which === "receipt" && file !== undefined && positionals.length === 2 && !values.help) {
    console.log(await checkReceipt(file, values));
    return;
  }
  if (values.help || which === undefined || !/^([1-9]\d{0,5}|all)$/.test(which) || positionals.length !== 1) {
    if (!values.help) throw new Unchecked(`name one statement by its number, or all, or a receipt\n\n${HELP}`);
    console.log(HELP);
    return;
  }
  const { store, owner, last, countAgain, secret } = await openSource(values, which);
  const numbers = which === "all" ? Array.from({ length: last }, (_, at) => at + 1) : [Number(which)];
  if (values.sql) {
    for (const number of numbers) {
      const key = statementKey(owner, number);
      const { value } = parseCanonical(present(await store(number).bytes(key), key), key, statementShape(owner));
      console.log(await statementSql(value, owner, store(number)));
    }
    return;
  }
  const tokenKeys = readTokenKeys((values["token-key"] ?? []).map(keyAndValue));
  for (const number of numbers) {
    const asked = { store: store(number), owner, number, logKey: values["log-key"] ?? null, secret, tokenKeys };
    const report = await verifyStatement({ ...asked, keep: keepIn(values.keep), nowMs: Date.now() });
    // One may have been issued while this was verified.
    const isHidden = values.url && report.isFollowed && number >= last && number >= (await countAgain());
    must(!isHidden, () => {
      return `the log has a statement ${number + 1} of ${idOf(owner)}, and ${values.url} shows none`;
    });
    console.log(explain(report, values.keep));
  }
}

/**
 * @param {string} file
 * @param {{ url?: string, folder: string, "log-key"?: string, keep: string }} given
 */
async function checkReceipt(file, { url, folder, "log-key": logKey = "", keep }) {
  const text = await readFile(file, "utf8").catch((/** @type {Error} */ { message }) => {
    throw new Unchecked(`the receipt cannot be read: ${message}`);
  });
  // The log is open to everybody.
  const service = { url: url ?? "", apiKey: "", folder, whose: {}, currency: null, number: 0 };
  const store = url === undefined ? null : downloadingStore(service);
  const report = await verifyReceipt({ text, logKey: logKey === "" ? null : logKey, keep: keepIn(keep), store });
  return explainReceipt(report, keep);
}

function readArguments() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (fault) {
    throw new Unchecked(`${/** @type {Error} */ (fault).message}\n\n${HELP}`);
  }
}

/** @param {string} text */
function keyAndValue(text) {
  const at = text.indexOf("=");
  if (at < 1) throw new Unchecked(`--token-key ${text}: write <kid>=<public key>`);
  return /** @type {[string, string]} */ ([text.slice(0, at), text.slice(at + 1)]);
}

/** Says what became of it, and resolves to the exit code. */
async function run() {
  try {
    await main();
    return 0;
  } catch (fault) {
    if (fault instanceof Differs) {
      console.error(`NOT VERIFIED: ${printable(fault.message)}.`);
      return 1;
    }
    const { message, syscall } = /** @type {NodeJS.ErrnoException} */ (fault);
    // What the disk refuses is no fault of the verifier.
    const isTold = fault instanceof Unchecked || syscall !== undefined;
    if (isTold) console.error(`Not checked: ${message.split("\n").map(printable).join("\n")}.`);
    else console.error("Not checked: the verifier itself failed.", fault);
    return 2;
  }
}

await watchOver(import.meta.url, run);
