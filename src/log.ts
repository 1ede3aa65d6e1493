/**
 * One structured JSON line per fact, the only place that writes to the console.
 *
 * Keeps: `event` is a stable name without values; values are fields. No token, key or address is ever logged.
 */
type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export function logInfo(event: string, fields: Fields = {}): void {
  console.log(JSON.stringify({ level: "info", event, ...fields }));
}

/** A fault that was handled (retried, kept in a queue, answered with 5xx); the operator may want to know. */
export function logFault(event: string, cause: unknown, fields: Fields = {}): void {
  const error = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  console.error(JSON.stringify({ level: "error", event, error, ...fields }));
}
