/**
 * Problems of receipts: why there is none of a click.
 */
import type { ProblemTable } from "./row.ts";

export const OF_RECEIPTS = {
  receipt_not_yet: {
    status: 409,
    title: "The receipt is not there yet.",
    advice: "Ask again after as many seconds as `Retry-After` says: a day's receipts are made behind its audit.",
  },
  receipt_gone: {
    status: 410,
    title: "The lines of that day are no longer kept.",
    advice:
      "Use the receipt that you took while they were: it verifies for ever. None can be made of a line that is gone.",
  },
} as const satisfies ProblemTable;
