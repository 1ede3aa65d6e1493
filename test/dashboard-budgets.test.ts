/** What pages may weigh (docs/decisions has why): scripts and style sheet, compressed, as the build makes them. */
import { readdir, readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";

const FOLDER = new URL("../assets/static/", import.meta.url);
const KILOBYTE = 1_000;
/** Loaded when the minute explorer is opened, and not before. */
const FIRST_VIEW_MAX = 15 * KILOBYTE;
const ALL_SCRIPTS_MAX = 45 * KILOBYTE;
const STYLE_MAX = 20 * KILOBYTE;

const weightOf = async (name: string) => gzipSync(await readFile(new URL(name, FOLDER))).length;
const names = (await readdir(FOLDER)).filter((name) => /\.(?:js|css)$/.test(name));

it("the script of every page takes 15 kB at most", async () => {
  expect(names).toEqual(expect.arrayContaining(["page.js", "minutes.js"]));
  expect(await weightOf("page.js")).toBeLessThanOrEqual(FIRST_VIEW_MAX);
});

it("all scripts together, the minute explorer's too, take 45 kB at most", async () => {
  const weights = await Promise.all(names.filter((name) => name.endsWith(".js")).map(weightOf));
  expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeLessThanOrEqual(ALL_SCRIPTS_MAX);
});

it("the one style sheet takes 20 kB at most", async () => {
  expect(names.filter((name) => name.endsWith(".css"))).toEqual(["ledger.css"]);
  expect(await weightOf("ledger.css")).toBeLessThanOrEqual(STYLE_MAX);
});
