/** README's table of cost and speed is what scripts/readme-figures.ts makes of the newest results. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readFigures, toBlock, withBlock } from "../scripts/readme-figures.ts";

it("README says of cost and speed what bench/results/ has, and nothing else: `npm run readme` makes it", async () => {
  const readme = await readFile("README.md", "utf8");
  expect(readme).toBe(withBlock(readme, toBlock(await readFigures())));
});

it("the newest page of cost is taken, and the newest figure of each kind of speed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "readme-figures-"));
  const page = (name: string, figures: unknown) =>
    writeFile(join(folder, name), `# A page\n\n\`\`\`json\n${JSON.stringify(figures)}\n\`\`\`\n`);
  const cost = (dollars: number) => ({
    idleMonth: 1.5,
    ours: [{ clicksPerSecond: 50, perMessage: 10, dollars, rows: 0.5 }],
    naive: [{ clicksPerSecond: 50, perMessage: 1, dollars: 5, rows: 3 }],
  });
  try {
    await page("2026-11-27-cost.md", cost(9));
    await page("2026-11-28-cost.md", cost(2));
    await page("2026-11-28-cost-before.md", cost(7));
    await page("2026-11-27-bench.md", {
      ingestPerSecond: 1_000,
      endToEnd: { ofBare: 0.1, perSecond: 10, naivePerSecond: 5 },
    });
    await page("2026-11-28-bench-ingest.md", { ingestPerSecond: 61_000, endToEnd: null });
    const block = toBlock(await readFigures(folder));
    // 50 clicks/s are 129.6 million in 30 days.
    expect(block).toContain("| $2.00 (0.50 rows written a click) | $5.00 (3.00) | $259 instead of $648 |");
    expect(block).toContain("| decided and logged by one shard | 61 000/s |  | wanted ≥ 60 000/s |");
    expect(block).toContain("| 10/s | 5/s | 0.10 × bare; wanted ≥ 0.33 × |");
    expect(() => withBlock("no marks", block)).toThrow("no marks");
  } finally {
    await rm(folder, { recursive: true });
  }
});
