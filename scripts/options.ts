/**
 * Options of a command line, as `parseArgs` of Node reads them.
 *
 *   --key ""     refused by name: a shell made it of a variable that is not set, and no default is to stand in for it
 *
 * Keeps: what is refused is an Error whose `code` begins with ERR_PARSE_ARGS, as Node's own are.
 */
import { type ParseArgsConfig, parseArgs } from "node:util";

/** The options and positionals; an option that takes a value has one. */
export function parseOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  const parsed = parseArgs(config);
  for (const [name, given] of Object.entries(parsed.values)) {
    if (![given].flat().some((value) => value === "")) continue;
    const refused = new TypeError(`--${name} is empty: give it a value, or leave it out`);
    throw Object.assign(refused, { code: "ERR_PARSE_ARGS_INVALID_OPTION_VALUE" });
  }
  return parsed;
}
