/**
 * What a route asks of a key, beside that it is one: for each kind of route who may call it, and which key to use
 * instead.
 *
 *   admin         the operator                             report    reads rows: its own, or all with scope admin
 *   catalog       the advertiser itself, or the operator   events    the same of single clicks
 *   late_clicks   likewise                                 changes   likewise
 *   convert       an advertiser's conversions, or all      mint      whoever may mint
 *   bill          a tenant's statements and evidence, or all
 *   told          an advertiser's events, or all           hook     who is told of an advertiser's events, or of all
 *   books         how the books are kept: audits, holds, second looks, tenants; the operator, or an auditor
 *   live          the same as report, and no auditor
 *   operate       who reads metrics, or the operator       any       every key that is in force
 *
 * Keeps: pure. A key with an owner acts for nobody else, whatever its scopes. An auditor's key does what `AUDITED` says
 * and nothing else, and only reads: the guard lets it GET (src/api/app.ts).
 */
import { isAuditor, isOperator, type Principal } from "./api-keys.ts";

/** Null for who may; else which key to use, as a sentence for the caller. */
type Rule = (principal: Principal) => string | null;

const FOR_REPORTS = "This takes a key with the scope report.";
const FOR_CONVERSIONS =
  "Conversions take a key with the scope convert that belongs to an advertiser, or the operator's.";
const FOR_BOOKS = "This takes a key of scope admin or audit, which belongs to no tenant.";
const FOR_BILLS = "Statements take a key with the scope bill that belongs to a tenant, or the operator's.";
const FOR_AUDITORS =
  "A key of scope audit reads reports, single clicks, statements, evidence and audits, and nothing else.";
/** What an auditor is told who sends anything else than GET. */
export const AUDITORS_READ = "A key of scope audit only reads: send GET, or use the operator's key.";

const ofReports: Rule = ({ advertiserId, publisherId, scopes }) => {
  if (scopes.has("admin")) return null;
  if (!scopes.has("report")) return FOR_REPORTS;
  return advertiserId === null && publisherId === null ? "This takes a key that belongs to a tenant." : null;
};

const FOR_HOOKS = "Webhooks take a key with the scope hook that belongs to an advertiser, or the operator's.";

const RULES = {
  admin: (principal) => (isOperator(principal) ? null : "This takes a key of scope admin that belongs to no tenant."),
  report: ofReports,
  live: ofReports,
  events: (principal) => (isOperator(principal) || principal.scopes.has("report") ? null : FOR_REPORTS),
  catalog: (principal) =>
    ofAdvertiser(principal, "A publisher's key reads traffic; the catalogue is read by the advertiser's."),
  late_clicks: (principal) =>
    ofAdvertiser(
      principal,
      "A publisher's key reads its traffic and its single clicks; this list is read by the advertiser's.",
    ),
  changes: (principal) =>
    ofAdvertiser(
      principal,
      "A publisher's key reads its traffic in reports; changes are kept by ad, for the advertiser's key.",
    ),
  convert: (principal) => {
    const may = principal.advertiserId === null ? isOperator(principal) : principal.scopes.has("convert");
    return may ? null : FOR_CONVERSIONS;
  },
  bill: (principal) => {
    const isOwned = principal.advertiserId !== null || principal.publisherId !== null;
    const may = isOwned ? principal.scopes.has("bill") : isOperator(principal);
    return may ? null : FOR_BILLS;
  },
  told: (principal) =>
    ofAdvertiser(principal, "A publisher's key reads its traffic in reports; events are told to advertisers."),
  hook: (principal) => {
    const may = principal.advertiserId === null ? isOperator(principal) : principal.scopes.has("hook");
    return may ? null : FOR_HOOKS;
  },
  books: (principal) => (isOperator(principal) ? null : FOR_BOOKS),
  operate: (principal) =>
    isOperator(principal) || principal.scopes.has("operate") ? null : "Metrics take a key with the scope operate.",
  any: () => null,
  mint: ({ scopes }) => (scopes.has("mint") ? null : "This takes a key with the scope mint."),
} as const satisfies Record<string, Rule>;

export type Needs = keyof typeof RULES;

/** What an auditor reads. */
const AUDITED: ReadonlySet<Needs> = new Set<Needs>([
  "report",
  "events",
  "late_clicks",
  "changes",
  "bill",
  "books",
  "any",
]);

/** Null where the key may do it; else which key to use. */
export function lacksFor(needs: Needs, principal: Principal): string | null {
  if (isAuditor(principal)) return AUDITED.has(needs) ? null : FOR_AUDITORS;
  return RULES[needs](principal);
}

function ofAdvertiser(principal: Principal, publishers: string): string | null {
  if (isOperator(principal)) return null;
  if (!principal.scopes.has("report")) return FOR_REPORTS;
  return principal.publisherId === null ? null : publishers;
}
