/**
 * `npm run doctor`: whether what is deployed is as wrangler.toml and this repository say, and whether it lives.
 *
 *   npm run doctor -- [--json] [--url URL] [--config wrangler.toml]
 *
 * Keeps: changes nothing. Exit code 0 when all is well, 1 when something was found, 2 when something could not be looked
 * at, whatever else was found.
 */
import { resolve } from "node:path";
import { parseOptions } from "./options.ts";
import { PlatformError } from "./platform/api.ts";
import { type Diagnosis, diagnose } from "./platform/doctor.ts";
import { KeepError } from "./platform/keep.ts";
import { WranglerError } from "./platform/wrangler.ts";

const USAGE = `usage: npm run doctor -- [--json] [--url URL] [--config FILE]

  --json         print one JSON document
  --url URL      the Worker's address, where none was kept at its deployment
  --config FILE  another configuration than wrangler.toml`;

function say({ findings, looked, notLooked }: Diagnosis): void {
  for (const { check, sentence } of findings) console.log(`${check}: ${sentence}`);
  for (const { at, why } of notLooked) console.log(`not looked at: ${at}: ${why}`);
  console.log(`${findings.length} ${findings.length === 1 ? "finding" : "findings"}; looked at ${looked.join(", ")}.`);
}

function readArguments() {
  const [flag, text] = [{ type: "boolean" }, { type: "string" }] as const;
  const { values } = parseOptions({
    options: { json: flag, help: flag, url: text, config: text },
    strict: true,
    allowPositionals: false,
  });
  return { ...values, config: values.config === undefined ? undefined : resolve(values.config), url: values.url };
}

async function main(): Promise<number> {
  const { json, help, ...options } = readArguments();
  if (help) {
    console.log(USAGE);
    return 0;
  }
  const diagnosis = await diagnose(options, process.env);
  if (json) console.log(JSON.stringify(diagnosis, null, 2));
  else say(diagnosis);
  if (diagnosis.notLooked.length > 0) return 2;
  return diagnosis.findings.length > 0 ? 1 : 0;
}

process.exitCode = await main().catch((cause: unknown) => {
  const isExpected = [PlatformError, WranglerError, KeepError].some((kind) => cause instanceof kind);
  const isUsage = (cause as { code?: string }).code?.startsWith("ERR_PARSE_ARGS") === true;
  if (isUsage) console.error(`${(cause as Error).message}\n\n${USAGE}`);
  else console.error(isExpected ? (cause as Error).message : cause);
  return 2;
});
