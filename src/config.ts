/**
 * Env → checked Config: every setting read once per isolate, with its unit in its name and its bounds asserted.
 *
 * Keeps: a wrong setting is a sentence for the operator at the first request, never a silent default.
 */
import { parseJson } from "./core/base64url.ts";
import { DAY_MS, FOLLOWER_CONFIRM_MS, HOUR_MS, SECOND_MS } from "./core/limits.ts";
import type { Result } from "./core/result.ts";
import { parseTopology, type Topology } from "./core/routing.ts";
import type { TokenPolicy } from "./core/token.ts";
import type { LatePolicy } from "./core/verdict.ts";

export const ENQUEUE_STEPS = ["queue", "other_queue", "shard", "spool"] as const;
export type EnqueueStepName = (typeof ENQUEUE_STEPS)[number];

/** How long facts stay in each tier (src/batch/move-minutes.ts, src/batch/retention.ts). */
export type TierSettings = {
  /** Minutes that are younger stay in the report database, older ones move to R2 by whole days. */
  readonly hotMinutesMs: number;
  readonly minutesKeptDays: number;
  readonly hoursKeptDays: number;
  readonly daysKeptDays: number;
};

export type Config = {
  readonly token: TokenPolicy;
  /** JSON of the key ring, as configured (core/key-ring.ts). */
  readonly tokenKeys: string;
  readonly tokenSigningKid: string;
  readonly adminApiKey: string;
  readonly clickIdParam: string;
  readonly late: LatePolicy;
  /** As configured; what is in force is recorded (queue/topology-keeper.ts), so a mistake here stops nothing. */
  readonly topology: Result<Topology, string>;
  readonly coalesceHoldMs: number;
  readonly enqueueChain: readonly EnqueueStepName[];
  readonly flushIntervalMs: number;
  /** The same for conversions and uploaded counts, whose 272 objects would otherwise post very small postings. */
  readonly submissionFlushIntervalMs: number;
  readonly archiveIntervalMs: number;
  /** Past this many characters of unposted log a shard refuses more; the queue holds the rest. */
  readonly logBacklogCharsMax: number;
  readonly tiers: TierSettings;
  /** Report databases, by binding, over which advertisers are spread when they are first seen (sinks/directory.ts). */
  readonly newAdvertisersTo: readonly string[];
  /** How long a claimed key is remembered, counted from the hour of its `iat`. */
  readonly dedupHorizonMs: number;
  /** Shows the demonstration pages; only local runs set it, and only loopback hosts are served. */
  readonly isDemo: boolean;
};

/** Messages wait in a queue, and then in its dead-letter queue, this long at most (the platform's default: 4 days). */
const QUEUE_RETENTION_MS = 4 * DAY_MS;

/** Reads and checks `env`; throws an Error that names the setting. */
export function readConfig(env: object): Config {
  const vars = env as Record<string, string | undefined>;
  const tokenTtlMaxS = integer(vars, "TOKEN_TTL_MAX_S", 60, 30 * 86_400);
  const coalesceHoldMs = integer(vars, "COALESCE_HOLD_MS", 0, FOLLOWER_CONFIRM_MS / 2);
  return {
    token: { tokenTtlMaxS, landingHttpHosts: new Set(list(vars, "LANDING_HTTP_HOSTS")) },
    tokenKeys: text(vars, "TOKEN_KEYS"),
    tokenSigningKid: text(vars, "TOKEN_SIGNING_KID"),
    adminApiKey: text(vars, "ADMIN_API_KEY"),
    clickIdParam: text(vars, "CLICK_ID_PARAM"),
    late: {
      mode: oneOf(vars, "LATE_POLICY", ["review", "accept"]),
      allowedLatenessS: integer(vars, "ALLOWED_LATENESS_S", 0, 86_400),
    },
    topology: parseTopology(parseJson(vars["TOPOLOGY"] ?? "")),
    coalesceHoldMs,
    enqueueChain: list(vars, "ENQUEUE_CHAIN").map((step) => member(step, "ENQUEUE_CHAIN", ENQUEUE_STEPS)),
    flushIntervalMs: integer(vars, "FLUSH_INTERVAL_MS", 100, 60_000),
    submissionFlushIntervalMs: integer(vars, "SUBMISSION_FLUSH_INTERVAL_MS", 100, 60_000),
    archiveIntervalMs: integer(vars, "ARCHIVE_INTERVAL_MS", 100, 3_600_000),
    logBacklogCharsMax: integer(vars, "LOG_BACKLOG_CHARS_MAX", 1_000, 2_000_000_000),
    tiers: {
      hotMinutesMs: integer(vars, "HOT_MINUTES_H", 24, 8_760) * HOUR_MS,
      minutesKeptDays: integer(vars, "MINUTES_KEPT_DAYS", 7, 36_500),
      hoursKeptDays: integer(vars, "HOURS_KEPT_DAYS", 7, 36_500),
      daysKeptDays: integer(vars, "DAYS_KEPT_DAYS", 7, 36_500),
    },
    newAdvertisersTo: some(vars, "NEW_ADVERTISERS_TO"),
    dedupHorizonMs: tokenTtlMaxS * SECOND_MS + 2 * QUEUE_RETENTION_MS + DAY_MS,
    isDemo: vars["LOCAL_DEMO"] === "1",
  };
}

function text(vars: Record<string, string | undefined>, name: string): string {
  const value = vars[name];
  if (value === undefined || value === "") throw new Error(`setting ${name} is missing`);
  return value;
}

function list(vars: Record<string, string | undefined>, name: string): string[] {
  return (vars[name] ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function some(vars: Record<string, string | undefined>, name: string): string[] {
  const items = list(vars, name);
  if (items.length === 0) throw new Error(`setting ${name} is missing`);
  return items;
}

function integer(vars: Record<string, string | undefined>, name: string, min: number, max: number): number {
  const value = Number(text(vars, name));
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new Error(`setting ${name} must be an integer from ${min} to ${max}`);
  }
  return value;
}

function oneOf<T extends string>(vars: Record<string, string | undefined>, name: string, options: readonly T[]): T {
  return member(text(vars, name), name, options);
}

function member<T extends string>(value: string, name: string, options: readonly T[]): T {
  const option = options.find((candidate) => candidate === value);
  if (option === undefined) throw new Error(`setting ${name} must be one of ${options.join(", ")}`);
  return option;
}
