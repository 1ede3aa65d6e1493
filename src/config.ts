/**
 * Env → checked Config: every setting and binding, read once for an isolate, with its unit in its name and its bounds.
 *
 * Keeps: there is no default. Whatever is wrong is named, all of it together, before anything is done: `npm start` and
 * `npm run check` end with it, and a deployment answers every request with 503 and its name (src/index.ts): a click
 * that is not redirected is asked for again, one that is redirected and lost is not.
 */
import { isOperatorKey } from "./core/api-key.ts";
import { decodeBase64url, parseJson } from "./core/base64url.ts";
import { FORBIDDEN_SCHEMES } from "./core/destination.ts";
import { keyRingFaults } from "./core/key-ring.ts";
import { DAY_MS, FOLLOWER_CONFIRM_MS, HOUR_MS, SECOND_MS } from "./core/limits.ts";
import { type LogKeys, parseLogKeys } from "./core/log-key.ts";
import { ok, type Result } from "./core/result.ts";
import { isReportDatabase, parseTopology, type Topology } from "./core/routing.ts";
import { type SettingFault, Settings } from "./core/settings.ts";
import type { TokenPolicy } from "./core/token.ts";
import type { LatePolicy } from "./core/verdict.ts";
import { JURISDICTIONS, type Jurisdiction } from "./placement.ts";

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
  /** Keys that sign sessions of the dashboard, base64url; the first signs, all verify (access/session.ts). */
  readonly sessionKeys: readonly string[];
  /** The keys of the evidence log; null where none is kept (tlog/). */
  readonly evidenceLog: LogKeys | null;
  /** Origins of pages that may read reports (access/cors.ts). */
  readonly apiOrigins: ReadonlySet<string>;
  /** Hosts of webhooks, with their ports, that may be sent to by http and wherever they are: for local runs. */
  readonly webhookHttpHosts: ReadonlySet<string>;
  readonly clickIdParam: string;
  readonly late: LatePolicy;
  /** As configured; what is in force is recorded (queue/topology-keeper.ts), so a mistake here stops nothing. */
  readonly topology: Result<Topology, string>;
  readonly coalesceHoldMs: number;
  readonly enqueueChain: readonly EnqueueStepName[];
  readonly flushIntervalMs: number;
  /** The same for conversions and uploaded counts, whose 272 objects would otherwise post very small postings. */
  readonly submissionFlushIntervalMs: number;
  /** How long what reports show already waits for its posting, which writes the rows of its minutes. */
  readonly postIntervalMs: number;
  readonly archiveIntervalMs: number;
  /** Past this many characters of unposted log a shard refuses more; the queue holds the rest. */
  readonly logBacklogCharsMax: number;
  readonly tiers: TierSettings;
  /** The lines of a log day stay so long, and longer where it is not audited clean or held (batch/retire-days.ts). */
  readonly rawKeptDays: number;
  /** How long after its end a log day is sealed and audited (src/audit/). */
  readonly closeGraceMs: number;
  /** Whether cron issues each tenant's month when it is reconciled (billing/monthly.ts). */
  readonly monthlyStatements: boolean;
  /** Where the canary clicks (src/canary/); null where there is none. */
  readonly canaryOrigin: string | null;
  /** Where everything is kept (placement.ts); null: anywhere. */
  readonly jurisdiction: Jurisdiction | null;
  /** Report databases, by binding, over which advertisers are spread when they are first seen (facts/directory.ts). */
  readonly newAdvertisersTo: readonly string[];
  /** How long a claimed key is remembered, counted from the hour of its `iat`. */
  readonly dedupHorizonMs: number;
  /** How long also where a shard's storage is fuller than it may be: past a token's life, and a day in queues. */
  readonly keysKeptMs: number;
};

/** Messages wait in a queue, and then in its dead-letter queue, this long at most (the platform's default: 4 days). */
const QUEUE_RETENTION_MS = 4 * DAY_MS;

/** A parameter's name that needs no escape in a query (RFC 3986 §2.3). */
const PARAMETER = /^[A-Za-z0-9_.~-]{1,64}$/;
const SESSION_KEY_BYTES_MIN = 32;
const ORIGIN = /^https?:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d+)?$/;
const HOST = /^([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])$/;

/** Settings that are refused; the message names each, and no value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** The names of the settings, each once. */
  readonly settings: readonly string[];

  constructor(faults: readonly SettingFault[]) {
    super(`settings are refused:\n${faults.map(({ name, why }) => `  ${name} ${why}`).join("\n")}`);
    this.settings = Array.from(new Set(faults.map(({ name }) => name)));
  }
}

const known = new WeakMap<object, Config | ConfigError>();

/** The checked configuration of `env`. Throws ConfigError. */
export function readConfig(env: object): Config {
  const config = known.get(env) ?? checkConfig(env);
  known.set(env, config);
  if (config instanceof ConfigError) throw config;
  return config;
}

function checkConfig(env: object): Config | ConfigError {
  const settings = new Settings(env);
  const tokenTtlMaxS = settings.integer("TOKEN_TTL_MAX_S", 60, 30 * 86_400);
  const config: Config = {
    token: {
      tokenTtlMaxS,
      landingHttpHosts: new Set(landingHosts(settings)),
      landingSchemes: new Set(landingSchemes(settings)),
    },
    ...secrets(settings),
    evidenceLog: evidenceLog(settings),
    apiOrigins: new Set(apiOrigins(settings)),
    webhookHttpHosts: new Set(webhookHttpHosts(settings)),
    clickIdParam: settings.formed("CLICK_ID_PARAM", PARAMETER, "must be 1 to 64 of A–Z a–z 0–9 _ . ~ -"),
    late: {
      mode: settings.oneOf("LATE_POLICY", ["review", "accept"]),
      allowedLatenessS: settings.integer("ALLOWED_LATENESS_S", 0, 86_400),
    },
    topology: parseTopology(parseJson(String((env as { TOPOLOGY?: unknown }).TOPOLOGY ?? ""))),
    coalesceHoldMs: settings.integer("COALESCE_HOLD_MS", 0, FOLLOWER_CONFIRM_MS / 2),
    enqueueChain: enqueueChain(settings),
    flushIntervalMs: settings.integer("FLUSH_INTERVAL_MS", 100, 60_000),
    submissionFlushIntervalMs: settings.integer("SUBMISSION_FLUSH_INTERVAL_MS", 100, 60_000),
    postIntervalMs: settings.integer("POST_INTERVAL_MS", 0, 3_600_000),
    archiveIntervalMs: settings.integer("ARCHIVE_INTERVAL_MS", 100, 3_600_000),
    logBacklogCharsMax: settings.integer("LOG_BACKLOG_CHARS_MAX", 1_000, 2_000_000_000),
    tiers: tiers(settings),
    rawKeptDays: settings.integer("RAW_KEPT_DAYS", 7, 36_500),
    closeGraceMs: settings.integer("CLOSE_GRACE_H", 0, 168) * HOUR_MS,
    monthlyStatements: settings.oneOf("MONTHLY_STATEMENTS", ["off", "on"]) === "on",
    canaryOrigin: canaryOrigin(settings),
    jurisdiction: settings.oneOfOrNone("JURISDICTION", JURISDICTIONS),
    newAdvertisersTo: newAdvertisersTo(settings),
    dedupHorizonMs: tokenTtlMaxS * SECOND_MS + 2 * QUEUE_RETENTION_MS + DAY_MS,
    keysKeptMs: tokenTtlMaxS * SECOND_MS + DAY_MS,
  };
  checkRawKept(settings, config);
  checkBindings(settings);
  return settings.faults.length === 0 ? config : new ConfigError(settings.faults);
}

/** Folds tell what lines told, as long as days are kept; the review list needs lines for as long as keys are known. */
function checkRawKept(settings: Settings, { rawKeptDays, dedupHorizonMs, closeGraceMs, tiers: of }: Config): void {
  const isSet = settings.faults.every(
    ({ name }) => !/^(RAW|DAYS)_KEPT_DAYS$|^CLOSE_GRACE_H$|^TOKEN_TTL_MAX_S$/.test(name),
  );
  const daysMin = Math.ceil((dedupHorizonMs + closeGraceMs) / DAY_MS) + 2;
  if (!isSet) return;
  if (rawKeptDays < daysMin) {
    settings.refuse("RAW_KEPT_DAYS", `must be ${daysMin} or more: the dedup horizon, and the grace of audits`);
  }
  if (rawKeptDays > of.daysKeptDays) settings.refuse("RAW_KEPT_DAYS", "must be within DAYS_KEPT_DAYS");
}

function secrets(settings: Settings): Pick<Config, "tokenKeys" | "tokenSigningKid" | "adminApiKey" | "sessionKeys"> {
  const tokenKeys = settings.word("TOKEN_KEYS");
  const tokenSigningKid = settings.word("TOKEN_SIGNING_KID");
  if (tokenKeys !== "" && tokenSigningKid !== "") {
    for (const { name, why } of keyRingFaults(parseJson(tokenKeys), tokenSigningKid)) settings.refuse(name, why);
  }
  const adminApiKey = settings.word("ADMIN_API_KEY");
  if (adminApiKey !== "" && !isOperatorKey(adminApiKey)) {
    const make = "echo clk_$(openssl rand -base64 32 | tr +/ -_ | tr -d =)";
    settings.refuse("ADMIN_API_KEY", `must be clk_ and 43 characters base64url, which are 32 random bytes: ${make}`);
  }
  return { tokenKeys, tokenSigningKid, adminApiKey, sessionKeys: sessionKeys(settings) };
}

/** Keys of the dashboard's sessions, each of 32 random bytes. */
function sessionKeys(settings: Settings): string[] {
  const keys = settings.list("SESSION_KEYS");
  const isKey = (key: string) => (decodeBase64url(key)?.length ?? 0) >= SESSION_KEY_BYTES_MIN;
  if (keys.length === 0 || !keys.every(isKey)) {
    const make = "openssl rand -base64 32 | tr +/ -_ | tr -d =";
    settings.refuse("SESSION_KEYS", `must be one key or more, comma separated, each of 32 bytes base64url: ${make}`);
  }
  return keys;
}

/** Keys of the evidence log. A name that is misspelt must not mean that no evidence is kept. */
function evidenceLog(settings: Settings): LogKeys | null {
  const text = settings.word("EVIDENCE_LOG_KEYS");
  const parsed = text === "" ? ok(null) : parseLogKeys(parseJson(text));
  if (parsed.ok) return parsed.value;
  settings.refuse("EVIDENCE_LOG_KEYS", parsed.error);
  return null;
}

function landingHosts(settings: Settings): string[] {
  const hosts = settings.list("LANDING_HTTP_HOSTS");
  if (!hosts.every((host) => host === "" || HOST.test(host))) {
    settings.refuse("LANDING_HTTP_HOSTS", "must name hosts alone, in lower case: no scheme, port, path or wildcard");
  }
  return hosts;
}

function webhookHttpHosts(settings: Settings): string[] {
  const hosts = settings.list("WEBHOOK_HTTP_HOSTS");
  if (!hosts.every((host) => host === "" || HOST.test(host.replace(/:\d{1,5}$/, "")))) {
    settings.refuse("WEBHOOK_HTTP_HOSTS", "must name hosts alone, in lower case, with a port if any: localhost:4000");
  }
  return hosts;
}

/** Pages that may read reports, each as its browser names it. */
function apiOrigins(settings: Settings): string[] {
  const origins = settings.list("API_ORIGINS").filter((origin) => origin !== "");
  if (!origins.every(isOrigin)) {
    settings.refuse("API_ORIGINS", "must name origins as browsers do, https://app.example: no path, slash or wildcard");
  }
  return origins;
}

function canaryOrigin(settings: Settings): string | null {
  const [origin = "", ...more] = settings.list("CANARY_ORIGIN");
  if (more.length === 0 && (origin === "" || origin === "off")) return null;
  if (more.length > 0 || !isOrigin(origin)) {
    settings.refuse("CANARY_ORIGIN", "must be one origin as browsers name it, https://clicks.example, off, or empty");
  }
  return origin;
}

/** As a browser names it: no path, slash, wildcard, user or standard port. */
function isOrigin(text: string): boolean {
  return ORIGIN.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** Schemes of links into apps; those that run or show what a URL itself holds are never allowed, whoever asks. */
function landingSchemes(settings: Settings): string[] {
  const schemes = settings.list("LANDING_SCHEMES").filter((scheme) => scheme !== "");
  if (!schemes.every((scheme) => /^[a-z][a-z0-9+.-]*$/.test(scheme))) {
    settings.refuse("LANDING_SCHEMES", "must name schemes alone, in lower case: no colon and nothing behind it");
  }
  const forbidden = schemes.filter((scheme) => FORBIDDEN_SCHEMES.has(scheme));
  if (forbidden.length > 0) settings.refuse("LANDING_SCHEMES", `may never hold ${forbidden.join(", ")}`);
  if (schemes.includes("http")) settings.refuse("LANDING_SCHEMES", "may not hold http: LANDING_HTTP_HOSTS names hosts");
  return schemes;
}

/** The chain; each of its steps can be taken in this deployment, since a step that cannot is one that loses clicks. */
function enqueueChain(settings: Settings): EnqueueStepName[] {
  const steps = settings.some("ENQUEUE_CHAIN", ENQUEUE_STEPS);
  const isOnlyOther = steps.length > 0 && steps.every((step) => step === "other_queue");
  if (isOnlyOther) settings.refuse("ENQUEUE_CHAIN", "must have a step besides other_queue, which needs a second queue");
  return steps;
}

/** What a tier still shows has not left the coarser one, and nothing leaves before it has moved to R2. */
function tiers(settings: Settings): TierSettings {
  const hotHours = settings.integer("HOT_MINUTES_H", 24, 8_760);
  const minutesKeptDays = settings.integer("MINUTES_KEPT_DAYS", 7, 36_500);
  const hoursKeptDays = settings.integer("HOURS_KEPT_DAYS", 7, 36_500);
  const daysKeptDays = settings.integer("DAYS_KEPT_DAYS", 7, 36_500);
  const isSet = settings.faults.every(({ name }) => !/^HOT_MINUTES_H$|_KEPT_DAYS$/.test(name));
  if (isSet && hotHours > minutesKeptDays * 24) settings.refuse("HOT_MINUTES_H", "must be within MINUTES_KEPT_DAYS");
  if (isSet && minutesKeptDays > hoursKeptDays) settings.refuse("MINUTES_KEPT_DAYS", "must be within HOURS_KEPT_DAYS");
  if (isSet && hoursKeptDays > daysKeptDays) settings.refuse("HOURS_KEPT_DAYS", "must be within DAYS_KEPT_DAYS");
  return { hotMinutesMs: hotHours * HOUR_MS, minutesKeptDays, hoursKeptDays, daysKeptDays };
}

/** Report databases, each of them bound; there is at least one. */
function newAdvertisersTo(settings: Settings): string[] {
  const bound = settings.names().filter((name) => isReportDatabase(name) && settings.isBound(name, "prepare"));
  return settings.some("NEW_ADVERTISERS_TO", bound);
}

/** What the Worker cannot do without, and a method by which each is known. */
const BINDINGS = [
  ["CLICK_QUEUE_0", "send", "a queue"],
  ["IMPRESSION_QUEUE_0", "send", "a queue"],
  ["EVENT_SHARD", "getByName", "the Durable Objects of EventShard"],
  ["ORDER_SHARD", "getByName", "the Durable Objects of OrderShard"],
  ["COUNTS_SHARD", "getByName", "the Durable Objects of CountsShard"],
  ["READ_GATE", "getByName", "the Durable Objects of ReadGate"],
  ["EVIDENCE_LOG", "getByName", "the Durable Objects of EvidenceLog"],
  ["WEBHOOK_ENDPOINT", "getByName", "the Durable Objects of WebhookEndpoint"],
  ["AUDIT", "create", "the Workflow of AuditWorkflow"],
  ["REPLAY", "create", "the Workflow of ReplayWorkflow"],
  ["EVIDENCE", "create", "the Workflow of EvidenceWorkflow"],
  ["REPORT_DB", "prepare", "a D1 database"],
  ["ARCHIVE", "put", "an R2 bucket"],
  ["OPERATIONS", "writeDataPoint", "an Analytics Engine data set"],
  ["API_RATE", "limit", "a rate limiter"],
  ["WRONG_KEY_RATE", "limit", "a rate limiter"],
] as const;

function checkBindings(settings: Settings): void {
  for (const [name, method, kind] of BINDINGS) settings.bound(name, method, kind);
}
