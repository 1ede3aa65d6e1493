/**
 * Problems of what others submit: conversions, postbacks and uploaded impression counts.
 *
 * Keeps: a forged, a damaged and another tenant's click id are one problem, so that nobody learns which ids exist.
 */
import {
  CONVERSION_VALUE_MICROS_MAX,
  CONVERSIONS_PER_CALL_MAX,
  CORRECTIONS_PER_ORDER_MAX,
  COUNTS_AGE_DAYS_MAX,
  ORDER_KEY_DAYS,
} from "../core/limits.ts";
import { type ProblemTable, RETRY_AFTER_S } from "./row.ts";

export const OF_SUBMISSIONS = {
  click_id_missing: {
    status: 400,
    title: "The click id is missing.",
    advice: "Send `click_id` as the landing page was given it in its URL.",
  },
  click_id_refused: {
    status: 403,
    title: "This click id is not valid for your account.",
    advice: "Send the click id whole and unchanged, and as the advertiser whose ad was clicked.",
  },
  click_id_expired: {
    status: 422,
    title: "This click is too old for a conversion.",
    advice: `Report a conversion within ${ORDER_KEY_DAYS} days of its click; this one can no longer be joined to it.`,
  },
  template_unfilled: {
    status: 400,
    title: "A field holds a template that was not filled in.",
    advice: "Let the platform that sends this put the value in place of the template, in the field that `field` names.",
  },
  field_unknown: {
    status: 400,
    title: "There is no such field.",
    advice: "Remove the field that `field` names, or correct its name; the page /docs lists the fields.",
  },
  field_repeated: {
    status: 400,
    title: "A field is given more than once.",
    advice: "Send the field that `field` names once.",
  },
  unknown_type: {
    status: 400,
    title: "There is no such type of conversion.",
    advice: "Send one of the types of conversion that docs/CONVERSIONS.md lists.",
  },
  occurred_before_click: {
    status: 422,
    title: "The conversion is said to have occurred before its click.",
    advice: "Send when the conversion happened, with its time zone, or leave `occurred_at` out.",
  },
  occurred_in_future: {
    status: 422,
    title: "The conversion is said to occur in the future.",
    advice: "Set the sender's clock and check the time zone, or leave `occurred_at` out.",
  },
  order_conflict: {
    status: 409,
    title: "This order was recorded with another value.",
    advice:
      "Send a changed value as a correction, and another sale under another `order_id`: without one, a click has one " +
      "order of each type.",
  },
  order_retracted: {
    status: 409,
    title: "This order was retracted.",
    advice: "A retracted order stays so: record a new sale under another `order_id`.",
  },
  order_unknown: {
    status: 404,
    title: "There is no such order to change.",
    advice:
      "Record the order first, then change it by the same `order_id` and `type`. One that was only `accepted` is " +
      "recorded within minutes: send the change again then.",
  },
  correction_conflict: {
    status: 409,
    title: "This correction was recorded with another value.",
    advice: "Give every further correction a `correction_id` of its own; without one an order takes one correction.",
  },
  corrections_exhausted: {
    status: 422,
    title: "This order takes no more corrections.",
    advice:
      `An order takes ${CORRECTIONS_PER_ORDER_MAX} corrections. Retract it, and record what it is worth now under ` +
      "another `order_id`.",
  },
  correction_exceeds_value: {
    status: 422,
    title: "The correction takes more than the value of the order.",
    advice: "Take back no more than the order is worth now, or all of it with `retract`.",
  },
  correction_exceeds_limit: {
    status: 422,
    title: "The correction makes the order worth more than an order may be.",
    advice: `Correct the order to ${CONVERSION_VALUE_MICROS_MAX} micros at most, and record the rest as another order.`,
  },
  rows_invalid: {
    status: 400,
    title: `The body holds 1 to ${CONVERSIONS_PER_CALL_MAX} rows.`,
    advice: `Send at least one row, and split more than ${CONVERSIONS_PER_CALL_MAX} over several requests.`,
  },
  postbacks_too_many: {
    status: 429,
    title: "Too many postbacks of this advertiser.",
    advice: "Wait as many seconds as `Retry-After` says, send this postback again, and then fewer at once.",
  },
  minute_too_old: {
    status: 422,
    title: "The minute is too old to be counted.",
    advice: `Upload counts within ${COUNTS_AGE_DAYS_MAX} days of their minute, and check its year and time zone.`,
  },
  minute_in_future: {
    status: 422,
    title: "The minute lies in the future.",
    advice: "Upload counts once their minute has begun, and check the sender's clock and time zone.",
  },
  batch_conflict: {
    status: 409,
    title: "This batch was counted with other rows.",
    advice: "Repeat a batch with the same rows in the same order, and give other rows a `batch_id` of their own.",
  },
  unavailable: {
    status: 503,
    title: "This could not be taken just now.",
    advice: "Send the same again in a few seconds; what was taken already is not counted twice.",
    headers: { "Retry-After": String(RETRY_AFTER_S) },
  },
} as const satisfies ProblemTable;
