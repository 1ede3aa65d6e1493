/** Random mutations of an audited day, each of which its audit must find; `npm run mutate:audit` plays more of them. */
import { describe, expect, it } from "vitest";
import { countMutations } from "./count.ts";
import { auditCopy, makeDay } from "./day.ts";
import { MUTATIONS } from "./mutations.ts";

const KINDS = Object.keys(MUTATIONS).length;
const OF_EACH = 3;

describe("the audit of a day", () => {
  it("is clean where nothing was mutated, and says so again", async () => {
    const day = await makeDay();
    for (let times = 0; times < 2; times++) {
      const report = await day.d1.aside(() => auditCopy(day.r2.copy(), day));
      expect(report).toMatchObject({ outcome: "clean", cost: { events: 48, segments: 6 } });
    }
  });

  it(`misses none of ${KINDS * OF_EACH} mutations of ${KINDS} kinds`, { timeout: 110_000 }, async () => {
    const counted = await countMutations({ mutations: KINDS * OF_EACH, seed: 7 });
    expect(counted.filter(({ missed }) => missed > 0)).toEqual([]);
    expect(counted.map(({ found }) => found)).toEqual(counted.map(() => OF_EACH));
  });
});
