import { describe, expect, it } from "vitest";
import { Settings } from "../../src/core/settings.ts";

/** The names of what is wrong after `read`. */
function faultsOf(given: object, read: (settings: Settings) => unknown): string[] {
  const settings = new Settings(given);
  read(settings);
  return settings.faults.map(({ name, why }) => `${name} ${why}`);
}

describe("settings", () => {
  it("are read as they are, without a fault", () => {
    const settings = new Settings({ A: "x", B: "0", C: "-7", D: " a, b ", E: "", F: { send: () => 1 } });
    expect(settings.word("A")).toBe("x");
    expect(settings.formed("A", /^x$/, "must be x")).toBe("x");
    expect(settings.integer("B", 0, 9)).toBe(0);
    expect(settings.integer("C", -9, 9)).toBe(-7);
    expect(settings.list("D")).toEqual(["a", "b"]);
    expect(settings.list("E")).toEqual([]);
    expect(settings.some("D", ["b", "a", "c"])).toEqual(["a", "b"]);
    expect(settings.oneOf("A", ["y", "x"])).toBe("x");
    settings.bound("F", "send", "a queue");
    expect(settings.names()).toEqual(["A", "B", "C", "D", "E", "F"]);
    expect(settings.faults).toEqual([]);
  });

  it("gather their faults by name, and go on", () => {
    const faults = faultsOf({ A: "", B: "1e3", C: "x,x" }, (settings) => {
      settings.word("A");
      settings.integer("B", 1, 9_999);
      settings.list("C");
      settings.bound("D", "send", "a queue");
    });
    expect(faults).toEqual([
      "A is missing or empty",
      "B must be an integer from 1 to 9999, in digits alone",
      "C must name nothing twice",
      "D must be bound to a queue",
    ]);
  });

  it.each([undefined, "", "x", "1e3", " 5", "-0", "05", "+5", "10", "-1", "5."])(
    "have no integer from 0 to 9 in %j",
    (text) => {
      expect(faultsOf({ A: text }, (settings) => settings.integer("A", 0, 9))).toHaveLength(1);
    },
  );

  it.each([undefined, ""])("say once that a list is missing: %j", (text) => {
    expect(faultsOf({ A: text }, (settings) => settings.some("A", ["x"]))).toHaveLength(1);
  });

  it("are names of what is bound only with the method that is needed", () => {
    for (const binding of [undefined, null, "send", {}, { send: 1 }]) {
      expect(new Settings({ A: binding }).isBound("A", "send")).toBe(false);
    }
  });

  it("have no inherited members", () => {
    expect(faultsOf({}, (settings) => settings.word("constructor"))).toHaveLength(1);
  });
});
