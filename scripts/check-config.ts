/**
 * `npm run check:config`: whether the settings of wrangler.toml are what a deployment may have.
 *
 *   npm run check:config -- [--secrets secrets.json]     with the secrets of that file too, before they are sent
 *                           [--config wrangler.toml]     another configuration than the project's
 *
 * Keeps: the same check as the Worker's own (src/config.ts), and what only a deployment must not have: a variable that
 * nothing reads, as a misspelt one is, a key that wrangler does not know, a topology that does not parse, and a binding
 * that is kept elsewhere than the rest. Everything that is wrong is named together; exit code 1. No secret is printed.
 */
import { readFile } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";
import { ConfigError, readConfig } from "../src/config.ts";
import { deployedEnv, placeholderSecrets } from "./deployed-env.ts";
import { parseOptions } from "./options.ts";
import { mixedBindings } from "./platform/placement.ts";
import { readWanted } from "./platform/wanted.ts";

const { values } = parseOptions({
  options: { secrets: { type: "string" }, config: { type: "string" } },
  strict: true,
  allowPositionals: false,
});
const secrets =
  values.secrets === undefined
    ? placeholderSecrets()
    : (JSON.parse(await readFile(values.secrets, "utf8")) as Record<string, string>);

const faults: string[] = [];
// What wrangler only warns of when it reads a configuration, as a key that it does not know, is not deployed either.
process.env["WRANGLER_LOG"] = "warn";
console.warn = (said: string) => {
  faults.push(...Array.from(stripVTControlCharacters(said).matchAll(/^\s*- (.+)$/gm), ([, fault = ""]) => fault));
};
try {
  const env = await deployedEnv(values.config);
  const read = new Set<string | symbol>();
  const get = (given: object, name: string | symbol): unknown => {
    read.add(name);
    return Reflect.get(given, name);
  };
  const { topology } = readConfig(new Proxy({ ...env, ...secrets }, { get }));
  const unread = Object.entries(env).filter(([name, value]) => typeof value !== "object" && !read.has(name));
  for (const [name] of unread) faults.push(`${name} is no setting of this Worker`);
  faults.push(...mixedBindings(await readWanted(values.config)));
  if (!topology.ok) faults.push(`TOPOLOGY is wrong: ${topology.error}`);
} catch (refused) {
  if (!(refused instanceof ConfigError)) throw refused;
  faults.push(refused.message);
}
for (const fault of new Set(faults)) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
else console.log(`The settings of ${values.config ?? "wrangler.toml"} are right.`);
