/**
 * `npm run bench:eddsa`: what a click costs under an ad server's own key (EdDSA) beside one under a secret (HS256).
 *
 *   npm run bench:eddsa -- [--small] [--save FILE]
 *
 * Keeps: both kinds in one workerd, in turn, the order reversed each round; medians of the ratios of neighbouring rounds,
 * so that a machine that slows down meanwhile slows down both. Every click has to be redirected, every token verified.
 * The queue has no consumer: this is the edge alone. Verifying alone is what a replay and an audit add for each event.
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { bundleWorker } from "../scripts/bundle.ts";
import { signToken } from "../scripts/demo/tokens.ts";
import { type LocalRuntime, printFault, startRuntime } from "../scripts/local-runtime.ts";
import { BENCH_KEY, BENCH_PRIVATE_KEY, BENCH_SECRETS, benchClaims, clickRequests } from "./clicks.ts";
import { describeMachine } from "./machine.ts";
import { workerdCpuSeconds } from "./process.ts";
import { medianOf } from "./results.ts";
import { runRound } from "./scenarios.ts";

type Size = { readonly rounds: number; readonly roundMs: number; readonly tokens: number; readonly times: number };
const FULL: Size = { rounds: 10, roundMs: 2_000, tokens: 500, times: 40 };
const SMALL: Size = { rounds: 1, roundMs: 200, tokens: 10, times: 1 };

const KINDS = { HS256: BENCH_KEY, EdDSA: BENCH_PRIVATE_KEY } as const;
type Kind = keyof typeof KINDS;

type Series = Record<Kind, number[]>;
export type EddsaResult = {
  readonly redirectsPerSecond: Series;
  /** Processor microseconds of a redirect, and of verifying alone. */
  readonly redirectMicros: Series;
  readonly verifyMicros: Series;
  readonly verified: number;
};

/** Measures both kinds in turn. */
export async function measureEddsa(size: Size): Promise<EddsaResult> {
  const script = await bundleWorker("bench/workers/verify-worker.ts");
  const runtime = await startRuntime({ vars: BENCH_SECRETS, script, hasConsumers: false, onLog: printFault });
  try {
    const series = (): Series => ({ HS256: [], EdDSA: [] });
    const result = { redirectsPerSecond: series(), redirectMicros: series(), verifyMicros: series(), verified: 0 };
    const issuedAtMs = Date.now();
    const requestsOf = (key: (typeof KINDS)[Kind]) =>
      clickRequests(Math.ceil(size.roundMs * 5), { ads: 1_000, issuedAtMs, key });
    const requests = { HS256: requestsOf(KINDS.HS256), EdDSA: requestsOf(KINDS.EdDSA) };
    // Round 0 warms up.
    for (let round = 0; round <= size.rounds; round++) {
      const order: readonly Kind[] = round % 2 === 0 ? ["HS256", "EdDSA"] : ["EdDSA", "HS256"];
      for (const kind of order) {
        const clicks = await runRound(runtime.url, requests[kind], size.roundMs);
        const verify = await verifyAlone(runtime, kind, { ...size, issuedAtMs });
        if (round === 0) continue;
        result.redirectsPerSecond[kind].push(clicks.round.perSecond);
        result.redirectMicros[kind].push(clicks.round.cpuMicros);
        result.verifyMicros[kind].push(verify);
        result.verified += size.tokens * size.times;
      }
    }
    return result;
  } finally {
    await runtime.stop();
  }
}

/** Processor microseconds of verifying one token. */
async function verifyAlone(
  { url }: LocalRuntime,
  kind: Kind,
  { tokens, times, issuedAtMs }: Size & { issuedAtMs: number },
): Promise<number> {
  const claims = (index: number) => benchClaims(index, tokens, issuedAtMs);
  const lines = Array.from({ length: tokens }, (_, index) => signToken(claims(index), KINDS[kind]));
  const before = workerdCpuSeconds();
  const answer = await fetch(`${url}/bench/verify?times=${times}`, { method: "POST", body: lines.join("\n") });
  const { verified } = (await answer.json()) as { verified: number };
  if (verified !== tokens * times) throw new Error(`${verified} tokens were verified`);
  return ((workerdCpuSeconds() - before) * 1e6) / verified;
}

export function toPage(result: EddsaResult, machine: readonly string[]): string {
  const row = (what: string, { HS256, EdDSA }: Series, unit: string) => {
    const ratios = EdDSA.map((value, round) => value / (HS256[round] ?? Number.NaN));
    const [secret, own] = [medianOf(HS256), medianOf(EdDSA)].map((value) => value.toFixed(value < 1_000 ? 1 : 0));
    return `| ${what} | ${secret} ${unit} | ${own} ${unit} | ${medianOf(ratios).toFixed(2)} × |`;
  };
  const raw = (what: string, { HS256, EdDSA }: Series) =>
    Object.entries({ HS256, EdDSA }).map(
      ([kind, values]) => `${what} ${kind}  ${values.map((value) => Math.round(value)).join("  ")}`,
    );
  return [
    "# A click under an ad server's own key, beside one under a secret",
    "",
    ...machine.map((line) => `- ${line}`),
    "",
    "| median | HS256 | EdDSA | median of the ratios |",
    "|---|---|---|---|",
    row("redirects a second", result.redirectsPerSecond, "/s"),
    row("processor time of a redirect", result.redirectMicros, "µs"),
    row("processor time of verifying alone", result.verifyMicros, "µs"),
    "",
    "Raw rounds:",
    "",
    "```",
    ...raw("redirects/s", result.redirectsPerSecond),
    ...raw("redirect µs", result.redirectMicros),
    ...raw("verify µs  ", result.verifyMicros),
    "```",
    "",
  ].join("\n");
}

async function main(): Promise<void> {
  const options = { small: { type: "boolean" }, save: { type: "string" } } as const;
  const { values } = parseArgs({ options, strict: true });
  const result = await measureEddsa(values.small ? SMALL : FULL);
  const text = toPage(result, describeMachine("npm run bench:eddsa"));
  console.log(text);
  if (values.save !== undefined) await writeFile(values.save, text);
}

if (import.meta.main) {
  main().catch((cause: unknown) => {
    console.error(cause);
    process.exit(1);
  });
}
