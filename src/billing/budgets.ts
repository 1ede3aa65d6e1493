/**
 * Budgets: what the statements of an advertiser may bill at most, by the day from which one is in force.
 *
 *   budgets/v1/adv=<id>/<instant>.json   {"from":…,"micros":"…"|null,"by":…,"atMs":…}; the last one put is in force
 *
 * A statement takes the budget that is in force when its period begins, a first one that was given no beginning the one
 * of its first day of evidence, and prints it; later changes of budgets change no statement that is issued.
 */
import { getJson, keysBelow, putJson } from "../audit/objects.ts";
import { isoSecond } from "../core/time.ts";

export type Budget = {
  readonly from: string;
  /** Decimal digits; null takes a budget away. */
  readonly micros: string | null;
  readonly by: string;
  readonly atMs: number;
};

const budgetsPrefix = (advertiserId: string) => `budgets/v1/adv=${advertiserId}/`;

export async function putBudget(bucket: R2Bucket, advertiserId: string, budget: Budget): Promise<void> {
  await putJson(bucket, `${budgetsPrefix(advertiserId)}${budget.from}.json`, budget);
}

/** In order of their first instants. */
export async function readBudgets(bucket: R2Bucket, advertiserId: string): Promise<Budget[]> {
  const keys = await keysBelow(bucket, budgetsPrefix(advertiserId));
  const budgets = await Promise.all(keys.map((key) => getJson<Budget>(bucket, key)));
  return budgets.filter((budget) => budget !== null);
}

/** The budget in force at an instant; null for none. */
export async function budgetOf(bucket: R2Bucket, advertiserId: string, atMs: number): Promise<bigint | null> {
  const at = isoSecond(atMs);
  const inForce = (await readBudgets(bucket, advertiserId)).findLast(({ from }) => from <= at);
  return inForce?.micros == null ? null : BigInt(inForce.micros);
}
