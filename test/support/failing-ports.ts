/**
 * D1 and R2 that fail at the n-th call: before it is done, as a crash of ours or an outage does, or after, as a reply that
 * is lost does.
 */
export type Failure = { readonly at: number; readonly isDone: boolean };

export class InjectedOutage extends Error {
  override readonly name = "InjectedOutage";
}

export type FailingPorts = {
  readonly database: D1Database;
  readonly archive: R2Bucket;
  /** Calls so far. */
  readonly calls: () => number;
};

/** Passes calls on and counts them from 0; call `failure.at` throws. `between` is awaited before each call. */
export function failingPorts(
  { database, archive }: { database: D1Database; archive: R2Bucket },
  failure: Failure | null,
  between: () => Promise<void> = async () => {},
): FailingPorts {
  let calls = 0;
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    const isFailing = failure?.at === calls++;
    await between();
    if (isFailing && !failure.isDone) throw new InjectedOutage("before the call");
    const result = await work();
    if (isFailing) throw new InjectedOutage("after the call");
    return result;
  };
  const real = new WeakMap<object, D1PreparedStatement>();
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      first: () => call(() => statement.first()),
      all: () => call(() => statement.all()),
      run: () => call(() => statement.run()),
    } as unknown as D1PreparedStatement;
    real.set(wrapped, statement);
    return wrapped;
  };
  return {
    calls: () => calls,
    database: {
      prepare: (sql: string) => wrap(database.prepare(sql)),
      batch: (statements: D1PreparedStatement[]) =>
        call(() => database.batch(statements.map((statement) => real.get(statement) ?? statement))),
    } as unknown as D1Database,
    archive: {
      get: (key: string, options: R2GetOptions) => call(() => archive.get(key, options)),
      head: (key: string) => call(() => archive.head(key)),
      list: (options: R2ListOptions) => call(() => archive.list(options)),
      put: (key: string, value: Uint8Array, options: R2PutOptions) => call(() => archive.put(key, value, options)),
      delete: (keys: string[]) => call(() => archive.delete(keys)),
    } as unknown as R2Bucket,
  };
}
