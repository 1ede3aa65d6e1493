/**
 * What a deploy button asks for: names of .dev.vars.example, described by package.json.
 */
import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { deployedEnv } from "../../scripts/deployed-env.ts";
import { readWanted, SECRET_NAMES } from "../../scripts/platform/wanted.ts";

const described = packageJson.cloudflare.bindings as Readonly<Record<string, { readonly description: string }>>;

it("is each secret of a deployment, described, and nothing of the demonstration", () => {
  const asked = Object.keys(parseEnv(readFileSync(".dev.vars.example", "utf8")));
  expect(asked.sort()).toEqual([...SECRET_NAMES].sort());
  for (const name of asked) expect(described[name]?.description, name).toMatch(/^.{20,200}\.$/);
});

it("describes only what wrangler.toml binds", async () => {
  const bound = new Set([...SECRET_NAMES, ...Object.keys(await deployedEnv())]);
  expect(Object.keys(described).filter((name) => !bound.has(name as never))).toEqual([]);
});

it("deploys the queues, database and bucket that it describes", async () => {
  const { databases } = await readWanted();
  expect(databases.every(({ binding }) => described[binding] !== undefined)).toBe(true);
  expect(packageJson.scripts.deploy).toBe("node scripts/deploy.ts");
});
