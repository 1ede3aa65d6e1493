/**
 * Counts what the platform bills of D1 and R2, at the bindings, for the metrics (metrics/add-up.ts).
 *
 *   const meter = new Meter("worker");  meter.of(env).REPORT_DB.batch(…)  →  meter.units()   { d1RowsWritten: 12, … }
 *
 * Keeps: a binding does what it did; only numbers are noted on the way back. For operations, never for money: of a
 * statement that is asked for its first row nothing is told, and what a failed call cost is not known.
 */
import { hasMethods } from "./bindings.ts";
import { ASSUMED_MS } from "./core/prices.ts";
import { gbSecondsOf, plusUnits, type Units } from "./core/spending.ts";

const CLASS_A = new Set(["put", "list", "createMultipartUpload"]);
const CLASS_B = new Set(["get", "head"]);

/** Who counts: what an object waits for keeps it active, which is billed. */
export type Counting = "worker" | "object";

export class Meter {
  readonly #counting: Counting;
  #units: Units = {};
  readonly #known = new WeakMap<object, object>();

  constructor(counting: Counting) {
    this.#counting = counting;
  }

  note(more: Units): void {
    this.#units = plusUnits(this.#units, more);
  }

  /** All since the beginning. */
  units(): Units {
    return this.#units;
  }

  /** All since it was taken last. */
  take(): Units {
    const taken = this.#units;
    this.#units = {};
    return taken;
  }

  /** The same bindings, counted; the same for the same. */
  of<E extends object>(env: E): E {
    const before = this.#known.get(env);
    if (before !== undefined) return before as E;
    const counted = Object.fromEntries(Object.entries(env).map(([name, bound]) => [name, this.#binding(bound)]));
    this.#known.set(env, counted);
    return counted as E;
  }

  #waited(ms: number): void {
    if (this.#counting === "object") this.note({ objectGbS: gbSecondsOf(ms) });
  }

  #binding(bound: unknown): unknown {
    if (hasMethods(bound, "prepare")) return this.#database(bound as D1Database);
    if (hasMethods(bound, "put", "head")) return this.#bucket(bound as R2Bucket);
    return bound;
  }

  #database(database: D1Database): D1Database {
    const real = new WeakMap<object, D1PreparedStatement>();
    const noted = <R extends D1Result>(result: R): R => {
      this.note({ d1RowsRead: result.meta.rows_read, d1RowsWritten: result.meta.rows_written });
      return result;
    };
    const called = () => this.#waited(ASSUMED_MS.d1);
    const counting = async (call: () => Promise<D1Result>) => {
      called();
      return noted(await call());
    };
    const statement = (of: D1PreparedStatement): D1PreparedStatement => {
      const counted = instead(of, {
        bind: (...values: unknown[]) => statement(of.bind(...values)),
        all: () => counting(() => of.all()),
        run: () => counting(() => of.run()),
      });
      real.set(counted, of);
      return counted;
    };
    return instead(database, {
      prepare: (query: string) => statement(database.prepare(query)),
      batch: async (all: D1PreparedStatement[]) => {
        called();
        return (await database.batch(all.map((one) => real.get(one) ?? one))).map(noted);
      },
    });
  }

  #bucket(bucket: R2Bucket): R2Bucket {
    const counted = (unit: "classA" | "classB") => (name: string) => [
      name,
      (...given: unknown[]) => {
        this.note({ [unit]: 1 });
        this.#waited(ASSUMED_MS.r2);
        return (Reflect.get(bucket, name) as (...of: unknown[]) => unknown).apply(bucket, given);
      },
    ];
    const all = [...Array.from(CLASS_A, counted("classA")), ...Array.from(CLASS_B, counted("classB"))];
    return instead(bucket, Object.fromEntries(all) as object);
  }
}

/** A binding with other methods for some; those of the platform want to be called on their own object. */
function instead<T extends object>(real: T, methods: object): T {
  return new Proxy(real, {
    get: (target, name) => {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name) as unknown;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
