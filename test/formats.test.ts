/**
 * What versions leave to one another is as it was recorded, and this one reads what others left: each change of a wire
 * format, a stored form, a table, a call or a migration is noticed here, in any clone, without the version before.
 *
 *   npm run record:formats    when a change is meant: what a release wrote stays recorded, and stays to be read
 *
 * Keeps: an entry of the present version of package.json is replaced, since nothing of it is deployed yet; once the
 * version is raised, a new one is added behind it. `npm run upgrade:check` then runs both versions on one state.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FORMATS } from "./support/formats.ts";

type Recorded = { readonly since: string; readonly written: string; readonly read?: unknown };
type Book = Readonly<Record<string, readonly Recorded[]>>;

const PATH = "test/vectors/formats.json";
const MIGRATIONS = "migrations";
const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
const plain = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

/** Each migration with its digest: once it is released it stays as it is. */
function migrations(): string {
  const names = readdirSync(MIGRATIONS).sort();
  const digest = (name: string) =>
    createHash("sha256")
      .update(readFileSync(`${MIGRATIONS}/${name}`))
      .digest("hex");
  return names.map((name) => `${name} ${digest(name)}`).join("\n");
}

const ALL: typeof FORMATS = { ...FORMATS, migrations: { writes: migrations } };

/** The versions of a format with the present one. */
async function recordedNow(name: string, before: readonly Recorded[]): Promise<readonly Recorded[]> {
  const { writes, reads } = ALL[name] as (typeof ALL)[string];
  const written = await writes();
  const newest = before.at(-1);
  if (newest?.written === written) return before;
  const kept = before.filter(({ since }) => since !== version);
  return [...kept, { since: version, written, ...(reads === undefined ? {} : { read: plain(reads(written)) }) }];
}

const book = (): Book => JSON.parse(readFileSync(PATH, "utf8")) as Book;

if (process.env["RECORD_FORMATS"] === "1") {
  it("are recorded", async () => {
    const before = book();
    const now = await Promise.all(
      Object.keys(ALL).map(async (name) => [name, await recordedNow(name, before[name] ?? [])] as const),
    );
    writeFileSync(PATH, `${JSON.stringify(Object.fromEntries(now), null, 2)}\n`);
  });
}

describe("what one version leaves to another", () => {
  it("is each format of the list, and no other", () => {
    expect(Object.keys(book())).toEqual(Object.keys(ALL));
  });

  it.each(Object.keys(ALL))("is written as recorded: %s", async (name) => {
    const written = await (ALL[name] as (typeof ALL)[string]).writes();
    expect(written, "a change that is meant is recorded by npm run record:formats").toBe(book()[name]?.at(-1)?.written);
  });

  const readable = Object.entries(book()).flatMap(([name, all]) => all.map((one) => ({ name, ...one })));
  it.each(readable.filter(({ read }) => read !== undefined))(
    "is read as it was when $since wrote it: $name",
    ({ name, written, read }) => {
      expect(plain(ALL[name]?.reads?.(written))).toEqual(read);
    },
  );

  it("is, of migrations, what was released and more behind it", () => {
    const all = book()["migrations"] ?? [];
    for (const { written } of all.filter(({ since }) => since !== version)) {
      expect(migrations().startsWith(written)).toBe(true);
    }
  });
});
