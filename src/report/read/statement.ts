/**
 * SQL with what it binds, put together from fragments: `?` and values stay in one order.
 *
 * Keeps: no value meets SQL text.
 */
export type Statement = { readonly sql: string; readonly bound: readonly (string | number)[] };

const NO_BOUND: Statement["bound"] = [];

export function constant(sql: string): Statement {
  return { sql, bound: NO_BOUND };
}

export function joinClauses(clauses: readonly Statement[]): Statement {
  const sql = clauses.map((clause) => clause.sql).filter((text) => text !== "");
  return { sql: sql.join("\n"), bound: clauses.flatMap((clause) => clause.bound) };
}
