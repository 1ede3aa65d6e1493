/**
 * Bindings that count what the platform bills of them, and a clock that only the driver moves (virtual-time.ts).
 *
 *   D1       rows by `meta` of each statement, also of those that are asked for one row
 *   objects  rows by the cursor; calls at the stub; alarms that are set, which are kept for the driver and not run
 *   R2       operations by class      queue, points, log lines: by call
 *
 * Keeps: nothing is known of what writes a row, or why. What Workflows would do is not done (`create` resolves).
 * Relies on: local runs execute Worker and objects in one isolate, so counters are plain variables; `ctx.storage.sql` is
 * one object for the life of an object; a cursor has its final numbers once its result was read, which is before the
 * counters are asked for.
 */

import { type Counters, zeroCounters } from "../cost/counters.ts";

export const counters: Counters = zeroCounters();
/** Alarms that are armed, by the binding and name of their object. */
export const alarms = new Map<string, { readonly binding: string; readonly name: string; readonly atMs: number }>();
export const clock = { nowMs: Date.now() };
/** Ingest calls: begun at the stub, answered, and held by their object (holds.ts). */
export const calls = { begun: 0, answered: 0, held: 0 };

const MINUTE_MS = 60_000;
let isTaken = false;
const HELD_CURSORS = 256;
const encoder = new TextEncoder();
const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];

/** From here on time stands still until the driver moves it; what is logged is counted and not shown, but faults are. */
export function takeTime(startMs: number): void {
  clock.nowMs = startMs;
  if (isTaken) return;
  isTaken = true;
  Date.now = () => clock.nowMs;
  for (const level of ["log", "info", "warn", "error"] as const) {
    const real = console[level].bind(console);
    console[level] = (...words: unknown[]) => {
      counters.logBytes += encoder.encode(words.map(String).join(" ")).length;
      if (level === "error") real(...words);
    };
  }
}

/** The counters now; what their cursors had read is in them. */
export function countersNow(): Counters {
  settleCursors();
  return { ...counters };
}

function settleCursors(): void {
  for (const { rowsRead, rowsWritten } of cursors.splice(0)) {
    counters.objectRowsRead += rowsRead;
    counters.objectRowsWritten += rowsWritten;
  }
}

/** Where a call comes from: what an object waits for keeps it active. */
export type Caller = "worker" | "object";

/** The same bindings, counting; `env` itself is left as it is. */
export function metered<E extends object>(env: E, caller: Caller): E {
  const entries = Object.entries(env).map(([name, binding]) => [name, meteredBinding(name, binding, caller)]);
  return Object.fromEntries(entries) as E;
}

function meteredBinding(name: string, binding: unknown, caller: Caller): unknown {
  if (/^(REPORT_DB|DB)/.test(name)) return meteredDatabase(binding as D1Database, caller);
  if (/_SHARD$|^(READ_GATE|EVIDENCE_LOG|ADS)$/.test(name)) return meteredObjects(binding as DurableObjectNamespace);
  if (name === "ARCHIVE") return meteredBucket(binding as R2Bucket, caller);
  if (name === "OPERATIONS") return { writeDataPoint: () => void counters.points++ };
  if (/^(AUDIT|REPLAY|EVIDENCE)$/.test(name)) return { create: async () => ({ id: "" }), createBatch: async () => [] };
  return binding;
}

const REAL = Symbol("the statement itself");
type Statement = D1PreparedStatement & { readonly [REAL]: D1PreparedStatement };

function meteredDatabase(database: D1Database, caller: Caller): D1Database {
  const call = () => {
    counters.d1Calls++;
    if (caller === "object") counters.objectD1Calls++;
  };
  const note = <Result extends D1Result>(result: Result): Result => {
    counters.d1RowsRead += result.meta.rows_read;
    counters.d1RowsWritten += result.meta.rows_written;
    return result;
  };
  const statementOf = (real: D1PreparedStatement) => {
    const all = async () => {
      call();
      return note(await real.all<Record<string, unknown>>());
    };
    const first = async (column?: string) => {
      const row = (await all()).results[0];
      return row === undefined ? null : column === undefined ? row : row[column];
    };
    const bind = (...values: unknown[]) => statementOf(real.bind(...values));
    return { [REAL]: real, bind, all, run: all, first } as unknown as Statement;
  };
  const batch = async (statements: D1PreparedStatement[]) => {
    call();
    return (await database.batch(statements.map((statement) => (statement as Statement)[REAL]))).map(note);
  };
  return { prepare: (query: string) => statementOf(database.prepare(query)), batch } as unknown as D1Database;
}

const CLASS_A = new Set(["put", "list", "createMultipartUpload"]);
const CLASS_B = new Set(["get", "head"]);

function meteredBucket(bucket: R2Bucket, caller: Caller): R2Bucket {
  return new Proxy(bucket, {
    get(target, key) {
      const value = Reflect.get(target, key, target) as unknown;
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (CLASS_A.has(String(key))) counters.classA++;
        if (CLASS_B.has(String(key))) counters.classB++;
        if (caller === "object") counters.objectR2Calls++;
        return (value as (...of: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}

/** A namespace whose stubs count their calls. */
function meteredObjects(namespace: DurableObjectNamespace): DurableObjectNamespace {
  const getByName = (name: string) => {
    const stub = namespace.getByName(name) as unknown as Record<string, (...args: unknown[]) => unknown>;
    return new Proxy(stub, {
      get: (target, method) =>
        target[String(method)] === undefined
          ? undefined
          : (...args: unknown[]) => {
              counters.objectCalls++;
              if (method === "ingest") calls.begun++;
              return target[String(method)]?.(...args);
            },
    });
  };
  return { getByName } as unknown as DurableObjectNamespace;
}

/** Counts an object's rows and alarms; to be called before its own constructor has the storage. */
export function meterStorage(ctx: DurableObjectState, binding: string): void {
  const { sql } = ctx.storage;
  const exec = sql.exec.bind(sql) as SqlStorage["exec"];
  sql.exec = ((...args: Parameters<SqlStorage["exec"]>) => {
    const cursor = exec(...args);
    cursors.push(cursor);
    if (cursors.length > HELD_CURSORS) settleOldest();
    return cursor;
  }) as SqlStorage["exec"];
  const name = ctx.id.name ?? "";
  ctx.storage.setAlarm = async (at) => {
    counters.alarmsSet++;
    alarms.set(`${binding}/${name}`, { binding, name, atMs: Number(at) });
  };
}

/** All but the newest, whose result may still be read. */
function settleOldest(): void {
  const newest = cursors.splice(-1);
  settleCursors();
  cursors.push(...newest);
}

/** The first minute that begins at the instant or after it. */
export function minuteFrom(atMs: number): number {
  return Math.ceil(atMs / MINUTE_MS) * MINUTE_MS;
}
