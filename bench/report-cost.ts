/**
 * `npm run cost:reports`: what one view of each dashboard screen and one run of each recipe of docs/REPORTS.md reads, and
 * what that costs at list prices (src/core/prices.ts).
 *
 *   npm run cost:reports -- [--save FILE]
 *
 *   the five weeks of `npm start` ─▶ the recipes in bash, block after block ─▶ each screen, by a session of the form
 *
 * Keeps: counted at the bindings, as clicks are; a page that is not answered with 200 fails the run. What a page's scripts
 * ask for afterwards (live streams, the minute explorer) is not in its view.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, parseEnv, promisify } from "node:util";
import { completeVars } from "../scripts/dev-vars.ts";
import { prepareDemo } from "../scripts/history.ts";
import { startRuntime } from "../scripts/local-runtime.ts";
import { PRICES_READ } from "../src/core/prices.ts";
import { isFor, SCREEN_PATHS, type ViewerKind } from "../src/dashboard/navigation.ts";
import { linesOf, sumOf, unitsOf } from "./cost/bill.ts";
import { type Counters, plus, zeroCounters } from "./cost/counters.ts";
import { describeMachine } from "./machine.ts";

export type Read = { readonly what: string; readonly requests: number; readonly counters: Counters };

const ENTRY = "bench/workers/reading-worker.ts";
const DAY_MS = 86_400_000;
const PERIOD_DAYS = 35;
const END = "=== end of a block ===";
const PER = 1_000;
const SUBJECTS: Readonly<Record<string, string>> = { "/campaign": "&campaign_id=cmp_7", "/ad": "&ad_id=ad_9" };

/** Everything once, on a new state. */
export async function measureReading(days = PERIOD_DAYS): Promise<{ recipes: Read[]; views: Read[] }> {
  const folder = await mkdtemp(join(tmpdir(), "clickledger-report-cost-"));
  const { text } = completeVars("");
  await writeFile(join(folder, ".dev.vars"), text);
  const { DEMO_API_KEY: advertiserKey = "", DEMO_PUBLISHER_KEY: publisherKey = "", ...vars } = parseEnv(text);
  const keys = { advertiserKey, publisherKey };
  const own = vars as Record<string, string>;
  const runtime = await startRuntime({
    ...{ vars: own, entry: ENTRY, statePath: folder },
    prepare: (database) => prepareDemo(database, { statePath: folder, keys, isEmpty: false, nowMs: Date.now(), days }),
  });
  try {
    await runtime.runCron();
    const { url } = runtime;
    const recipes = await runRecipes(folder, url);
    const views: Read[] = [];
    const viewers = { advertiser: advertiserKey, operator: own["ADMIN_API_KEY"] ?? "" } as const;
    for (const [kind, key] of Object.entries(viewers)) {
      views.push(...(await viewScreens(url, kind as ViewerKind, await signIn(url, key))));
    }
    return { recipes, views };
  } finally {
    await runtime.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function readOf(url: string): Promise<Counters> {
  return (await (await fetch(`${url}/bench/read`)).json()) as Counters;
}

/** The blocks of the document in one shell; what each recipe read. */
async function runRecipes(cwd: string, url: string): Promise<Read[]> {
  const section = (await readFile("docs/REPORTS.md", "utf8")).split("\n## Eleven recipes\n")[1] ?? "";
  const parts = section.split(/^### /m);
  const shells = parts.map((part) =>
    Array.from(part.matchAll(/^```sh\n(.*?)^```$/gms), ([, body = ""]) => body).join(""),
  );
  const tell = `printf '\\n%s\\n' '${END}'; curl -s "$URL/bench/read"; printf '\\n%s\\n' '${END}'\n`;
  const script = shells.map((shell) => `${shell}${tell}`).join("");
  const env = { PATH: process.env["PATH"], URL: url, TMPDIR: cwd };
  const { stdout } = await promisify(execFile)("bash", ["--norc", "-c", script], { cwd, env, maxBuffer: 2 ** 26 });
  const told = stdout.split(`\n${END}\n`);
  return parts.flatMap((part, at) => {
    const what = /^\d+\. (.*)/.exec(part)?.[0];
    if (what === undefined) return [];
    const requests = (shells[at] ?? "").match(/\bask\b/g)?.length ?? 0;
    return [{ what, requests, counters: plus(zeroCounters(), JSON.parse(told[2 * at + 1] ?? "{}") as Counters) }];
  });
}

/** The cookie of a session that the form has started. */
async function signIn(url: string, key: string): Promise<string> {
  const asked = await fetch(`${url}/`, { headers: { "Sec-Fetch-Site": "same-origin" } });
  const cookie = asked.headers.get("Set-Cookie")?.split(";")[0] ?? "";
  const token = /name="token" value="([^"]*)"/.exec(await asked.text())?.[1] ?? "";
  const body = new URLSearchParams({ token, next: "/", key });
  const headers = { Cookie: cookie, Origin: url, "Sec-Fetch-Site": "same-origin" };
  const answer = await fetch(`${url}/sign-in`, { method: "POST", body, headers, redirect: "manual" });
  const session = answer.headers.get("Set-Cookie")?.split(";")[0];
  if (session === undefined) throw new Error(`not signed in: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
  return session;
}

async function viewScreens(url: string, kind: ViewerKind, cookie: string): Promise<Read[]> {
  const date = (daysAgo: number) => new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10);
  const period = `from=${date(PERIOD_DAYS - 1)}&to=${date(0)}`;
  const found: Read[] = [];
  for (const path of SCREEN_PATHS.filter((one) => isFor(one, kind))) {
    await readOf(url);
    const address = `${url}${path}?${period}${SUBJECTS[path] ?? ""}`;
    const answer = await fetch(address, { headers: { Cookie: cookie, "Sec-Fetch-Site": "same-origin" } });
    await answer.text();
    if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}`);
    found.push({ what: `${path}, ${kind}`, requests: 1, counters: await readOf(url) });
  }
  return found;
}

/** Dollars of a thousand. */
export function dollarsOfThousand({ requests, counters }: Read): number {
  // Of the units, those of clicks are requests here.
  return PER * sumOf(linesOf(unitsOf({ ...counters, clicks: requests })));
}

export function toReadingPage(
  { recipes, views }: { recipes: Read[]; views: Read[] },
  machine: readonly string[],
): string {
  const line = (read: Read) => {
    const { what, requests, counters } = read;
    const { d1RowsRead, d1RowsWritten, d1Calls, objectCalls, classA, classB } = counters;
    const counts = [requests, d1RowsRead, d1RowsWritten, d1Calls, objectCalls, classA, classB];
    return `| ${[what, ...counts, `$${dollarsOfThousand(read).toFixed(4)}`].join(" | ")} |`;
  };
  const head = [
    "| | requests | D1 rows read | written | D1 calls | object calls | R2 lists, writes | R2 reads | a thousand |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
  ];
  return [
    "# What reading costs",
    "",
    ...machine.map((text) => `- ${text}`),
    `- list prices read on ${PRICES_READ}: src/core/prices.ts; without CPU, of which 50 ms a request are $0.001 a thousand`,
    `- the ${PERIOD_DAYS} days that \`npm start\` makes: 3 advertisers; screens show all of them`,
    "",
    "## The recipes of docs/REPORTS.md",
    "",
    ...head,
    ...recipes.map(line),
    "",
    "## Views of the dashboard's screens",
    "",
    ...head,
    ...views.map(line),
    "",
  ].join("\n");
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { save: { type: "string" } }, strict: true });
  const page = toReadingPage(await measureReading(), describeMachine("npm run cost:reports"));
  console.log(page);
  if (values.save !== undefined) await writeFile(values.save, page);
}

if (import.meta.main) {
  main().catch((cause: unknown) => {
    console.error(cause);
    process.exit(1);
  });
}
