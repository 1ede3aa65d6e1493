/**
 * The oracle agrees with the system on logs that its own code made, and with no system whose core decides or adds up
 * wrongly: the same function on both sides proves nothing, this one is on one side only.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Plugin } from "esbuild";
import { describe, expect, it } from "vitest";
import type { ArchivedLog } from "./figure-rows.ts";
import { Opinion, putFile } from "./opinion.ts";

type Logs = {
  readonly simulatedLog: (seed: number, hours: number) => Promise<ArchivedLog>;
  readonly craftedLog: (seed: number) => ArchivedLog;
};

/** A core in which one text of one file is another one. */
type Mutant = {
  readonly fault: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Conversions are in the simulation alone. */
  readonly isOfOrders?: true;
};

const MUTANTS: readonly Mutant[] = [
  {
    fault: "leaves late clicks in place when they are decided",
    file: "facts.ts",
    from: "return review === null ? null :",
    to: "return review !== undefined ? null :",
  },
  {
    fault: "adds what an event is revised to, and leaves what it was",
    file: "facts.ts",
    from: "return revision.from;",
    to: "return null;",
  },
  { fault: "bills a micro more", file: "facts.ts", from: "opened.claims.cpc)", to: "opened.claims.cpc + 1)" },
  {
    fault: "bills folded repeats",
    file: "verdict.ts",
    from: "valid: 1, duplicate: count - 1",
    to: "valid: count, duplicate: 0",
  },
  {
    fault: "leaves the publisher out of the identity of an impression",
    file: "impression-key.ts",
    from: "[adv, ad, pub, jti, String(iat)]",
    to: "[adv, ad, jti, String(iat)]",
  },
  {
    fault: "asks the last rule on invalid traffic first",
    file: "givt.ts",
    from: "GIVT_RULES.find(",
    to: "GIVT_RULES.findLast(",
  },
  {
    fault: "lets what is not valid claim",
    file: "ingest.ts",
    from: 'if (decision.verdict === "valid") {',
    to: 'if (decision.verdict === "valid" || decision.verdict === "invalid") {',
  },
  {
    fault: "credits the first click",
    file: "order.ts",
    from: "click.eventId > than.eventId : click.clickedAtMs > than.clickedAtMs",
    to: "click.eventId < than.eventId : click.clickedAtMs < than.clickedAtMs",
    isOfOrders: true,
  },
];

/** The logs as this core makes them. */
async function logsOf(mutant: Mutant | null): Promise<Logs> {
  const plugins = mutant === null ? [] : [mutating(mutant)];
  const entryPoints = [new URL("./logs.ts", import.meta.url).pathname];
  const options = { bundle: true, write: false, format: "esm", platform: "node", target: "node24" } as const;
  const { outputFiles } = await build({ ...options, entryPoints, plugins, external: ["cloudflare:workers"] });
  return withFolder(async (folder) => {
    await writeFile(join(folder, "logs.mjs"), outputFiles[0]?.text ?? "");
    return (await import(join(folder, "logs.mjs"))) as Logs;
  });
}

function mutating({ file, from, to }: Mutant): Plugin {
  return {
    name: "mutant",
    setup: ({ onLoad }) => {
      onLoad({ filter: new RegExp(`/src/core/${file.replace(".", "\\.")}$`) }, async ({ path }) => {
        const text = await readFile(path, "utf8");
        if (text.split(from).length !== 2) throw new Error(`${file} does not hold ${from} once`);
        return { contents: text.replace(from, () => to), loader: "ts" };
      });
    },
  };
}

/** What the oracle says of a log: disputed lines, figures and reasons that differ. */
async function findings(log: ArchivedLog): Promise<readonly object[]> {
  return withFolder(async (folder) => {
    for (const [key, text] of log.segments) await putFile(folder, key, gzipSync(text));
    return Opinion.on(folder, log.latePolicy, async (opinion) => {
      expect(await opinion.lines()).toBeGreaterThan(300);
      const figures = await opinion.differencesFrom(log.cells, "minute");
      return [...(await opinion.disputes()), ...figures, ...(await opinion.reasonDifferencesFrom(log.reasons))];
    });
  });
}

async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "clickledger-oracle-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("the oracle", () => {
  it("agrees with every verdict and figure of a log in which each pair of rules meets", async () => {
    const { craftedLog } = await logsOf(null);
    expect(await findings(craftedLog(1))).toEqual([]);
  });

  it("agrees with every verdict and figure of a seed of the simulation, with its faults", async () => {
    const { simulatedLog } = await logsOf(null);
    expect(await findings(await simulatedLog(24, 1))).toEqual([]);
  });

  it.each(MUTANTS)("does not agree with a core that $fault", async (mutant) => {
    const { craftedLog, simulatedLog } = await logsOf(mutant);
    const log = mutant.isOfOrders ? await simulatedLog(3, 1) : craftedLog(1);
    expect((await findings(log)).length).toBeGreaterThan(0);
  });
});
