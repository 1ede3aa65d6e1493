/**
 * What the desk answers, as schemas: what happened to a click, late clicks, dead letters.
 */
import * as z from "zod";
import { DISCREPANCY_KINDS, type DiscrepancyKind } from "../core/discrepancy.ts";
import { SECOND_LOOK_RULES } from "../core/second-look.ts";
import { VERDICT_REASONS, VERDICTS } from "../core/verdict.ts";
import { REPLAY_PHASES } from "../replay/replay.ts";
import { count, instant, text } from "./report-answers.ts";

const verdict = z.enum(VERDICTS);
const reason = z.enum(VERDICT_REASONS).nullable();

export const LateClick = z.object({
  id: text,
  advertiserId: text,
  campaignId: text,
  adId: text,
  publisherId: text,
  clicks: count,
  cpcMicros: count,
  occurredAt: instant,
  receivedAt: instant,
  status: z.enum(["waiting", "decided"]),
  verdict,
  reason,
  decidedBy: text.nullable(),
  decidedAt: instant.nullable(),
});
export const LateClickPage = z.object({
  lateClicks: z.array(LateClick),
  next: text.nullable().describe("The `after` of the next page; null on the last."),
});

export const DecisionResults = z.object({
  results: z.array(
    z.object({
      id: text,
      outcome: z.enum(["decided", "conflict", "unknown", "expired"]),
      choice: z.enum(["accept", "reject"]).optional(),
      verdict: verdict.optional(),
      reason: reason.optional(),
      by: text.optional(),
      decidedAt: instant.optional(),
    }),
  ),
});

const firstClaim = z.object({ eventId: text, receivedAt: instant }).nullable();
const claims = z.looseObject({
  jti: text,
  iat: z.number(),
  exp: z.number(),
  adv: text,
  cmp: text,
  ad: text,
  pub: text,
  url: text,
  cpc: count,
});

const signer = z
  .object({ kid: text, alg: z.enum(["HS256", "EdDSA"]) })
  .nullable()
  .describe("Which key signed the token; with one of `EdDSA` this service can verify, and cannot sign.");

export const Explanation = z.object({
  eventId: text,
  joins: text.nullable().describe("The late click with which this one is counted and decided."),
  receivedAt: instant,
  occurredAt: instant,
  claims,
  signer,
  facts: z.looseObject({ type: text, count, device: text, hasAddressHash: z.boolean(), hasUser: z.boolean() }),
  verdict,
  reason,
  history: z
    .array(z.object({ verdict, reason, at: instant, cause: text, by: text.nullable() }))
    .describe("Every decision on the click, oldest first: by the rules, by a review, by a revision and its cause."),
  rulesVersion: count,
  ruleSet: text.describe("The id of the rules that judged it first."),
  rules: z.array(z.object({ rule: text, means: text, applies: z.boolean() })),
  rulesShownVersion: count,
  lateByMs: count,
  impression: z.object({ key: text, firstClaim }),
  review: z.object({ by: text, at: instant }).nullable(),
  countedInMinute: instant.nullable(),
  loggedAt: instant,
  durable: z
    .object({
      redirectBy: instant.describe("When the redirect went out at the latest."),
      acceptedAt: instant.nullable().describe("When a queue took the event; null where its shard logged it directly."),
      wasBeforeRedirect: z.boolean().describe("Whether the click was durable before its redirect."),
    })
    .nullable()
    .describe("Of a token with `dur: 1`: whether the redirect waited for the click."),
  foundIn: z.object({ shard: text.nullable(), archiveObject: text.nullable() }),
});

export const TokenExplanation = z.object({
  claims,
  signer,
  firstClaim,
  click: Explanation.nullable(),
  now: z
    .object({
      at: instant,
      redirects: z.boolean().describe("Whether a click would be sent on."),
      landingUrl: text
        .nullable()
        .describe("As it is signed: macros are filled and the click id is added at the click."),
      verdict: verdict.nullable(),
      reason,
      problem: z
        .looseObject({ type: text, title: text, status: count, detail: text })
        .nullable()
        .describe("Why a click would be refused."),
    })
    .describe("What would become of a person's click at this instant. Nothing is counted."),
});

export const TokenToExplain = z.looseObject({ token: text }).describe("The token of a click link.");

export const DeadLetterPage = z.object({
  letters: z.array(
    z.object({
      key: text,
      reason: text.nullable(),
      queue: text.nullable(),
      attempts: count,
      bytes: count,
      storedAt: instant,
    }),
  ),
  next: text.nullable().describe("The `after` of the next page; null on the last."),
});
export const DeadLetter = z.object({
  key: text,
  letter: z.union([z.looseObject({}), text]).describe("The letter as it is stored; text when it is no JSON."),
});
export const ReplayResults = z.object({
  results: z.array(
    z.object({
      key: text,
      outcome: z.enum(["replayed", "refused", "failed"]),
      events: count.optional(),
      counted: count.optional(),
      reason: text.optional(),
      detail: text.optional(),
    }),
  ),
});
const logDay = z.string().meta({ format: "date" }).describe("In UTC.");
const kind = z.enum(Object.keys(DISCREPANCY_KINDS) as [DiscrepancyKind, ...DiscrepancyKind[]]);

export const AuditedDays = z.object({
  days: z.array(
    z.object({
      day: logDay,
      state: z.enum(["sealed", "clean", "blocked"]).describe("By the last audit."),
      attempt: count.describe("The last audit; 0 before the first."),
      sealedAt: instant,
      auditedAt: instant.nullable(),
      found: z.record(z.string(), count).describe("How many of each kind of discrepancy stand open."),
      mendedOn: logDay.nullable().describe("The later log day with which it is clean: it counts once that one is."),
    }),
  ),
});

const Discrepancy = z.object({
  kind,
  where: text.describe("An object's key, a line of a log, or a row of a report database."),
  detail: text,
  advertiserId: text.optional(),
  event: text.optional(),
  acceptable: z.boolean().optional().describe("Whether it may be accepted by name: where nothing else mends it."),
});

export const EvidenceLogState = z.object({
  state: z.enum(["off", "on", "stopped"]).describe("`off`: EVIDENCE_LOG_KEYS is []; counting does not depend on it."),
  origin: text.nullable(),
  size: count.nullable().describe("Leaves of the checkpoint in force; null before the first."),
  waiting: z.object({ leaves: count, isMore: z.boolean() }).describe("Leaves without a place, counted up to 1000."),
  keys: z.array(z.object({ vkey: text, since: instant })),
  lastRunAt: instant.nullable(),
  stopped: z.object({ reason: text, advice: text }).nullable(),
});

export const Sequenced = z.object({
  size: count.describe("Leaves of the tree."),
  added: count.describe("Leaves that got a place."),
  isMore: z.boolean(),
});

export const AcceptedLoss = z.object({ object: text, reason: text, by: text, acceptedAt: instant });

export const Hold = z.object({
  id: text,
  from: logDay,
  to: logDay.describe("The day behind the last one that is held."),
  advertiserId: text.nullable().describe("Whose dispute it is; the days are held whole."),
  reason: text,
  by: text,
  heldAt: instant,
  releasedBy: text.nullable(),
  releasedAt: instant.nullable().describe("Null while it is in force."),
});

export const HeldDays = Hold.extend({
  daysGone: z.array(logDay).describe("Days of it whose lines were deleted before it, or are being deleted."),
});

export const HoldPage = z.object({
  holds: z.array(Hold),
  next: text.nullable().describe("`after` of the next page; null behind the last."),
});

export const DayAudits = z.object({
  day: logDay,
  state: z.enum(["sealed", "clean", "blocked"]).nullable(),
  audits: z
    .array(
      z.object({
        id: text,
        attempt: count,
        outcome: z.enum(["clean", "blocked"]),
        sealedAt: instant,
        startedAt: instant,
        endedAt: instant,
        found: z.array(
          z.object({
            kind,
            count,
            mendedBy: z.enum(["accepted_loss", "revision", "repair", "operator"]),
            examples: z.array(Discrepancy),
          }),
        ),
        accepted: z.array(z.object({ object: text, reason: text, by: text })),
        cost: z.record(z.string(), count).describe("What it asked of the platform, by operation."),
      }),
    )
    .describe("The newest first, at most twenty."),
  losses: z.array(AcceptedLoss).describe("What was accepted as lost; the next audit counts it as closed."),
});

export const DayMended = z.object({
  id: text,
  day: logDay,
  found: z.array(z.object({ kind, mended: count, left: count })).describe("What became of what the audit left open."),
});

export const AuditStarted = z.object({ id: text, day: logDay });

const phase = z.enum(REPLAY_PHASES);
const micros = text.describe("Integer micros, as text: sums may pass 2^53.");
const replaySum = z.object({
  ...{ reason: text, advertiserId: text, publisherId: text, clicks: count },
  micros: micros.describe("What these clicks cost, in the advertiser's currency, as text."),
  promotedClicks: count,
  promotedMicros: micros.describe("What would be billed instead, in the same currency."),
});
const tally = z.object({ revised: count, skipped: count }).nullable();
const day = z.iso.date();

export const StartedReplay = z.object({ id: text, phase });
const replay = {
  ...{ id: text, from: day, to: day, rules: z.array(z.enum(SECOND_LOOK_RULES)), by: text, phase },
  ...{ startedAt: instant, changedAt: instant },
  dryOnly: z.array(z.enum(SECOND_LOOK_RULES)).describe("Rules of it that are looked at and never applied."),
};
export const ReplayPage = z.object({
  replays: z.array(z.object(replay)).describe("The newest first."),
  next: text.nullable().describe("The `after` of the next page; null on the last."),
});
export const Replay = z.object({
  ...replay,
  report: z
    .object({
      clicks: count,
      promotedClicks: count.describe("Duplicates of other users, which would take impressions over."),
      sums: z.array(replaySum).describe("By rule, advertiser and publisher, those of the most clicks first."),
      examples: z.array(z.object({ eventId: text, reason, advertiserId: text })),
    })
    .nullable()
    .describe("What would change; null while it looks."),
  applied: tally.describe("What applying did; skipped is what was revised by others meanwhile."),
  undone: tally,
});

export const RebuildProgress = z.object({
  events: count.describe("Events of log rows that were read from the archive."),
  shards: count.describe("Shards that are complete."),
  next: text.nullable().describe("The shard to go on after; null when all are complete."),
});
