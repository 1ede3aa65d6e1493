/**
 * How long tests wait for what has to come: so long that a busy machine does not fail one. Nothing here measures time, and
 * what comes sooner is not waited for. Not more often than four times a second: a key may ask only so often.
 */
export const PATIENT = { timeout: 60_000, interval: 250 } as const;
