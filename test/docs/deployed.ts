/** The configuration as wrangler.toml deploys it, for tests that run in Node. */
import { readFileSync } from "node:fs";
import { type Config, readConfig } from "../../src/config.ts";
import { STAND_INS } from "../support/bindings.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

/** The `[vars]` of wrangler.toml; each stands on one line as `NAME = "value"` or `NAME = 'value'`. */
export function deployedVars(): Record<string, string> {
  const toml = readFileSync(new URL("../../wrangler.toml", import.meta.url), "utf8");
  const section = /^\[vars\]\n([\s\S]*?)^\[/m.exec(toml)?.[1] ?? "";
  const lines = section.matchAll(/^([A-Z_]+) = (?:"(.*)"|'(.*)')$/gm);
  return Object.fromEntries(Array.from(lines, ([, name, double, single]) => [name ?? "", double ?? single ?? ""]));
}

export function deployedConfig(): Config {
  return readConfig({ ...deployedVars(), ...TEST_SECRETS, ...STAND_INS });
}
