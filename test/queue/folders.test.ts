/** One listing for folders whose names begin alike. */
import { describe, expect, it } from "vitest";
import { listFolders, lookIntoFolders } from "../../src/queue/folders.ts";
import { MemoryR2 } from "../support/memory-r2.ts";

function holding(...keys: string[]): MemoryR2 {
  const r2 = new MemoryR2();
  for (const key of keys) r2.set(key, "");
  return r2;
}

describe("lookIntoFolders", () => {
  it("says for one listing which folders hold anything, also where one's name begins with another's", async () => {
    const r2 = holding("spool-submissions/v1/adv_1/a", "spools/v1/b", "other/c");
    const hasAny = lookIntoFolders(r2.bucket, "spool");
    expect(await Promise.all(["spool/v1/", "spool-submissions/v1/", "spools/v1/"].map(hasAny))).toEqual([
      ...[false, true, true],
    ]);
    r2.set("spool/v1/d", "");
    expect([await hasAny("spool/v1/"), r2.asked.lists]).toEqual([false, 1]);
    expect(await lookIntoFolders(r2.bucket, "spool")("spool/v1/")).toBe(true);
  });

  it("says nothing where R2 does not answer, and asks no second time", async () => {
    let asked = 0;
    const list = () => {
      asked++;
      return Promise.reject(new Error("R2 is down"));
    };
    const hasAny = lookIntoFolders({ list }, "spool");
    for (const prefix of ["spool/v1/", "spool-submissions/v1/"]) await expect(hasAny(prefix)).rejects.toThrow("down");
    expect(asked).toBe(1);
  });
});

it("folders are listed to their end", async () => {
  const pages = [
    { delimitedPrefixes: ["s/a/"], truncated: true, cursor: "1" },
    { delimitedPrefixes: [], truncated: true, cursor: "2" },
    { delimitedPrefixes: ["s/b/"], truncated: false },
  ];
  const cursors: unknown[] = [];
  const list = async ({ cursor }: R2ListOptions = {}) => {
    cursors.push(cursor);
    return pages[cursors.length - 1] as unknown as R2Objects;
  };
  expect(await listFolders({ list }, "s/")).toEqual(["s/a/", "s/b/"]);
  expect(cursors).toEqual([undefined, "1", "2"]);
});
