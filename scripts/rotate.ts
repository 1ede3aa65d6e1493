/**
 * `npm run rotate`: the runbooks of keys as one command each, which is given again until it says that it is over.
 *
 *   npm run rotate -- token-keys|session-keys|evidence-log|admin-key [--leaked] [--ad-servers-switched] [--plan]
 *
 * Keeps: exit code 0 when it went as far as it goes now, 1 when it was refused, 2 when the platform could not be asked or
 * the command cannot be understood. No key is printed.
 */
import { resolve } from "node:path";
import { RefusedError } from "./ops/operator-client.ts";
import { parseOptions } from "./options.ts";
import { PlatformError } from "./platform/api.ts";
import { KeepError } from "./platform/keep.ts";
import { type RotateOptions, RotationRefused, rotate } from "./platform/rotating.ts";
import { ROTATIONS, type RotationName } from "./platform/rotation.ts";
import { WranglerError } from "./platform/wrangler.ts";
import { StateBusyError } from "./state-lock.ts";

const USAGE = `usage: npm run rotate -- ${ROTATIONS.join("|")} [--leaked] [--ad-servers-switched] [--plan] [--url URL]

  --leaked                somebody else has the key: wait for nothing that it still opens
  --ad-servers-switched   of token-keys: nobody signs with the old key any more
  --plan                  say what comes next; change nothing
  --url URL, --config FILE   as in npm run deploy`;

class UsageError extends Error {}

function readArguments(argv: readonly string[]): RotateOptions | null {
  const [flag, text] = [{ type: "boolean" }, { type: "string" }] as const;
  const { values, positionals } = parseOptions({
    args: [...argv],
    options: { leaked: flag, "ad-servers-switched": flag, plan: flag, help: flag, url: text, config: text },
    strict: true,
    allowPositionals: true,
  });
  if (values.help) return null;
  const [what = "", ...more] = positionals;
  if (!(ROTATIONS as readonly string[]).includes(what) || more.length > 0) {
    throw new UsageError(what === "" ? "what is to be rotated is missing" : `${positionals.join(" ")} is not rotated`);
  }
  return {
    ...{ what: what as RotationName, isLeaked: values.leaked ?? false, isPlanOnly: values.plan ?? false },
    ...{ haveAdServersSwitched: values["ad-servers-switched"] ?? false, url: values.url?.replace(/\/+$/, "") },
    config: values.config === undefined ? undefined : resolve(values.config),
  };
}

async function main(): Promise<number> {
  const options = readArguments(process.argv.slice(2));
  if (options === null) console.log(USAGE);
  else await rotate(options, { env: process.env, print: console.log });
  return 0;
}

process.exitCode = await main().catch((cause: unknown) => {
  const is = (...kinds: (new (...args: never[]) => Error)[]) => kinds.some((kind) => cause instanceof kind);
  const isUsage = is(UsageError) || (cause as { code?: string }).code?.startsWith("ERR_PARSE_ARGS") === true;
  if (isUsage) console.error(`${(cause as Error).message}\n\n${USAGE}`);
  else if (is(RotationRefused, KeepError, StateBusyError, RefusedError, PlatformError, WranglerError)) {
    console.error((cause as Error).message);
  } else console.error(cause);
  return isUsage || is(PlatformError, WranglerError) ? 2 : 1;
});
