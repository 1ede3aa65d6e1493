/**
 * The rules in force when an event was judged, as an object that everybody can read: each log line names one by its id.
 *
 *   rules/v1/4-1f3a9c02.json
 *     {"late":{…},"limits":{…},"lists":{"crawlers":"<16 hex digits>",…},"token_ttl_max_s":86400,"version":4}
 *   id = version, and 8 hexadecimal digits of the SHA-256 of that text
 *
 * A version is code, and what it reads in lists: it stays here for ever, so that whoever recomputes a day decides each
 * event by the rules that its line names (`judgeUnder`), held by the decisions in test/vectors/rules/<version>.json.
 * A list that changes is a new version; the old one keeps the list that it had.
 *
 * Keeps: pure; the text is canonical (names sorted, no blanks), so that equal rules have one id.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { APP_BROWSER_PATTERN } from "./app-browser.ts";
import { encodeUtf8, parseJson } from "./base64url.ts";
import { ALLOWED_NETWORKS, DATA_CENTRE_NETWORKS, IMPRESSION_NETWORKS } from "./data-centre-networks.ts";
import { HUMAN_CLICK_MIN_MS } from "./givt.ts";
import { AGENT_PATTERNS } from "./givt-agents.ts";
import { FOLDED_COUNT_MAX, LATE_EVENTS_PER_TOKEN_MAX } from "./limits.ts";
import type { OpenedEvent } from "./message.ts";
import { type Decision, judge, type LatePolicy, RULES_VERSION } from "./verdict.ts";

export const RULES_PREFIX = "rules/v1/";

export type RuleSet = {
  readonly id: string;
  readonly version: number;
  readonly late: LatePolicy;
  readonly tokenTtlMaxS: number;
  /** SHA-256 of each list, its first 16 hexadecimal digits. */
  readonly lists: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, number>>;
};

export type RuleSettings = Pick<RuleSet, "late" | "tokenTtlMaxS">;

const ID = /^(\d{1,6})-[0-9a-f]{8}$/;

/** Whether a line may name it. */
export function isRuleSetId(value: unknown): value is string {
  return typeof value === "string" && ID.test(value);
}

/** The version in an id. */
export function versionOf(id: string): number {
  return Number(ID.exec(id)?.[1]);
}

export function ruleSetKey(id: string): string {
  return `${RULES_PREFIX}${id}.json`;
}

const known = new Map<string, RuleSet>();

/** The rules of this code under these settings; made once for each. */
export function ruleSetOf({ late, tokenTtlMaxS }: RuleSettings): RuleSet {
  const { mode, allowedLatenessS } = late;
  const name = `${mode} ${allowedLatenessS} ${tokenTtlMaxS}`;
  const made = known.get(name);
  if (made !== undefined) return made;
  const content = {
    version: RULES_VERSION,
    late: { mode, allowedLatenessS },
    tokenTtlMaxS,
    lists: listDigests(),
    limits: {
      folded_count_max: FOLDED_COUNT_MAX,
      human_click_min_ms: HUMAN_CLICK_MIN_MS,
      late_events_per_token_max: LATE_EVENTS_PER_TOKEN_MAX,
    },
  };
  const rules: RuleSet = { id: idOf(content.version, encodeContent(content)), ...content };
  known.set(name, rules);
  return rules;
}

/** The canonical text, as it stands in R2. */
export function encodeRuleSet(rules: RuleSet): string {
  return encodeContent(rules);
}

/** The rules in a text; null when it is not such a text byte for byte. Its id follows from the text. */
export function readRuleSet(text: string): RuleSet | null {
  const wire = parseJson(text) as Record<string, unknown> | null;
  const { version, late, token_ttl_max_s: tokenTtlMaxS, lists, limits } = wire ?? {};
  const { mode, allowed_lateness_s: allowedLatenessS } = (late ?? {}) as Record<string, unknown>;
  const isRead =
    Number.isSafeInteger(version) &&
    (mode === "review" || mode === "accept") &&
    Number.isSafeInteger(allowedLatenessS) &&
    Number.isSafeInteger(tokenTtlMaxS) &&
    isRecordOf(lists, "string") &&
    isRecordOf(limits, "number");
  if (!isRead) return null;
  const content = {
    version: version as number,
    late: { mode: mode as LatePolicy["mode"], allowedLatenessS: allowedLatenessS as number },
    tokenTtlMaxS: tokenTtlMaxS as number,
    lists: lists as Record<string, string>,
    limits: limits as Record<string, number>,
  };
  return encodeContent(content) === text ? { id: idOf(content.version, text), ...content } : null;
}

/**
 * What those rules say of an event before anybody asks whether its impression is taken; null when this code does not
 * have them: another version, or a version whose lists or limits were others.
 */
export function judgeUnder(rules: RuleSet, opened: OpenedEvent): Decision | null {
  let version = executables.get(rules);
  if (version === undefined) {
    version = executableOf(rules);
    executables.set(rules, version);
  }
  return version === null ? null : version.judge(opened, rules);
}

/** What this code has of rules that it was asked for: an audit asks for each line. */
const executables = new WeakMap<RuleSet, RulesVersion | null>();

function executableOf({ version: number, lists, limits }: RuleSet): RulesVersion | null {
  const version = VERSIONS.get(number);
  if (version === undefined || !isSame(lists, version.lists())) return null;
  return isSame(limits, version.limits) ? version : null;
}

/** A version of the rules that has logged: never edited, each under its own vectors. */
type RulesVersion = {
  readonly lists: () => Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, number>>;
  readonly judge: (opened: OpenedEvent, rules: RuleSet) => Decision;
};

const VERSIONS: ReadonlyMap<number, RulesVersion> = new Map([
  [
    4,
    {
      lists: listDigests,
      limits: { folded_count_max: 1_000_000, human_click_min_ms: 300, late_events_per_token_max: 8 },
      judge: (opened: OpenedEvent, { late }: RuleSet) => judge(opened, late),
    },
  ],
]);

let digests: Readonly<Record<string, string>> | undefined;

/** Digests of what the rules of this code look up, computed once for an isolate. */
function listDigests(): Readonly<Record<string, string>> {
  digests ??= {
    allowed_networks: digestOf(ALLOWED_NETWORKS.map(({ asn }) => asn)),
    app_browsers: digestOf(APP_BROWSER_PATTERN),
    browsers: digestOf(AGENT_PATTERNS.browsers),
    crawlers: digestOf(AGENT_PATTERNS.crawlers),
    data_centre_networks: digestOf(DATA_CENTRE_NETWORKS.map(({ asn }) => asn)),
    impression_networks: digestOf(IMPRESSION_NETWORKS.map(({ asn }) => asn)),
    link_previews: digestOf(AGENT_PATTERNS.linkPreviews),
    mail_image_proxies: digestOf(AGENT_PATTERNS.mailImageProxies),
  };
  return digests;
}

function digestOf(list: unknown): string {
  return bytesToHex(sha256(encodeUtf8(JSON.stringify(list)))).slice(0, 16);
}

function idOf(version: number, text: string): string {
  return `${version}-${bytesToHex(sha256(encodeUtf8(text))).slice(0, 8)}`;
}

function encodeContent({ version, late, tokenTtlMaxS, lists, limits }: Omit<RuleSet, "id">): string {
  return JSON.stringify({
    late: { allowed_lateness_s: late.allowedLatenessS, mode: late.mode },
    limits: sorted(limits),
    lists: sorted(lists),
    token_ttl_max_s: tokenTtlMaxS,
    version,
  });
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isSame<T>(a: Readonly<Record<string, T>>, b: Readonly<Record<string, T>>): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function isRecordOf(value: unknown, type: "string" | "number"): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((each) => typeof each === type);
}
