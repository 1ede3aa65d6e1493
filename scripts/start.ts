/**
 * `npm start`: the whole system on this machine, with a demonstration to click on.
 *
 *   npm start -- [--port 8787] [--state .clickledger/state] [--empty]
 *
 * Order: read the arguments → own the state folder → secrets → migrations → demonstration data, in a new
 * folder with a history (history.ts) → the port opens → cron.
 * Keeps: the port opens when everything behind it is there, so what connects at all is answered. State outlives the
 * process. On Ctrl-C or SIGTERM the local queue, which lives in memory, is carried to the report first (bounded), then the
 * exit code is 0. A busy port or folder is one line and exit code 1, and so is each setting that is refused.
 */
import { mkdir } from "node:fs/promises";
import { relative, resolve } from "node:path";
import type { D1Database } from "@cloudflare/workers-types";
import { ConfigError, readConfig } from "../src/config.ts";
import { driveCron } from "./cron-driver.ts";
import { deployedEnv } from "./deployed-env.ts";
import { readDevVars } from "./dev-vars.ts";
import { prepareDemo } from "./history.ts";
import {
  assertPortFree,
  DEMO_ENTRY,
  type LocalRuntime,
  PortBusyError,
  printFault,
  startRuntime,
} from "./local-runtime.ts";
import { parseOptions } from "./options.ts";
import { PROJECT_ROOT } from "./project.ts";
import { lockState, StateBusyError } from "./state-lock.ts";

const USAGE = `usage: npm start -- [--port PORT] [--state DIR] [--empty]

  --port PORT   where to listen on 127.0.0.1 (8787; 0 takes any free port)
  --state DIR   where the database, the archive and the shards are kept (.clickledger/state)
  --empty       in a new folder: no demonstration history, only names, keys, and what is clicked from now on

A new folder gets the figures of five weeks up to now, all marked as a demonstration's. A folder that was used before is
left as it is: for a history, start with another one.`;

const DRAIN_MAX_MS = 10_000;
/** One Ctrl-C may arrive twice: from the terminal, and passed on by npm. */
const SAME_SIGNAL_MS = 1_000;

type Arguments = { readonly port: number; readonly statePath: string; readonly isEmpty: boolean };

function readArguments(): Arguments {
  const options = {
    port: { type: "string" },
    state: { type: "string" },
    empty: { type: "boolean" },
    help: { type: "boolean" },
  } as const;
  const { values } = parseOptions({ options, strict: true, allowPositionals: false });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const port = Number(values.port ?? "8787");
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error("--port takes a number from 0 to 65535");
  const statePath = resolve(values.state ?? resolve(PROJECT_ROOT, ".clickledger/state"));
  return { port, statePath, isEmpty: values.empty ?? false };
}

async function main(): Promise<void> {
  const { port, statePath, isEmpty } = readArgumentsOrExit();
  await assertPortFree(port);
  await mkdir(statePath, { recursive: true });
  const unlock = await lockState(statePath);
  const closing: (() => Promise<void>)[] = [unlock];
  onSignal(async () => {
    for (const close of closing.reverse()) await close();
  });
  const { vars: devVars, generated } = await readDevVars();
  if (generated.length > 0) console.log(`Made random secrets in .dev.vars: ${generated.join(", ")}.`);
  const { DEMO_API_KEY: advertiserKey = "", DEMO_PUBLISHER_KEY: publisherKey = "", ...secrets } = devVars;
  const vars = { ...secrets, LANDING_HTTP_HOSTS: "127.0.0.1,localhost,[::1]" };
  readConfig({ ...(await deployedEnv()), ...vars });
  const keys = { advertiserKey, publisherKey };
  let isSeeded = false;
  const prepare = async (database: D1Database) => {
    const prepared = await prepareDemo(database, { statePath, keys, isEmpty, nowMs: Date.now() });
    isSeeded = prepared.isSeeded;
    return prepared;
  };
  const runtime = await startRuntime({ port, statePath, vars, prepare, entry: DEMO_ENTRY, onLog: printFault });
  closing.push(() => stop(runtime));
  const stopCron = driveCron(runtime);
  closing.push(async () => stopCron());
  printWelcome(runtime.url, { statePath, keys, isSeeded });
}

function readArgumentsOrExit(): Arguments {
  try {
    return readArguments();
  } catch (cause) {
    console.error(`${(cause as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

async function stop(runtime: LocalRuntime): Promise<void> {
  console.log("\nStopping: the last clicks are carried to the report.");
  const isCarried = await runtime.waitUntilCarried(DRAIN_MAX_MS).catch(() => false);
  await runtime.stop();
  console.log(
    isCarried
      ? "Stopped; every click and impression is in the report."
      : "Stopped; what a shard holds is posted next time.",
  );
}

/** Ends the process with code 0 after `close`; a second signal ends it at once. */
function onSignal(close: () => Promise<void>): void {
  let firstAtMs: number | null = null;
  const handle = () => {
    if (firstAtMs !== null) {
      if (Date.now() - firstAtMs > SAME_SIGNAL_MS) process.exit(130);
      return;
    }
    firstAtMs = Date.now();
    close().then(
      () => process.exit(0),
      (cause: unknown) => {
        console.error(cause);
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
}

type Welcome = {
  readonly statePath: string;
  readonly keys: { readonly advertiserKey: string; readonly publisherKey: string };
  readonly isSeeded: boolean;
};

function printWelcome(url: string, { statePath, keys, isSeeded }: Welcome): void {
  const today = new Date().toISOString().slice(0, 10);
  const query = `from=${today}&to=${today}&group_by=ad_id&metrics=impressions,clicks,duplicate_clicks,ctr,conversions,spend_micros`;
  console.log(`
Clickledger runs at ${url}

  open    ${url}/      the dashboard; ${url}/demo/sign-in shows it as somebody else
  click   ${url}/demo  a publisher's page with ads
  report  curl -s -H 'Authorization: Bearer ${keys.advertiserKey}' '${url}/v1/reports/clicks?${query}'
  keys    a publisher's: ${keys.publisherKey}; the operator's: ADMIN_API_KEY in .dev.vars
  state   ${relative(process.cwd(), statePath) || "."}${isSeeded ? " (new, with demonstration advertisers)" : ""}; secrets in .dev.vars
  stop    Ctrl-C
`);
}

main().catch((cause: unknown) => {
  const isKnown = cause instanceof PortBusyError || cause instanceof StateBusyError || cause instanceof ConfigError;
  console.error(isKnown ? cause.message : cause);
  process.exit(1);
});
