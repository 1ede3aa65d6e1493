/**
 * What an audit asks of the platform, counted step by step: a step's cost is part of what the step resolves to, so that
 * one that was done before an instance died is counted once.
 *
 * Keeps: R2 by its three billed classes of operations, D1 by the statements that compare figures and the rows that the
 * database says they read.
 */
import type { Steps } from "./steps.ts";

export type Cost = {
  readonly objectsRead: number;
  readonly objectsWritten: number;
  readonly objectLists: number;
  readonly statements: number;
  readonly rowsRead: number;
  readonly steps: number;
};

export const NO_COST: Cost = {
  objectsRead: 0,
  objectsWritten: 0,
  objectLists: 0,
  statements: 0,
  rowsRead: 0,
  steps: 0,
};

export function addCosts(costs: readonly Cost[]): Cost {
  const names = Object.keys(NO_COST) as (keyof Cost)[];
  const sums = names.map((name) => [name, costs.reduce((sum, cost) => sum + cost[name], 0)]);
  return Object.fromEntries(sums) as Cost;
}

const OPERATIONS: Readonly<Record<string, keyof Cost>> = {
  get: "objectsRead",
  head: "objectsRead",
  put: "objectsWritten",
  delete: "objectsWritten",
  list: "objectLists",
};

/** Counts what is asked of a bucket through it, and what its user notes of a database. */
export class Meter {
  readonly bucket: R2Bucket;
  #counted: Record<keyof Cost, number> = { ...NO_COST };

  constructor(bucket: R2Bucket) {
    this.bucket = new Proxy(bucket, {
      get: (target, name) => {
        const operation = OPERATIONS[String(name)];
        if (operation !== undefined) this.#counted[operation]++;
        const member = Reflect.get(target, name) as unknown;
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  }

  /** Notes what statements of a report database say of themselves. */
  note(results: readonly D1Result[]): void {
    this.#counted.statements += results.length;
    for (const { meta } of results) this.#counted.rowsRead += meta.rows_read;
  }

  /** What was counted since the last time, and nothing from here on. */
  take(): Cost {
    const cost = this.#counted;
    this.#counted = { ...NO_COST };
    return cost;
  }
}

/** Steps that know what they cost together. One at a time: what is asked between two of them is the next one's. */
export class CountedSteps implements Steps {
  readonly #steps: Steps;
  readonly #meter: Meter;
  #cost = NO_COST;

  constructor(steps: Steps, meter: Meter) {
    this.#steps = steps;
    this.#meter = meter;
  }

  get cost(): Cost {
    return this.#cost;
  }

  async do<T extends Rpc.Serializable<T>>(name: string, work: () => Promise<T>): Promise<T> {
    type Done = { readonly value: T; readonly cost: Cost };
    const counted = async (): Promise<Done> => {
      this.#meter.take();
      const value = await work();
      return { value, cost: { ...this.#meter.take(), steps: 1 } };
    };
    const { value, cost } = await (this.#steps as { do(name: string, work: () => Promise<Done>): Promise<Done> }).do(
      name,
      counted,
    );
    this.#cost = addCosts([this.#cost, cost]);
    return value;
  }

  sleep(name: string, ms: number): Promise<void> {
    return this.#steps.sleep(name, ms);
  }
}
