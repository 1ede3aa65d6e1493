/**
 * What a verification showed, in words, and what no verification of evidence can show.
 */
import { idOf } from "./owner.js";

/**
 * @param {import("./verify.js").Report} report
 * @param {string} keepPath
 */
export function explain(report, keepPath) {
  const { statement, owner, seen, checkpoint, uncounted } = report;
  const { number, totals, currency, from, to } = statement;
  const isEarned = "publisherId" in owner;
  const checked = [
    `${plural(number, "statement")}, each naming the hash of the one before, and beginning where it ends.`,
    isEarned ? earnedLine(report) : clicksLine(report),
    "Lines by campaign and by ad, adjustments, budgets, rounding and what is carried: computed again, equal to the micro.",
    ...tokenLines(seen),
    `The evidence log of ${checkpoint.origin} (${plural(checkpoint.size, "leaf", "leaves")}) has each statement and manifest, and no other under its name.`,
    report.isFirstLook
      ? `This is the first look at the log. From now on ${keepPath} shows whether it is changed: keep it.`
      : "The log has everything in its place that it had when you looked last.",
  ];
  const open = [
    ...(seen.erased === 0
      ? []
      : [`${plural(seen.erased, "token")} erased: of those clicks price and expiry are not shown.`]),
    ...Array.from(seen.signatures.unknown, ([kid, count]) => {
      return `${plural(count, "token")} signed by ${kid}, whose public key was not given: --token-key ${kid}=…`;
    }),
    ...(report.unread.length === 0 ? [] : [`No evidence any more of ${report.unread.join(", ")}, before the period.`]),
    ...(report.newer.length === 0
      ? []
      : [`Evidence newer than this statement: ${report.newer.join(", ")}. A later one adjusts it.`]),
    ...(report.isFollowed ? ["The log has a later statement: this one is not the last word."] : []),
    ...Array.from(uncounted, ([id, { gross, valid }]) => {
      return `${plural(gross, "click")} of ${id}, ${valid} valid: counted by statements in another currency, if by any.`;
    }),
    ...(isEarned
      ? ["Single clicks: a publisher's evidence is sums by quarter of an hour. Receipts show that one click came."]
      : []),
    "Impressions and conversions: they stand there for information, as the service counted them.",
    "That a person clicked: evidence shows what was counted and how it was judged, not who sat before the screen.",
    ...(isEarned
      ? []
      : ["That a click under a secret was offered by the ad server: who can check such a token can make one."]),
    `That no click was left out before the log had it${isEarned ? "." : ", and which budget was agreed."}`,
  ];
  const list = (/** @type {string[]} */ lines) => lines.map((line) => `  - ${line}`).join("\n");
  return [
    `VERIFIED: statement ${number} of ${idOf(owner)}, ${from} to ${to}: ${totals.due} ${currency}.`,
    `Checked:\n${list(checked)}`,
    `Not shown:\n${list(open)}`,
    "",
  ].join("\n");
}

/** @param {import("./verify.js").Report} report */
function clicksLine({ seen, days, earlier }) {
  const before = earlier === 0 ? "." : `, ${plural(earlier, "day")} before the period included.`;
  const read = `${plural(seen.rows, "click")} on ${plural(days, "day's evidence", "days' evidence")}`;
  return `${read}, ${seen.valid} of them valid; no click and no impression twice${before}`;
}

/** @param {import("./verify.js").Report} report */
function earnedLine({ statement, days }) {
  const { totals, advertisers } = statement;
  const of = plural(advertisers.length, "advertiser");
  return `${plural(days, "day's evidence", "days' evidence")}: ${totals.valid} valid of ${totals.gross} clicks, of ${of}.`;
}

/** @param {import("./day.js").Seen} seen */
function tokenLines({ tokens, signatures: { signed, secret } }) {
  if (tokens === 0) return [];
  const lines = [`${plural(tokens, "token")}: ids, impression, price and expiry are those of their clicks.`];
  if (signed > 0)
    lines.push(`${plural(signed, "token")} signed with an ad server's own key, which the service does not have.`);
  if (secret > 0) lines.push(`${plural(secret, "token")} signed with a secret, which only who has it can check.`);
  return lines;
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
