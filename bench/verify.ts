/**
 * `npm run bench:verify`: what a stranger's verification costs, and that it misses no forgery (packages/verify).
 *
 *   npm run bench:verify -- [--clicks N] [--ads N] [--forgeries N] [--save FILE]
 *
 * Keeps: the verifier is a process of its own over a folder on disk, as a stranger runs it; what it does not verify, or a
 * forgery that it verifies, fails the run. Relies on: a world that the code of the service makes.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { Differs, Unchecked } from "../packages/verify/src/outcome.js";
import { PROJECT_ROOT } from "../scripts/project.ts";
import { forge } from "../test/verify/forgeries.ts";
import { objectsOf, verified } from "../test/verify/verified.ts";
import { makeWorld, WORLD_SECRET, WORLD_TOKEN_KEY, type World } from "../test/verify/world.ts";
import { describeMachine } from "./machine.ts";

const MEGABYTE = 1_000_000;
const DAYS = 3;
const run = promisify(execFile);

export type VerifySize = { readonly clicks: number; readonly ads: number; readonly forgeries: number };
export type VerifyResult = {
  readonly rows: number;
  readonly evidenceBytes: number;
  readonly tokenBytes: number;
  readonly statementBytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** By kind: how many were found. */
  readonly found: ReadonlyMap<string, number>;
};

export async function measureVerify({ clicks, ads, forgeries }: VerifySize): Promise<VerifyResult> {
  const folder = await mkdtemp(join(tmpdir(), "clickledger-bench-verify-"));
  try {
    const world = await makeWorld({ clicksPerDay: Math.ceil(clicks / DAYS), ads, secretShare: 0.5 });
    const bytesOf = await writeWorld(folder, world);
    const measured = await verifyFolder(folder, world);
    return { ...measured, ...bytesOf, found: await findForgeries(forgeries) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function writeWorld(folder: string, { r2 }: World) {
  const bytes = { evidenceBytes: 0, tokenBytes: 0, statementBytes: 0 };
  for (const [key, { bytes: content }] of r2.objects) {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), content);
    if (key.includes("/tokens-")) bytes.tokenBytes += content.length;
    else if (key.startsWith("evidence/")) bytes.evidenceBytes += content.length;
    else if (key.startsWith("statements/")) bytes.statementBytes += content.length;
  }
  return bytes;
}

/** Both statements, by the verifier's command line. */
async function verifyFolder(folder: string, { vkey }: World) {
  const args = ["all", "--folder", folder, "--keep", join(folder, "log.json"), "--log-key", vkey];
  const keys = [
    `--secret=${WORLD_SECRET.toString("base64url")}`,
    "--token-key",
    `${WORLD_TOKEN_KEY.kid}=${WORLD_TOKEN_KEY.x}`,
  ];
  const measuring =
    "data:text/javascript,process.on('exit',()=>console.log('used',...Object.values(process.resourceUsage())))";
  const cli = join(PROJECT_ROOT, "packages/verify/src/cli.js");
  const startedMs = performance.now();
  const { stdout } = await run(process.execPath, ["--import", measuring, cli, ...args, ...keys]);
  const seconds = (performance.now() - startedMs) / 1_000;
  if (stdout.match(/^VERIFIED/gm)?.length !== 2) throw new Error(stdout);
  const rows = [...stdout.matchAll(/- (\d+) clicks? on/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  const [, user = "", system = "", resident = ""] = /^used (\d+) (\d+) (\d+)/m.exec(stdout) ?? [];
  const cpuSeconds = (Number(user) + Number(system)) / 1e6;
  return { rows, seconds, cpuSeconds, residentBytes: Number(resident) * 1_024 };
}

async function findForgeries(count: number): Promise<Map<string, number>> {
  const world = await makeWorld({ clicksPerDay: 8 });
  const found = new Map<string, number>();
  for (let index = 0; index < count; index++) {
    const { kind, objects } = await forge(objectsOf(world), index, 1);
    const isVerified = await Promise.all(
      [1, 2].map((number) => verified(objects, number, { logKey: world.vkey })),
    ).then(
      () => true,
      (fault: unknown) => {
        // A forgery is found by a word on it; a fault of the verifier finds nothing.
        if (!(fault instanceof Differs || fault instanceof Unchecked)) throw fault;
        return false;
      },
    );
    if (isVerified) throw new Error(`forgery ${index} is verified: ${kind}`);
    found.set(kind, (found.get(kind) ?? 0) + 1);
  }
  return found;
}

export function toVerifyPage(result: VerifyResult, size: VerifySize, machine: readonly string[]): string {
  const { rows, seconds, cpuSeconds, evidenceBytes, tokenBytes, statementBytes, residentBytes, found } = result;
  const megabytes = (bytes: number) => (bytes / MEGABYTE).toFixed(1);
  const total = [...found.values()].reduce((sum, count) => sum + count, 0);
  return [
    "# What verifying costs",
    "",
    ...machine.map((line) => `- ${line}`),
    `- parameters: ${JSON.stringify(size)}; half of the tokens are signed by Ed25519`,
    "",
    "| both statements, one after the other, in a process of their own | |",
    "|---|---|",
    `| clicks read, with their tokens | ${rows} |`,
    `| seconds | ${seconds.toFixed(1)} |`,
    `| processor seconds | ${cpuSeconds.toFixed(1)} |`,
    `| clicks a processor second | ${Math.round(rows / cpuSeconds)} |`,
    `| MB of rows, sums and manifests, all revisions | ${megabytes(evidenceBytes)} |`,
    `| MB of tokens, all revisions | ${megabytes(tokenBytes)} |`,
    `| MB of statements and lines by ad | ${megabytes(statementBytes)} |`,
    `| MB of memory at most | ${megabytes(residentBytes)} |`,
    "| bytes of the log for each leaf of it | 66 |",
    `| hashes of a proof for one leaf, of a million and of a billion | ${Math.ceil(Math.log2(1e6))}, ${Math.ceil(Math.log2(1e9))} (× 32 bytes) |`,
    "",
    `${total} forgeries, 0 missed:`,
    "",
    "| forgery | found |",
    "|---|---|",
    ...Array.from(found, ([kind, count]) => `| ${kind} | ${count} |`),
    "",
  ].join("\n");
}

async function main(): Promise<void> {
  const options = {
    clicks: { type: "string", default: "1000000" },
    ads: { type: "string", default: "1000" },
    forgeries: { type: "string", default: "1000" },
    save: { type: "string" },
  } as const;
  const { values } = parseArgs({ options });
  const size = { clicks: Number(values.clicks), ads: Number(values.ads), forgeries: Number(values.forgeries) };
  const command = `npm run bench:verify -- --clicks ${size.clicks} --ads ${size.ads} --forgeries ${size.forgeries}`;
  const page = toVerifyPage(await measureVerify(size), size, describeMachine(command));
  console.log(page);
  if (values.save !== undefined) await writeFile(values.save, page);
}

if (import.meta.main) {
  main().catch((cause: unknown) => {
    console.error(cause);
    process.exit(1);
  });
}
