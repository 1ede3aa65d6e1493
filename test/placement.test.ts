/** Where objects are: in the jurisdiction that is set, and nowhere else. workerd has none, so namespaces stand in. */
import { describe, expect, it } from "vitest";
import { inPlace, PlacementError, placed } from "../src/placement.ts";

type Id = { readonly name: string; readonly jurisdiction?: string };

/** A namespace as the platform has it: the same name is another object in another jurisdiction. */
const namespace = (jurisdiction?: string) => ({
  jurisdiction: (of: string) => namespace(of),
  getByName: (name: string): Id => (jurisdiction === undefined ? { name } : { name, jurisdiction }),
});
const env = (text: string) => ({ JURISDICTION: text, EVENT_SHARD: namespace(), ARCHIVE: { put: () => "kept" } });

class Shard {
  readonly env: ReturnType<typeof env>;
  constructor(_: unknown, given: ReturnType<typeof env>) {
    this.env = given;
  }
}
const Placed = inPlace(Shard);

describe("placed", () => {
  it("finds objects within the jurisdiction that is set, and leaves other bindings as they are", () => {
    const given = env("eu");
    const { EVENT_SHARD: shards, ARCHIVE: bucket } = placed(given);
    expect(shards.getByName("clicks-0")).toEqual({ name: "clicks-0", jurisdiction: "eu" });
    expect(bucket).toBe(given.ARCHIVE);
  });

  it("leaves everything as it is where none is set", () => {
    const given = env("");
    expect(placed(given)).toBe(given);
    expect(given.EVENT_SHARD.getByName("clicks-0")).toEqual({ name: "clicks-0" });
  });

  it("gives the same bindings for the same bindings, by which isolates remember what they read", () => {
    const given = env("eu");
    expect(placed(given)).toBe(placed(given));
  });

  it("keeps nothing in a place that nobody knows, or where nobody has said where", () => {
    expect(() => placed(env("mars"))).toThrow(PlacementError);
    expect(() => placed({ EVENT_SHARD: namespace() })).toThrow(PlacementError);
  });
});

describe("inPlace", () => {
  const at = (jurisdiction?: string) => ({
    id: jurisdiction === undefined ? { name: "a" } : { name: "a", jurisdiction },
  });

  it("is an object of its jurisdiction, which finds the others there", () => {
    const shard = new Placed(at("eu"), env("eu"));
    expect(shard.env.EVENT_SHARD.getByName("b")).toEqual({ name: "b", jurisdiction: "eu" });
    expect(new Placed(at(), env("")).env.EVENT_SHARD.getByName("b")).toEqual({ name: "b" });
  });

  it.each([
    ["eu", "", "a is kept in jurisdiction eu, and not in no jurisdiction"],
    [undefined, "eu", "a is kept in no jurisdiction, and not in jurisdiction eu"],
  ])("refuses to be one that is in %s where %j is set", (is, set, said) => {
    expect(() => new Placed(at(is), env(set))).toThrow(new PlacementError(said));
  });

  it("takes a Workflow, whose place its configuration says", () => {
    expect(new Placed({}, env("eu")).env.EVENT_SHARD.getByName("b")).toEqual({ name: "b", jurisdiction: "eu" });
  });
});
