/** The verifier watches over itself: work that never ends is ended, and nothing is called verified. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const WATCH = new URL("../../packages/verify/src/watch.js", import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), "clickledger-watch-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs work in a module of its own, as the verifier does. */
function runWork(name: string, work: string, options: readonly string[] = []) {
  const path = join(folder, `${name}.mjs`);
  const text = `import { watchOver } from ${JSON.stringify(WATCH)};\nawait watchOver(import.meta.url, ${work}, 2000);\n`;
  writeFileSync(path, text);
  return spawnSync(process.execPath, [...options, path, "an", "argument"], { encoding: "utf8" });
}

describe("work that is watched over", () => {
  it("ends with its own code, its words and its arguments", () => {
    const { status, stdout } = runWork("ends", "async () => { console.log(process.argv.slice(2).join()); return 1; }");
    expect([status, stdout]).toEqual([1, "an,argument\n"]);
  });

  it("is ended when it never ends, and was not checked", () => {
    const { status, stderr } = runWork("loops", "async () => { for (;;); }");
    expect(status).toBe(2);
    expect(stderr).toContain("Not checked: reading an object does not end");
  });

  it.each([
    [
      "takes all memory there is",
      "async () => { for (const all = []; ; ) all.push(new Array(1e6).fill(all.length)); }",
    ],
    [
      "has a fault that nobody caught",
      "() => { setTimeout(() => { throw new TypeError('stray'); }); return new Promise(() => {}); }",
    ],
  ])("was not checked where it %s, though Node would end with 1", (name, work) => {
    const { status, stderr } = runWork("faulty", work, ["--max-old-space-size=120"]);
    expect(stderr).toMatch(
      /memory/.test(name)
        ? /^Not checked: .*more memory than there is/
        : /^Not checked: the verifier itself failed. TypeError.*stray\n +at /,
    );
    expect(status).toBe(2);
  });

  it("may take its time while it breathes", () => {
    const { status } = runWork(
      "waits",
      "async () => { await new Promise((done) => setTimeout(done, 3500)); return 0; }",
    );
    expect(status).toBe(0);
  });
});
