/**
 * `npm run deploy`: from a clone to a Worker that counts, in one command; again, it brings a deployment to this commit.
 *
 *   npm run deploy -- [--plan] [--adopt] [--allow-dirty] [--no-smoke] [--url URL] [--config wrangler.toml]
 *
 * Keeps: exit code 0 when it counts, or everything was shown; 1 when it was refused or a step failed; 2 when the platform
 * could not be asked, or the command cannot be understood. No secret is printed but the operator's key, once.
 */
import { resolve } from "node:path";
import { parseOptions } from "./options.ts";
import { PlatformError } from "./platform/api.ts";
import { BrokenDeployment, type DeployOptions, deploy, RefusedDeployment } from "./platform/deployment.ts";
import { KeepError } from "./platform/keep.ts";
import { readCheckout } from "./platform/machine.ts";
import { WranglerError } from "./platform/wrangler.ts";
import { StateBusyError } from "./state-lock.ts";

const USAGE = `usage: npm run deploy -- [--plan] [--url URL] [--adopt] [--allow-dirty] [--no-smoke] [--config FILE]

  --plan         show what would be done; change nothing
  --url URL      the address, where it is not <worker>.<subdomain>.workers.dev
  --adopt        take databases, buckets and queues of these names that are there already
  --allow-dirty  deploy what is in no commit
  --no-smoke     do not click
  --config FILE  another configuration than wrangler.toml, beside it

CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID say who deploys where; else whoever is signed in with npx wrangler login.`;

function readArguments(argv: readonly string[]): DeployOptions | null {
  const [flag, text] = [{ type: "boolean" }, { type: "string" }] as const;
  const { values } = parseOptions({
    args: [...argv],
    options: {
      ...{ plan: flag, adopt: flag, "allow-dirty": flag, "no-smoke": flag, help: flag },
      ...{ url: text, config: text },
    },
    strict: true,
    allowPositionals: false,
  });
  if (values.help) return null;
  const url = values.url?.replace(/\/+$/, "");
  if (url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? ""))
    throw new Error(`--url ${url} is no address`);
  return {
    ...{ isPlanOnly: values.plan ?? false, isAdopting: values.adopt ?? process.env["WORKERS_CI"] === "1" },
    ...{ isDirtyAllowed: values["allow-dirty"] ?? false, hasSmoke: !values["no-smoke"], url },
    config: values.config === undefined ? undefined : resolve(values.config),
  };
}

async function main(): Promise<number> {
  let options: DeployOptions | null;
  try {
    options = readArguments(process.argv.slice(2));
  } catch (cause) {
    console.error(`${(cause as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options === null) {
    console.log(USAGE);
    return 0;
  }
  await deploy(options, { env: process.env, checkout: await readCheckout(), print: console.log });
  return 0;
}

try {
  process.exitCode = await main();
} catch (cause) {
  if (cause instanceof RefusedDeployment) {
    console.error(`Nothing was changed:\n${cause.faults.map((fault) => `  ${fault}`).join("\n")}`);
  } else if (
    [BrokenDeployment, KeepError, StateBusyError, PlatformError, WranglerError].some((kind) => cause instanceof kind)
  ) {
    console.error((cause as Error).message);
  } else console.error(cause);
  process.exitCode = cause instanceof PlatformError || cause instanceof WranglerError ? 2 : 1;
}
