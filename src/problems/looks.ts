/**
 * Problems of auditors, whose looks stand in the audit log.
 */
import { type ProblemTable, RETRY_AFTER_S } from "./row.ts";

export const OF_LOOKS = {
  look_too_long: {
    status: 414,
    title: "The address is longer than an auditor's may be.",
    advice:
      "Keep path and query within 2000 characters, for instance with fewer filters: they are recorded as a whole.",
  },
  look_not_recorded: {
    status: 503,
    title: "It cannot be recorded at the moment that an auditor has looked.",
    advice: "Send the same request again after as many seconds as `Retry-After` says: nothing is shown unrecorded.",
    headers: { "Retry-After": String(RETRY_AFTER_S) },
  },
} as const satisfies ProblemTable;
