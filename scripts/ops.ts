/**
 * `npm run ops`: the operator's way to dead letters, late clicks and audits, over the Worker's HTTP interface.
 *
 * Keeps: results on stdout, errors in one line on stderr. Exit code 0 when everything asked for was done, 1 when a
 * request or any of its rows was refused or failed, 2 for a command that cannot be understood.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { type Arity, COMMANDS, type Options } from "./ops/commands.ts";
import { operatorClient, RefusedError } from "./ops/operator-client.ts";
import { parseOptions } from "./options.ts";
import { PROJECT_ROOT } from "./project.ts";

const USAGE = `usage: npm run ops -- COMMAND [--url URL] [--key KEY] [--json]

  dead list [--limit N] [--after KEY]       dead letters, by day and reason
  dead show KEY                             one letter, whole
  dead replay KEY… | --all                  count what is in them, once; a letter that was edited is refused
  rebuild [--database BINDING]              fill a report database from the archive (REPORT_DB)
  audit list                                the sealed log days and what their last audits found
  audit show DAY                            a day's audits: what was found, and what mends it
  audit run DAY                             audit a day, again where it was audited before
  audit mend DAY                            mend what the last audit left open, by revisions and repairs
  audit accept DAY WHERE --reason TEXT      accept by name what nothing mends; printed on what it touches
  erase user ADVERTISER UID                 erase the person of that claim from all that was logged of the advertiser
  erase click CLICK_ID                      erase whoever made that click
  erase show ID                             how far it is, what it waits for, or its receipt
  late list [--status waiting|decided|all] [--limit N] [--after ID]
  late accept ID…                           count late clicks: valid, or duplicate where the impression is taken
  late reject ID…                           count them as invalid

  --url URL   the Worker (http://127.0.0.1:8787)
  --key KEY   an API key of scope admin (ADMIN_API_KEY of the environment, else of .dev.vars)
  --json      print the Worker's answer`;

const TEXT = { type: "string" } as const;
const FLAG = { type: "boolean" } as const;

class UsageError extends Error {}

type Request = {
  readonly name: string;
  readonly items: readonly string[];
  readonly options: Options & { readonly url: string; readonly key: string | undefined; readonly json: boolean };
};

function readArguments(argv: readonly string[]): Request | null {
  const { values, positionals } = parseOrRefuse(argv);
  if (values.help) return null;
  const [noun = "", ...more] = positionals;
  const isOneWord = COMMANDS[noun] !== undefined;
  const [verb = "", ...items] = isOneWord ? ["", ...more] : more;
  const name = `${noun} ${verb}`.trim();
  const command = COMMANDS[name];
  if (command === undefined) throw new UsageError(name === "" ? "a command is missing" : `no command is named ${name}`);
  const { url = "http://127.0.0.1:8787", key, json = false, help: _, ...options } = values;
  const stranger = Object.keys(options).find((option) => !(command.options as string[]).includes(option));
  if (stranger !== undefined) throw new UsageError(`${name} takes no --${stranger}`);
  assertItems(name, command.takes, items, options.all ?? false);
  if (!URL.canParse(url)) throw new UsageError(`--url ${url} is no URL`);
  return { name, items, options: { ...options, url, key, json } };
}

function parseOrRefuse(argv: readonly string[]) {
  const options = {
    url: TEXT,
    key: TEXT,
    json: FLAG,
    help: FLAG,
    limit: TEXT,
    after: TEXT,
    status: TEXT,
    all: FLAG,
    database: TEXT,
    reason: TEXT,
  };
  try {
    return parseOptions({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

function assertItems(name: string, takes: Arity, items: readonly string[], isAll: boolean): void {
  const isFit = {
    none: items.length === 0,
    one: items.length === 1,
    two: items.length === 2,
    some: items.length > 0,
    "some or --all": isAll ? items.length === 0 : items.length > 0,
  }[takes];
  if (!isFit) throw new UsageError(`${name} takes ${takes === "none" ? "nothing" : takes}, and got ${items.length}`);
}

async function readKey(given: string | undefined): Promise<string> {
  // A variable that is set to nothing is not set, as for npm run deploy.
  const key = given ?? process.env["ADMIN_API_KEY"];
  if (key !== undefined && key !== "") return key;
  const file = await readFile(join(PROJECT_ROOT, ".dev.vars"), "utf8").catch(() => "");
  const local = parseEnv(file)["ADMIN_API_KEY"];
  if (local === undefined || local === "") throw new UsageError("no key: give --key or set ADMIN_API_KEY");
  return local;
}

async function main(): Promise<void> {
  const request = readArguments(process.argv.slice(2));
  if (request === null) {
    console.log(USAGE);
    return;
  }
  const { name, items, options } = request;
  const client = operatorClient({ url: options.url, key: await readKey(options.key) });
  const outcome = await COMMANDS[name]?.run(client, items, options);
  if (outcome === undefined) return;
  console.log(options.json ? JSON.stringify(outcome.data, null, 2) : outcome.text);
  process.exitCode = outcome.isDone ? 0 : 1;
}

main().catch((cause: unknown) => {
  if (cause instanceof UsageError) console.error(`${cause.message}\n\n${USAGE}`);
  else console.error(cause instanceof RefusedError ? cause.message : cause);
  process.exitCode = cause instanceof UsageError ? 2 : 1;
});
