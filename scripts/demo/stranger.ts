/**
 * The stranger of the demonstration: has the packed verifier in an empty folder, a key of scope bill, the key of the
 * evidence log, and nothing else.
 *
 * Keeps: the verifier runs as it is packed. Its clock is set ahead, since the statements of the demonstration are of
 * days that are not over.
 */
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PROJECT_ROOT } from "../project.ts";

/** What somebody is asked to verify, and with what. */
export type ToVerify = {
  readonly url: string;
  readonly apiKey: string;
  readonly logKey: string;
  /** `<kid>=<x>` of ad servers that sign with a key of their own. */
  readonly tokenKeys: readonly string[];
};
/** How a verification ended: 0 verified, 1 differs, 2 could not be checked. */
export type Verified = { readonly code: number; readonly said: string };

export type Stranger = {
  /** Name and bytes of the tarball. */
  readonly packed: { readonly name: string; readonly bytes: number };
  /** Downloads all statements anew and verifies them, with what `of` kept of the log when it looked first. */
  readonly verifyAll: (of: string, asked: ToVerify) => Promise<Verified>;
  readonly leave: () => void;
};

const run = promisify(execFile);

/** Packs the verifier and installs it in an empty folder; no network is needed. */
export async function inviteStranger(aheadMs: number): Promise<Stranger> {
  const folder = mkdtempSync(join(tmpdir(), "clickledger-stranger-"));
  const packing = ["pack", "--json", "--workspace", "packages/verify", "--pack-destination", folder];
  const { stdout } = await run("npm", packing, { cwd: PROJECT_ROOT });
  const [tarball] = JSON.parse(stdout) as { filename: string; size: number }[];
  if (tarball === undefined) throw new Error("npm pack has made nothing");
  const installing = ["install", "--offline", "--no-audit", "--no-fund", "--no-save", `./${tarball.filename}`];
  await run("npm", installing, { cwd: folder });
  const ahead = join(folder, "ahead.mjs");
  writeFileSync(ahead, `const now = Date.now;\nDate.now = () => now() + ${aheadMs};\n`);
  const looks = new Map<string, string>();
  let visits = 0;
  return {
    packed: { name: tarball.filename, bytes: tarball.size },
    verifyAll: async (of, { url, apiKey, logKey, tokenKeys }) => {
      const visit = String(++visits);
      const keep = `log-${visit}.json`;
      const kept = looks.get(of);
      if (kept !== undefined) copyFileSync(join(folder, kept), join(folder, keep));
      const trusted = [...tokenKeys.flatMap((key) => ["--token-key", key]), "--log-key", logKey];
      const asked = ["all", "--url", url, "--folder", `evidence-${visit}`, "--keep", keep, ...trusted];
      const env = { PATH: process.env["PATH"] ?? "", CLICKLEDGER_KEY: apiKey, NODE_OPTIONS: `--import=${ahead}` };
      const verified = await outcomeOf(join(folder, "node_modules/.bin/clickledger-verify"), asked, folder, env);
      if (kept === undefined && verified.code === 0) looks.set(of, keep);
      return verified;
    },
    leave: () => rmSync(folder, { recursive: true }),
  };
}

async function outcomeOf(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Verified> {
  try {
    const { stdout } = await run(program, args, { cwd, env });
    return { code: 0, said: stdout.trim() };
  } catch (fault) {
    const { code, stderr } = fault as { code?: unknown; stderr?: string };
    if (typeof code !== "number" || stderr === undefined) throw fault;
    return { code, said: stderr.trim() };
  }
}
