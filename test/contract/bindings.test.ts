/** The bindings of the platform are known by their methods, each as what it is. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { hasMethods } from "../../src/bindings.ts";
import { Meter } from "../../src/metering.ts";
import { placed } from "../../src/placement.ts";

const those = (...names: string[]) => {
  const own = Object.entries(env).filter(([, bound]) => hasMethods(bound, ...names));
  return own.map(([name]) => name).filter((name) => !name.startsWith("__"));
};

describe("a binding", () => {
  it("is told by its methods", () => {
    const namespaces = Object.keys(env).filter((name) => /_(SHARD|GATE|LOG|ENDPOINT)$/.test(name));
    expect(those("jurisdiction", "getByName")).toEqual(namespaces);
    expect(those("prepare")).toEqual(["REPORT_DB"]);
    expect(those("put", "head")).toEqual(["ARCHIVE"]);
  });

  it("of the static files is nothing else, though it answers to any name, in a jurisdiction and counted", () => {
    const { ASSETS } = env;
    expect(placed({ JURISDICTION: "eu", ASSETS }).ASSETS).toBe(ASSETS);
    expect(new Meter("worker").of({ ASSETS }).ASSETS).toBe(ASSETS);
  });
});
