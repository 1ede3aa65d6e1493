/**
 * `.dev.vars`: the secrets of local runs, made from `.dev.vars.example` at the first start.
 *
 * Keeps: a value that is there is never replaced; names that are missing or empty get a random value. The file is
 * readable by its owner only.
 */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { makeApiKey, makeOperatorKey } from "../src/access/api-keys.ts";
import { PROJECT_ROOT } from "./project.ts";

const DEV_VARS = join(PROJECT_ROOT, ".dev.vars");
const EXAMPLE = join(PROJECT_ROOT, ".dev.vars.example");

/** A new value for each secret that may be generated, given the values so far. */
const GENERATORS: Readonly<Record<string, (vars: Readonly<Record<string, string | undefined>>) => string>> = {
  TOKEN_KEYS: (vars) =>
    JSON.stringify({ [vars["TOKEN_SIGNING_KID"] || "local-1"]: randomBytes(32).toString("base64url") }),
  TOKEN_SIGNING_KID: () => "local-1",
  ADMIN_API_KEY: () => makeOperatorKey(randomBytes(32)),
  SESSION_KEYS: () => randomBytes(32).toString("base64url"),
  EVIDENCE_LOG_KEYS: () =>
    JSON.stringify([{ name: "localhost/evidence", seed: randomBytes(32).toString("base64url") }]),
  DEMO_API_KEY: () => makeApiKey(randomBytes(32)),
  DEMO_PUBLISHER_KEY: () => makeApiKey(randomBytes(32)),
};

export type DevVars = { readonly vars: Readonly<Record<string, string>>; readonly generated: readonly string[] };

/** The variables of `.dev.vars`, after making the file or completing it. */
export async function readDevVars(): Promise<DevVars> {
  const existing = await readFile(DEV_VARS, "utf8").catch(() => null);
  const { text, generated } = completeVars(existing ?? (await readFile(EXAMPLE, "utf8")));
  if (generated.length > 0) await writeFile(DEV_VARS, text, { mode: 0o600 });
  return { vars: parseEnv(text) as Record<string, string>, generated };
}

/** The text with every missing or empty secret filled in; its other lines stay as they are. */
export function completeVars(text: string): { text: string; generated: string[] } {
  const given = parseEnv(text);
  const lines = text.replace(/\n*$/, "").split("\n");
  const generated: string[] = [];
  for (const [name, generate] of Object.entries(GENERATORS)) {
    if (given[name]) continue;
    const line = `${name}='${generate(given)}'`;
    const at = lines.findIndex((existing) => existing.trimStart().startsWith(`${name}=`));
    if (at === -1) lines.push(line);
    else lines[at] = line;
    generated.push(name);
  }
  return { text: `${lines.join("\n")}\n`, generated };
}
