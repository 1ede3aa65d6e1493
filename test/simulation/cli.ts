/**
 * `npm run simulate -- --seeds N [--seed S] [--hours H]`: plays seeds S … S + N − 1 and says what broke.
 *
 * Keeps: a seed that fails is shrunk, and printed with its trace and the command that plays it again; the exit code is 1.
 * No clock is read here: the caller hands over what its stopwatch says.
 */
import { REAL_PARTS } from "./parts.ts";
import { shrink } from "./shrink.ts";
import { HOURS_DEFAULT, type Outcome, simulate } from "./simulate.ts";

export type Stopwatch = () => { readonly wallMs: number; readonly cpuMs: number };

const FAILURES_SHOWN_MAX = 3;
const USAGE = "usage: npm run simulate -- --seeds N [--seed S] [--hours H]";

type Flags = { readonly seeds: number; readonly seed: number; readonly hours: number };

/** Runs the command; returns the exit code. */
export async function main(
  args: readonly string[],
  print: (line: string) => void,
  stopwatch: Stopwatch,
): Promise<number> {
  const flags = readFlags(args);
  if (flags === null) {
    print(USAGE);
    return 2;
  }
  const { seeds, seed: firstSeed, hours } = flags;
  const start = stopwatch();
  const sums = { events: 0, requests: 0, billed: 0, shown: 0, converted: 0, revised: 0 };
  const digests: string[] = [];
  let failures = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const outcome = await simulate({ seed, hours });
    sums.events += outcome.events;
    sums.requests += outcome.requests;
    sums.billed += outcome.billed;
    sums.shown += outcome.shown;
    sums.converted += outcome.converted;
    sums.revised += outcome.revised;
    digests.push(outcome.digest);
    if (outcome.complaints.length === 0) continue;
    failures++;
    if (failures <= FAILURES_SHOWN_MAX) await report(seed, hours, outcome, print);
  }
  const { wallMs, cpuMs } = stopwatch();
  const wallS = (wallMs - start.wallMs) / 1_000;
  const cpuS = (cpuMs - start.cpuMs) / 1_000;
  print(
    `${seeds} seeds from ${firstSeed}, ${hours} virtual hours each: ${seeds - failures} passed, ${failures} failed`,
  );
  print(
    `${sums.requests} requests, ${sums.billed} billed clicks, ${sums.shown} impressions shown or uploaded, ${sums.converted} conversions, ${sums.revised} revisions`,
  );
  print(
    `${sums.events} simulated events, ${rate(sums.events, wallS)}/s (${wallS.toFixed(1)} s), ${rate(sums.events, cpuS)} per CPU second`,
  );
  print(`digest ${seeds === 1 ? digests[0] : fold(digests)}`);
  return failures === 0 ? 0 : 1;
}

async function report(seed: number, hours: number, failed: Outcome, print: (line: string) => void): Promise<void> {
  print(`seed ${seed} fails, ${failed.complaints.length} complaints; the first:`);
  for (const { promise, text } of failed.complaints.slice(0, 5)) print(`  ${promise}  ${text}`);
  const { kinds, impressions, complaint, trace } = await shrink({ seed, hours, parts: REAL_PARTS }, failed);
  print(`shrunk to ${impressions} impressions and the faults: ${kinds.join(", ") || "none"}`);
  print(`  ${complaint.promise}  ${complaint.text}`);
  for (const line of trace) print(`    ${line}`);
  print(`again: npm run simulate -- --seeds 1 --seed ${seed} --hours ${hours}    digest ${failed.digest}`);
}

function readFlags(args: readonly string[]): Flags | null {
  const flags = { seeds: 200, seed: 1, hours: HOURS_DEFAULT };
  for (let at = 0; at < args.length; at += 2) {
    const name = args[at]?.replace(/^--/, "");
    const value = Number(args[at + 1]);
    if ((name !== "seeds" && name !== "seed" && name !== "hours") || !(value > 0)) return null;
    if (name !== "hours" && !Number.isSafeInteger(value)) return null;
    flags[name] = value;
  }
  return flags;
}

const rate = (events: number, seconds: number) => Math.round(events / Math.max(seconds, 0.001));

/** One number that stands for all digests, in their order. */
function fold(digests: readonly string[]): string {
  let all = 0;
  for (const digest of digests) all = (Math.imul(all, 31) + Number.parseInt(digest, 16)) >>> 0;
  return all.toString(16).padStart(8, "0");
}
