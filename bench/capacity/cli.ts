/**
 * `npm run simulate -- --rate 10000 --minutes 10 [--per-message N] [--ads N] [--skew S] [--queues N] [--shards N]
 * [--databases N] [--post-ms MS]`: a load in virtual time against the limits of the platform, and where it saturates.
 *
 *   --table     the tables of docs/OPERATIONS.md
 *   --measure   what a row takes in a database, on this machine
 *
 * Keeps: the exit code is 1 where a part cannot keep up.
 */
import { parseArgs } from "node:util";
import { BUSY_MAX, roomySettings } from "./advice.ts";
import { D1_HOUR_SUM_BYTES, D1_ROW_BYTES } from "./limits.ts";
import { type CapacityResult, runCapacity } from "./model.ts";
import { type CapacitySettings, deployedSettings } from "./settings.ts";
import { storageOf } from "./storage.ts";

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const OPTIONS = {
  ...{ rate: text, minutes: text, "per-message": text, ads: text, skew: text, queues: text, shards: text },
  ...{ databases: text, "post-ms": text, table: flag, measure: flag },
} as const;

const POSTINGS_MEASURED = 60;
const MEASURED_DAYS = [
  { hours: 1, clicks: 1 },
  { hours: 24, clicks: 100 },
] as const;
const TOO_HOT = "More of everything does not help: an ad is too hot for one shard (docs/OPERATIONS.md, Resharding).";

const NAMED = {
  ...{ rate: "clicksPerSecond", minutes: "minutes", "per-message": "perMessage", ads: "ads", skew: "skew" },
  ...{ queues: "queues", shards: "shards", databases: "databases", "post-ms": "postMs" },
} as const satisfies Record<string, keyof CapacitySettings>;

/** Runs the command; returns the exit code. */
export async function main(args: readonly string[], print: (line: string) => void): Promise<number> {
  const asked = await readArguments(args).catch((cause: Error) => cause);
  if (asked instanceof Error) {
    print(asked.message);
    return 2;
  }
  const { does, settings } = asked;
  if (does === "measure") {
    const { measureHourSums, measureRows } = await import("./rows.ts");
    const { rowMicros, rowBytes } = await measureRows(POSTINGS_MEASURED);
    print(`a row of a posting: ${rowMicros.toFixed(0)} µs, ${rowBytes.toFixed(0)} bytes`);
    for (const day of MEASURED_DAYS) {
      const bytes = await measureHourSums(day);
      print(`a value of sums of hours, ${day.clicks} clicks in ${day.hours} hours each: ${bytes.toFixed(0)} bytes`);
    }
    return 0;
  }
  if (does === "table") {
    for (const line of [...tableOf(settings), "", ...sizesOf(settings)]) print(line);
    return 0;
  }
  const result = runCapacity(settings);
  for (const line of toText(result)) print(line);
  if (keepsUp(result)) return 0;
  const roomy = roomySettings(settings);
  print(roomy === null ? TOO_HOT : `It keeps up, with room, with ${stationsOf(roomy.settings)}.`);
  return 1;
}

/** What is asked, with what wrangler.toml says of everything else. */
async function readArguments(args: readonly string[]) {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true });
  const given: Record<string, number> = {};
  for (const [option, name] of Object.entries(NAMED)) {
    const value = values[option as keyof typeof NAMED];
    if (value === undefined) continue;
    const number = Number(value);
    const isRight = option === "skew" ? number >= 0 : Number.isInteger(number) && number > 0;
    if (!isRight) throw new Error(`--${option} takes a positive ${option === "skew" ? "number" : "integer"}`);
    given[name] = number;
  }
  const does = values.measure ? "measure" : values.table ? "table" : "run";
  return { does, settings: { ...(await deployedSettings()), ...given } } as const;
}

function keepsUp({ stations, ways, unseen }: CapacityResult): boolean {
  return stations.every(({ busy }) => busy < 1) && ways.shard + ways.spool === 0 && unseen < 1e-9;
}

const whole = (value: number) => Math.round(value).toLocaleString("en").replaceAll(",", " ");
const gigabytes = (bytes: number) => whole(bytes / 1e9);
const percent = (value: number) => `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`;
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const many = (count: number, name: string) => `${whole(count)} ${name}${count === 1 ? "" : "s"}`;

function stationsOf({ queues, shards, databases }: CapacitySettings): string {
  return [many(queues, "queue"), many(shards, "shard"), many(databases, "database")].join(", ");
}

function toText(result: CapacityResult): string[] {
  const { settings, stations, ways, seenMs, unseen, backlog, rowsPerClick } = result;
  const { clicksPerSecond, minutes, perMessage, ads, skew } = settings;
  const full = stations.filter(({ busy }) => busy >= 1).map(({ name }) => name);
  const room = storageOf(settings);
  return [
    `${whole(clicksPerSecond)} clicks/s for ${minutes} virtual minutes, ${perMessage} a message, on ${whole(ads)} ads (Zipf ${skew}); ${stationsOf(settings)}`,
    "",
    ...stations.map(
      ({ name, busy }) =>
        `  ${name.padEnd(10)} ${percent(busy).padStart(6)} busy${busy >= 1 ? ": cannot keep up" : busy > BUSY_MAX ? ": little room" : ""}`,
    ),
    "",
    `  messages by queue ${percent(ways.queue)}, other queue ${percent(ways.other_queue)}, straight to a shard ${percent(ways.shard)}, spool ${percent(ways.spool)}`,
    `  waiting in queues: ${whole(backlog.most)} messages at most, ${whole(backlog.end)} at the end`,
    Number.isNaN(seenMs.worst)
      ? "  seen in reports: none within a minute after the load"
      : `  seen in reports after ${seconds(seenMs.p50)} (p50), ${seconds(seenMs.p99)} (p99), ${seconds(seenMs.worst)} (longest); ${percent(unseen)} not within a minute after the load`,
    `  rows posted a click: ${rowsPerClick.toFixed(3)}`,
    `  databases by size, with all tiers full: ${whole(room.databases)} (rows a day: minutes ${whole(room.rowsPerDay.minute)}, hours ${whole(room.rowsPerDay.hour)}, days ${whole(room.rowsPerDay.day)}; values of sums of hours ${whole(room.sumsPerDay)})`,
    `    GB: minutes ${gigabytes(room.bytes.minute)}, hours ${gigabytes(room.bytes.hour)}, days ${gigabytes(room.bytes.day)}, sums of hours ${gigabytes(room.bytes.hourSums)}`,
    "",
    full.length === 0 ? "Nothing saturates." : `Saturated: ${full.join(", ")}.`,
  ];
}

/** Loads of the table: clicks a day, and how many ads are clicked in it. */
const LOADS = [
  ...[
    [1e6, 1_000],
    [10e6, 10_000],
    [100e6, 10_000],
    [100e6, 100_000],
    [100e6, 10e6],
  ],
] as const;

/** Markdown, a line each. */
export function tableOf(deployed: CapacitySettings): string[] {
  const rows = LOADS.flatMap(([perDay = 0, ads = 0]) =>
    [1, 10].map((perMessage) => {
      const asked = {
        ...deployed,
        clicksPerSecond: perDay / 10_000,
        ads,
        perMessage,
        queues: 1,
        shards: 1,
        databases: 1,
      };
      const roomy = roomySettings(asked);
      if (roomy === null) return `| ${whole(perDay)} | ${whole(ads)} | ${perMessage} | none | | | |`;
      const { settings, result } = roomy;
      const size = storageOf(settings);
      const cells = [perDay, ads, perMessage, settings.queues, settings.shards, settings.databases, size.databases].map(
        whole,
      );
      return `| ${cells.join(" | ")} | ${seconds(result.seenMs.p99)} |`;
    }),
  );
  return [
    "| clicks a day | ads clicked in it | clicks a message | queues | shards | databases by time | databases by size | seen, p99 |",
    "|--:|--:|--:|--:|--:|--:|--:|--:|",
    ...rows,
  ];
}

/** What fills the databases of the largest load, as Markdown. */
export function sizesOf(deployed: CapacitySettings): string[] {
  const [perDay, ads] = LOADS[LOADS.length - 1] ?? [0, 0];
  const { rowsPerDay, sumsPerDay, daysKept, bytes } = storageOf({ ...deployed, clicksPerSecond: perDay / 10_000, ads });
  const rows = [
    ["minutes", rowsPerDay.minute, D1_ROW_BYTES, daysKept.minute, bytes.minute],
    ["hours", rowsPerDay.hour, D1_ROW_BYTES, daysKept.hour, bytes.hour],
    ["days", rowsPerDay.day, D1_ROW_BYTES, daysKept.day, bytes.day],
    ["sums of hours", sumsPerDay, D1_HOUR_SUM_BYTES, daysKept.hourSums, bytes.hourSums],
  ] as const;
  return [
    "| tier | a day | bytes each | days kept | GB |",
    "|---|--:|--:|--:|--:|",
    ...rows.map(([tier, count, each, days, all]) => {
      return `| ${tier} | ${[count, each, days].map(whole).join(" | ")} | ${gigabytes(all)} |`;
    }),
  ];
}
