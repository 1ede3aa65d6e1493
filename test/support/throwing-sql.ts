/**
 * A SqlStorage that throws at the n-th statement: a crash between two statements.
 */
export class InjectedFault extends Error {
  override readonly name = "InjectedFault";
}

/** Passes statements on and counts them; throws InjectedFault instead of executing statement number `failAt` (from 0). */
export function throwingSql(sql: SqlStorage, failAt: number): { sql: SqlStorage; count: () => number } {
  let executed = 0;
  const proxy = new Proxy(sql, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (property !== "exec") return typeof value === "function" ? value.bind(target) : value;
      return (query: string, ...bindings: SqlStorageValue[]) => {
        if (executed === failAt) throw new InjectedFault(`before statement ${failAt}: ${query.slice(0, 60)}`);
        executed++;
        return target.exec(query, ...bindings);
      };
    },
  });
  return { sql: proxy, count: () => executed };
}
