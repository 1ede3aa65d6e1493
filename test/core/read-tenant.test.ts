/** A tenant's buckets and what its reads are taken to cost. */
import { expect, it } from "vitest";
import { fillTenant, learnCost, newTenant } from "../../src/core/read-tenant.ts";

const RULES = { rowsMax: 100, rowsPerS: 10, keptBytesMax: 50, keptBytesPerS: 1, readsMax: 2, streamsMax: 2 };
const DAYS = { shape: "day rows", windows: 10 };

it("is filled as its rules say, up to the brim, out of a debt too, and not by a clock that went back", () => {
  const tenant = newTenant(RULES, 1_000);
  tenant.rows = -20;
  tenant.keptBytes = 0;
  fillTenant(tenant, 4_000);
  expect([tenant.rows, tenant.keptBytes]).toEqual([10, 3]);
  fillTenant(tenant, 2_000);
  expect([tenant.rows, tenant.filledAtMs]).toEqual([10, 4_000]);
  fillTenant(tenant, 100_000);
  expect([tenant.rows, tenant.keptBytes]).toEqual([100, 50]);
});

it("believes a high cost for some reads more, and what was weighed until it is weighed again", () => {
  const tenant = newTenant(RULES, 0);
  const costs = [800, 10, 10].map((rows) => {
    learnCost(tenant, DAYS, rows, { isWeighed: false });
    return tenant.costs.get(DAYS.shape);
  });
  expect(costs).toEqual([80, 40, 20]);
  learnCost(tenant, DAYS, 10, { isWeighed: true });
  expect(tenant.costs.get(DAYS.shape)).toBe(20);
});
