/** The benchmark of neighbours still runs; checked for who is answered and who is refused, and not for how fast. */
import { expect, it } from "vitest";
import { measureNeighbours, NEIGHBOURS_SIZES, toNeighboursPage } from "../bench/neighbours.ts";
import { TENANT_RULES } from "../src/access/read-rules.ts";
import { HAS_BENCHES } from "./support/benches.ts";

const MINUTE_MS = 60_000;

it.runIf(HAS_BENCHES)(
  "answers the quiet tenant, and refuses streams and bodies past their bounds",
  {
    timeout: 2 * MINUTE_MS,
  },
  async () => {
    const size = NEIGHBOURS_SIZES.small;
    const result = await measureNeighbours(size);
    expect(result.besideMs).toHaveLength(size.asked);
    expect(result.cells).toBeGreaterThan(0);
    expect(result.noise[200]).toBeGreaterThan(0);
    expect(result.streams).toEqual({ 200: TENANT_RULES.streamsMax, 429: size.streams - TENANT_RULES.streamsMax });
    const { 413: tooLarge = 0, 0: closed = 0 } = result.bodies;
    expect(tooLarge + closed).toBe(size.bodies);
    expect(toNeighboursPage(result, size, ["machine: any"])).toContain("| ratio |");
  },
);
