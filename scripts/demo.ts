/**
 * `npm run demo`: proves the main promise on this machine. Real HTTP traffic with a known truth against the running
 * Worker, then truth beside report, number by number; then its day is tampered with, audited, mended and closed.
 *
 *   npm run demo -- [--clicks 5000] [--seed 1] [--port 0] [--json] [--stay]
 *
 * Keeps: fresh state every time. Exit code 0 only when the report became complete, every number agrees, and the audit
 * named and closed what was tampered with, else 1.
 */

import { toCommands } from "./demo/left.ts";
import { isAgreed, toJson, toText } from "./demo/result.ts";
import { type DemoOptions, runDemo } from "./demo/run.ts";
import { PortBusyError } from "./local-runtime.ts";
import { parseOptions } from "./options.ts";

const USAGE = `usage: npm run demo -- [--clicks N] [--seed N] [--port PORT] [--json] [--stay]

  --clicks N    clicks to send (5000), with the impressions and orders that belong to them
  --seed N      of the traffic (1)
  --port PORT   where the Worker listens on 127.0.0.1 (any free port)
  --json        print one JSON document on stdout
  --stay        go on answering afterwards, and print how to verify its statements yourself`;

const CLICKS_MAX = 200_000;

function readArguments(): DemoOptions & { readonly isJson: boolean; readonly isStaying: boolean } {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = { clicks: text, seed: text, port: text, json: flag, stay: flag, help: flag };
  const { values } = parseOptions({ options, strict: true, allowPositionals: false });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const integer = (name: "clicks" | "seed" | "port", fallback: number, min: number, max: number) => {
    const value = Number(values[name] ?? fallback);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new Error(`--${name} takes a number from ${min} to ${max}`);
  };
  return {
    clicks: integer("clicks", 5_000, 1, CLICKS_MAX),
    seed: integer("seed", 1, 0, 2 ** 32 - 1),
    port: integer("port", 0, 0, 65_535),
    isJson: values.json ?? false,
    isStaying: values.stay ?? false,
  };
}

function readArgumentsOrExit(): ReturnType<typeof readArguments> {
  try {
    return readArguments();
  } catch (cause) {
    console.error(`${(cause as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

async function main(): Promise<void> {
  const { isJson, isStaying, ...options } = readArgumentsOrExit();
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
  await runDemo(options, async (result, left) => {
    console.log(isJson ? toJson(result) : toText(result));
    process.exitCode = isAgreed(result) ? 0 : 1;
    if (!isStaying) return;
    console.error(`\n${toCommands(left, Date.now())}`);
    // Until a signal ends it.
    await new Promise(() => {});
  });
}

main().catch((cause: unknown) => {
  console.error(cause instanceof PortBusyError ? cause.message : cause);
  process.exit(1);
});
