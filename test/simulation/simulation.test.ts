/** Seeds of the simulation, the reproducibility of each, and the command that plays them. */
import { describe, expect, it } from "vitest";
import { flush } from "../../src/shard/flush.ts";
import { main } from "./cli.ts";
import { ABSOLUTE_TOTALS } from "./mutants/absolute-totals.ts";
import { REAL_PARTS } from "./parts.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";

const SEEDS = 200;
const BLOCK = 50;
const stopwatch = () => ({ wallMs: 0, cpuMs: 0 });

describe("the simulation", () => {
  it.each(Array.from({ length: SEEDS / BLOCK }, (_, block) => block * BLOCK + 1))(
    `keeps every promise in the ${BLOCK} seeds from %i`,
    { timeout: 120_000 },
    async (from) => {
      for (let seed = from; seed < from + BLOCK; seed++) {
        const { complaints, requests } = await simulate({ seed, hours: 1 });
        expect(complaints, `npm run simulate -- --seeds 1 --seed ${seed} --hours 1`).toEqual([]);
        expect(requests).toBeGreaterThan(0);
      }
    },
  );

  it("plays the same seed the same way, and another one differently", async () => {
    const first = await simulate({ seed: 7, hours: 2 });
    const again = await simulate({ seed: 7, hours: 2 });
    const other = await simulate({ seed: 8, hours: 2 });
    expect(again).toEqual(first);
    expect(other.digest).not.toBe(first.digest);
  });

  it("shrinks a failure to few impressions and traces one of them through its stations", async () => {
    const setting = { seed: 3, hours: 0.3, parts: { ...REAL_PARTS, ...ABSOLUTE_TOTALS.parts } };
    const failed = await simulate(setting);
    const { impressions, complaint, trace } = await shrink(setting, failed);
    expect(impressions).toBeLessThanOrEqual(3);
    expect(["G4", "G6"]).toContain(complaint.promise);
    expect(trace.join("\n")).toMatch(/edge \d: [A-Z]+[\s\S]*(clicks|impressions)-\d\/\S+: logged/);
  });

  it("reports a fault of a flush that nobody injected, although the flush runner takes it for a sink's", async () => {
    let isPlanted = false;
    const faulty: typeof flush = async (...args) => {
      await flush(...args);
      if (isPlanted) return;
      isPlanted = true;
      throw new TypeError("planted");
    };
    const { complaints } = await simulate({ seed: 1, hours: 0.2, parts: { ...REAL_PARTS, flush: faulty } });
    expect(complaints).toEqual([
      { promise: "bug", text: expect.stringMatching(/^flush of \S+: TypeError: planted$/), impression: null },
    ]);
  });

  it("is a command that says what it did", async () => {
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    expect(await main(["--seeds", "2", "--seed", "5", "--hours", "0.2"], print, stopwatch)).toBe(0);
    expect(lines[0]).toBe("2 seeds from 5, 0.2 virtual hours each: 2 passed, 0 failed");
    expect(await main(["--sides", "2"], print, stopwatch)).toBe(2);
  });
});
