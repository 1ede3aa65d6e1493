/**
 * What the routes of billing answer, for the document.
 */
import * as z from "zod";

const text = z.string();
const count = z.int();
const sha256 = text.describe("SHA-256 of the stored bytes, in hexadecimal.");
const micros = text.describe("Integer micros, as text: sums may pass 2^53.");
const day = z.iso.date();
const instant = z.iso.datetime();
const kind = z.enum(["statement", "credit_note"]).describe("A credit note is due to the advertiser.");
const seen = count.describe("For information: as the log had them when the day's clicks were settled last.");
const counts = {
  ...{ gross: count, valid: count, duplicate: count, invalid: count, late: count },
  ...{ impressions: seen, conversions: seen, spend_micros: micros },
};
const cause = text
  .nullable()
  .describe(
    "What moved these clicks: `review` of a late one, `audit/<log day>/NNNN`, `replay/<id>` of a second look and " +
      "`replay/<id>/undo`. Null: the log has them and had not, or has lost them, which `losses` names.",
  );
const line = { day, campaign_id: text, ...counts };
const part = { name: text, sha256, rows: count };
const counted = { day: day.describe("A UTC day."), revision: count, sha256 };
const loss = z.object({ object: text, reason: text });

const content = {
  v: z.literal(1),
  kind,
  advertiser_id: text.optional().describe("Whose bill it is; else publisher_id."),
  publisher_id: text.optional().describe("Who earned what the statement says, with advertisers of its currency."),
  number: count,
  previous: sha256.nullable().describe("SHA-256 of the statement before; null for the first."),
  from: instant,
  to: instant,
  time_zone: text,
  currency: text,
  advertisers: z
    .array(text)
    .optional()
    .describe("Of a publisher: whose clicks the statement counts, since they pay in its currency."),
  budget_micros: micros.nullable(),
  lines: z.array(z.object(line)).describe("By local day of the zone, and campaign."),
  adjustments: z
    .array(z.object({ statement: count, cause, ...line }))
    .describe("What earlier statements did not know, by their number and days, and by what moved the clicks."),
  credits: z.array(z.object({ statement: count, budget_micros: micros, spend_micros: micros, credit_micros: micros })),
  totals: z.object({
    ...counts,
    adjustments_micros: micros,
    credits_micros: micros,
    carried_in_micros: micros,
    due_micros: micros.describe("Exact: spend, adjustments and what was carried in, less credits."),
    due: text.describe("Rounded half to even to the currency's minor unit."),
    carried_out_micros: micros,
  }),
  lines_by_ad: z.array(z.object({ ...part, day })),
  adjustments_by_ad: z.object(part).nullable(),
  evidence: z.array(z.object(counted)).describe("The manifests that the lines were made from."),
  corrected: z.array(z.object({ ...counted, statement: count, revision_before: count.nullable() })),
  losses: z.array(loss).describe("What an operator accepted as lost of the log days of this evidence."),
};

export const Statement = z.object({ ...content, draft: text, issued_at: instant });
export const StatementDraft = z.object({ ...content, draft: text });

const summary = {
  ...{ number: count, kind, from: instant, to: instant, timeZone: text, currency: text, valid: count },
  ...{ spendMicros: micros, adjustmentsMicros: micros, due: text, issuedAt: instant, sha256 },
};
const tenant = { advertiserId: text.optional(), publisherId: text.optional() };
export const StatementList = z.object({ ...tenant, statements: z.array(z.object(summary)) });
export const StatementIssued = z.object({
  ...summary,
  draft: text,
  changedSinceDraft: z.boolean().describe("Whether it says something else than its draft said."),
});

const budget = { from: instant, micros: micros.nullable(), by: text, setAt: instant };
export const BudgetSet = z.object(budget);
export const BudgetList = z.object({ advertiserId: text, budgets: z.array(z.object(budget)) });

const ofAdvertiser = z.object({
  ...{ v: z.literal(1), advertiser_id: text, day, revision: count },
  previous: sha256.nullable().describe("SHA-256 of the manifest before; null for the first."),
  parts: z.array(z.object(part)).describe("Parquet, one row a click."),
  tokens: z.array(z.object(part)).describe("Parquet, the tokens of the clicks."),
  sums: z.object(part).describe("Parquet, by quarter of an hour, campaign, ad, publisher and cause."),
  totals: z.object(counts),
  rules: z.array(text),
  losses: z.array(loss),
});
const ofPublisher = z.object({
  ...{ v: z.literal(1), publisher_id: text, day, revision: count, previous: sha256.nullable() },
  sums: z.object(part).describe("Parquet, by quarter of an hour, advertiser, campaign, ad and cause."),
  losses: z.array(loss),
});
export const EvidenceManifest = z.union([ofAdvertiser, ofPublisher]);

export const EvidenceSecret = z.object({
  ...tenant,
  secret: text.describe("32 bytes, base64url: names of the tenant's leaves are HMACs under it."),
});
