/**
 * What a handler of the report app finds in its context: the Worker's bindings.
 */
export type ReportEnv = { Bindings: Env };
