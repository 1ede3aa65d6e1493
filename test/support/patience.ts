/**
 * How long tests wait for what has to come: so long that a busy machine does not fail one. Nothing here measures time, and
 * what comes sooner is not waited for.
 */
export const PATIENT = { timeout: 60_000, interval: 50 } as const;
