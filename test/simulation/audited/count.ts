/**
 * `npm run mutate:audit -- --mutations N [--seed S]`: mutates an audited day N times, kind after kind, and counts by kind
 * how many the audit found; some of them by their name.
 */
import { Chance } from "../chance.ts";
import { auditCopy, makeDay } from "./day.ts";
import { MUTATIONS, mutate, NAMES } from "./mutations.ts";

export type Counted = { readonly kind: string; found: number; missed: number };

/** Mutates the day so often; resolves to what was found of each kind. */
export async function countMutations({ mutations, seed }: { mutations: number; seed: number }): Promise<Counted[]> {
  const day = await makeDay();
  const kinds = Object.keys(MUTATIONS);
  const counted = kinds.map((kind): Counted => ({ kind, found: 0, missed: 0 }));
  for (let number = 0; number < mutations; number++) {
    const count = counted[number % kinds.length] as Counted;
    await day.d1.aside(async () => {
      // A mutation that changed nothing must not stay, so that it is tried on a copy of its own.
      const r2 = day.r2.copy();
      await mutate(count.kind, { r2, d1: day.d1, chance: new Chance(seed + number, count.kind) });
      const { outcome, found } = await auditCopy(r2, day);
      const name = NAMES[count.kind];
      if (outcome === "blocked" && (name === undefined || found[name] !== undefined)) count.found++;
      else count.missed++;
    });
  }
  return counted;
}

/** Runs the command; returns the exit code. */
export async function main(args: readonly string[], print: (line: string) => void): Promise<number> {
  const numberOf = (name: string, fallback: number) => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? fallback : Number(args[at + 1]);
  };
  const counted = await countMutations({ mutations: numberOf("mutations", 1_000), seed: numberOf("seed", 1) });
  const sum = (of: "found" | "missed") => counted.reduce((total, each) => total + each[of], 0);
  for (const { kind, found, missed } of counted) {
    print(`${kind.padEnd(52)}${String(found).padStart(5)} found${missed > 0 ? `, ${missed} MISSED` : ""}`);
  }
  print(`${sum("found") + sum("missed")} mutations, ${sum("missed")} missed`);
  return sum("missed") === 0 ? 0 : 1;
}
