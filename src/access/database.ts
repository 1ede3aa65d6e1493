/**
 * The database as something that can fail: the one place where the platform's errors become ours.
 *
 * Keeps: a failure that may pass is a `DatabaseFault`; a statement or value of ours that is wrong stays what it is.
 */
import { AssertionError } from "../core/result.ts";

/** The database failed and may answer later; the cause is the platform's error. */
export class DatabaseFault extends Error {
  override readonly name = "DatabaseFault";
}

/** Runs a read; what the platform throws becomes DatabaseFault, except that a statement of ours was wrong. */
export async function fromDatabase<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (isBug(cause)) throw cause;
    throw new DatabaseFault(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** What the language throws where our code is wrong, and what an assertion does. */
const MISTAKES = [TypeError, RangeError, ReferenceError, SyntaxError, AssertionError] as const;

/**
 * Whether a failure is a mistake of ours, which no retry mends. A table that is not there is a database before its
 * migrations: it will come, as one that is down will. Any other SQLITE_ERROR, and D1_TYPE_ERROR, means a malformed
 * statement or value.
 */
export function isBug(cause: unknown): boolean {
  if (MISTAKES.some((kind) => cause instanceof kind)) return true;
  if (cause instanceof Error && cause.message.includes("no such table")) return false;
  return cause instanceof Error && /\bSQLITE_ERROR\b|\bD1_TYPE_ERROR\b/.test(cause.message);
}
