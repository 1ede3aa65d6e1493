/** What is counted at the bindings, and that they do what they did. */
import { describe, expect, it } from "vitest";
import { Meter } from "../src/metering.ts";

const meta = { rows_read: 5, rows_written: 2 };

/** Bindings that stand in: methods want their own object, as those of the platform do. */
class Statement {
  readonly bound: readonly unknown[];
  constructor(bound: readonly unknown[] = []) {
    this.bound = bound;
  }
  bind(...values: unknown[]) {
    return new Statement(values);
  }
  async all() {
    return { results: this.bound, meta };
  }
  run = () => this.all();
  async first() {
    return this.bound[0];
  }
}
class Database {
  prepare() {
    return new Statement();
  }
  async batch(all: Statement[]) {
    // Of its own kind, or the platform would refuse them.
    if (!all.every((one) => Object.getPrototypeOf(one) === Statement.prototype)) throw new TypeError("no statement");
    return Promise.all(all.map((one) => one.all()));
  }
}
class Bucket {
  readonly #objects = new Map<string, string>();
  put = async (key: string, value: string) => void this.#objects.set(key, value);
  async get(key: string) {
    return this.#objects.get(key);
  }
  async head(key: string) {
    return this.#objects.has(key);
  }
  async list() {
    return [...this.#objects.keys()];
  }
  async delete(key: string) {
    this.#objects.delete(key);
  }
}
const env = () => ({ REPORT_DB: new Database(), ARCHIVE: new Bucket(), LATE_POLICY: "review" });

describe("a meter", () => {
  it("counts rows of D1 by statement and by batch, and gives what was answered", async () => {
    const meter = new Meter("worker");
    const { REPORT_DB: database } = meter.of(env());
    const statement = database.prepare().bind(7);
    expect(await statement.all()).toEqual({ results: [7], meta });
    expect(await database.batch([statement, database.prepare().bind(8)])).toHaveLength(2);
    expect(await statement.first()).toBe(7);
    await statement.run();
    expect(meter.units()).toEqual({ d1RowsRead: 20, d1RowsWritten: 8 });
  });

  it("counts what is written and read of R2 by its class; what is deleted is free", async () => {
    const meter = new Meter("worker");
    const { ARCHIVE: bucket, LATE_POLICY } = meter.of(env());
    await bucket.put("a", "1");
    expect(await bucket.list()).toEqual(["a"]);
    expect([await bucket.get("a"), await bucket.head("a")]).toEqual(["1", true]);
    await bucket.delete("a");
    expect(meter.units()).toEqual({ classA: 2, classB: 2 });
    expect(LATE_POLICY).toBe("review");
  });

  it("has an object pay for waiting", async () => {
    const meter = new Meter("object");
    const { ARCHIVE: bucket, REPORT_DB: database } = meter.of(env());
    await bucket.get("a");
    await database.prepare().all();
    const { objectGbS } = meter.units();
    expect(objectGbS).toBeCloseTo(0.15 * 0.128, 9);
  });

  it("gives the same bindings for the same, and what it took once", async () => {
    const meter = new Meter("worker");
    const given = env();
    expect(meter.of(given)).toBe(meter.of(given));
    await meter.of(given).ARCHIVE.get("a");
    expect([meter.take(), meter.take()]).toEqual([{ classB: 1 }, {}]);
  });
});
