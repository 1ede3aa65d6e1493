import { describe, expect, it } from "vitest";
import { AssertionError, assert, assertNever, err, ok } from "../../src/core/result.ts";

describe("a result", () => {
  it("is a value or a named refusal", () => {
    expect(ok(1)).toEqual({ ok: true, value: 1 });
    expect(err("reason")).toEqual({ ok: false, error: "reason" });
  });
});

describe("an assertion", () => {
  it("is silent while it holds", () => {
    expect(() => assert(true, "holds")).not.toThrow();
  });

  it("throws its sentence when it does not", () => {
    expect(() => assert(false, "a batch is not empty")).toThrow(new AssertionError("a batch is not empty"));
  });

  it("is told apart from other errors by its name", () => {
    expect(new AssertionError("x")).toMatchObject({ name: "AssertionError", message: "x" });
    expect(new AssertionError("x")).toBeInstanceOf(Error);
  });
});

describe("an unreachable branch", () => {
  it("throws when it is reached, with the value", () => {
    expect(() => assertNever({ kind: "new" } as never)).toThrow('unexpected {"kind":"new"}');
  });
});
