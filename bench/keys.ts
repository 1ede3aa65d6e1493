/**
 * `npm run bench:keys`: what packed keys cost, with all of them in one hour: keys a second, rows written and bytes a key,
 * pages read for a key that is new and for one that is known, and how long a new object takes to know them.
 *
 *   npm run bench:keys -- [--keys 1000000] [--per-call 500] [--minutes 3] [--save FILE]
 *
 * Keeps: every key that is there is found, and none that is not. It stops filling when its time is over, and says how many
 * keys there were then.
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { bundleWorker } from "../scripts/bundle.ts";
import { printFault, startRuntime } from "../scripts/local-runtime.ts";
import { BENCH_SECRETS } from "./clicks.ts";
import { describeMachine } from "./machine.ts";
import { workerdResidentBytes } from "./process.ts";

const PART = 100_000;
const ASKED = 20_000;
const OPENED = 20;
const MINUTE_MS = 60_000;

export type KeysSize = { readonly keys: number; readonly perCall: number; readonly minutes: number };
export type KeysResult = {
  readonly keys: number;
  readonly perSecond: number;
  readonly rowsPerKey: number;
  readonly bytesPerKey: number;
  readonly pagesPerNew: number;
  /** All the while, with those that were merged. */
  readonly pagesPerAdded: number;
  readonly pagesPerKnown: number;
  readonly microsPerNew: number;
  readonly microsPerKnown: number;
  readonly openMs: number;
  readonly fresh: number;
  readonly residentBytes: number;
  readonly runs: string;
};

export async function measureKeys({ keys, perCall, minutes }: KeysSize): Promise<KeysResult> {
  const script = await bundleWorker("bench/workers/keys-worker.ts");
  const runtime = await startRuntime({ vars: BENCH_SECRETS, script, hasConsumers: false, onLog: printFault });
  const call = async (path: string) => {
    const startMs = performance.now();
    const answer = (await (await fetch(`${runtime.url}${path}`, { method: "POST" })).json()) as Record<string, number>;
    return { ...answer, ms: performance.now() - startMs } as Record<string, number>;
  };
  try {
    const empty = (await call("/size"))["bytes"] ?? 0;
    let [held, ms, rows, pages] = [0, 0, 0, 0];
    while (held < keys && ms < minutes * MINUTE_MS) {
      const part = Math.min(PART, keys - held);
      const filled = await call(`/fill?held=${held}&keys=${part}&perCall=${perCall}`);
      held += part;
      ms += filled["ms"] ?? 0;
      rows += filled["rows"] ?? 0;
      pages += filled["pages"] ?? 0;
    }
    const asked = Math.min(ASKED, held);
    const isNew = await call(`/ask?held=${held}&keys=${asked}&known=0`);
    const known = await call(`/ask?held=${held}&keys=${asked}&known=1`);
    if (isNew["found"] !== 0 || known["found"] !== asked) throw new Error("a look-up is wrong");
    const opened = await call(`/open?held=${held}&times=${OPENED}`);
    const size = (await call("/size")) as unknown as { bytes: number; runs: { level: number; claims: number }[] };
    return {
      keys: held,
      perSecond: (held / ms) * 1_000,
      rowsPerKey: rows / held,
      bytesPerKey: (size.bytes - empty) / held,
      pagesPerNew: (isNew["pages"] ?? 0) / asked,
      pagesPerAdded: pages / held,
      pagesPerKnown: (known["pages"] ?? 0) / asked,
      microsPerNew: ((isNew["ms"] ?? 0) * 1_000) / asked,
      microsPerKnown: ((known["ms"] ?? 0) * 1_000) / asked,
      openMs: (opened["ms"] ?? 0) / OPENED,
      fresh: opened["fresh"] ?? 0,
      residentBytes: workerdResidentBytes(),
      runs: size.runs.map(({ level, claims }) => `${claims} (level ${level})`).join(", "),
    };
  } finally {
    await runtime.stop();
  }
}

export function toKeysPage(result: KeysResult, machine: readonly string[]): string {
  const rows: [string, string][] = [
    ["keys of one hour", String(result.keys)],
    ["looked up and added, keys/s", result.perSecond.toFixed(0)],
    ["rows written a key, beside its row of the log", result.rowsPerKey.toFixed(4)],
    ["bytes of the storage a key", result.bytesPerKey.toFixed(1)],
    [
      "pages read for a new key, a known key, at the end",
      `${result.pagesPerNew.toFixed(4)}, ${result.pagesPerKnown.toFixed(2)}`,
    ],
    [
      "pages read for a key that was added, all the while, with those that were merged",
      result.pagesPerAdded.toFixed(4),
    ],
    [
      "µs for a new key, a known key, at the end",
      `${result.microsPerNew.toFixed(1)}, ${result.microsPerKnown.toFixed(1)}`,
    ],
    ["ms until a new object knows its keys, with as many in memory", `${result.openMs.toFixed(1)}, ${result.fresh}`],
    ["MB that workerd holds at the end", (result.residentBytes / 1e6).toFixed(0)],
    ["runs at the end, oldest first", result.runs],
  ];
  const lines = rows.map(([what, value]) => `| ${what} | ${value} |`);
  return [
    `# Packed keys`,
    "",
    ...machine.map((line) => `- ${line}`),
    "",
    "| what | value |",
    "|---|---|",
    ...lines,
    "",
  ].join("\n");
}

async function main(): Promise<void> {
  const text = (fallback: string) => ({ type: "string", default: fallback }) as const;
  const { values } = parseArgs({
    options: { keys: text("1000000"), "per-call": text("500"), minutes: text("3"), save: { type: "string" } },
    strict: true,
  });
  const size = { keys: Number(values.keys), perCall: Number(values["per-call"]), minutes: Number(values.minutes) };
  const command = `npm run bench:keys -- --keys ${size.keys} --per-call ${size.perCall}`;
  const page = toKeysPage(await measureKeys(size), describeMachine(command));
  console.log(page);
  if (values.save !== undefined) await writeFile(values.save, page);
}

if (import.meta.main) {
  main().catch((cause: unknown) => {
    console.error(cause);
    process.exit(1);
  });
}
