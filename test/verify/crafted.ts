/**
 * Crafted documents: a member of another type, one that is missing, one that nobody knows. What names them is made
 * anew and signed, as the service could, which has the log's key: so that no hash tells them, and their form must.
 *
 * Keeps: what is crafted is a function of the document; `sampled` of the seed too.
 */
import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { Differs, Unchecked } from "../../packages/verify/src/outcome.js";
import { type Objects, relog, renewed } from "./forgeries.ts";
import { seeded } from "./world.ts";

type Json = unknown;
type Path = readonly (string | number)[];

/** What is written in the place of a member: JSON in its one spelling, so that only its form is wrong. */
const DEEP = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
const WRONG: readonly string[] = [
  ...["null", "true", "0", "-1", "1.5", "7", "1e+300", "-9007199254740992", '""', '"x"', '"12"', '"-0"', '"1.5"'],
  ...['"\\u0007\\u001b[2J"', '"\\ud800"', '"2026-02-30"', '"0001-01-01T00:00:00Z"', '"../../x"', '"__proto__"'],
  ...["[]", "[null]", "{}", '{"toString":1,"valueOf":1}', '{"__proto__":{"rows":1}}'],
  DEEP,
];

export type Craft = {
  readonly name: string;
  /** As a message names the place. */
  readonly at: string;
  /** Whether what stands there is of another type than before: then the message has to name it. */
  readonly isOtherType: boolean;
  readonly text: () => string;
};

const typeOf = (value: Json) => (value === null ? "null" : Array.isArray(value) ? "list" : typeof value);
const spell = (path: Path) =>
  path.reduce<string>(
    (told, name) => (typeof name === "number" ? `${told}[${name}]` : told ? `${told}.${name}` : name),
    "",
  );
const MARK = "0c6a1f5e-mark";

/** Every place of a document; of a list's members the first and the last. */
function placesOf(value: Json, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const names = Array.isArray(value)
    ? [...new Set([0, value.length - 1])].filter((at) => at >= 0 && at < value.length)
    : Object.keys(value);
  return [path, ...names.flatMap((name) => placesOf((value as Record<string | number, Json>)[name], [...path, name]))];
}

const at = (value: Json, path: Path) =>
  path.reduce((inner, name) => (inner as Record<string | number, Json>)[name], value);

/** The document with something else in a place; nothing takes the member away. */
function withAt(value: Json, path: Path, other: Json | undefined): Json {
  if (path.length === 0) return other;
  const copy = structuredClone(value);
  const parent = at(copy, path.slice(0, -1)) as Record<string | number, Json>;
  const name = path.at(-1) as string | number;
  if (other !== undefined) parent[name] = other;
  else if (Array.isArray(parent)) parent.splice(name as number, 1);
  else delete parent[name];
  return copy;
}

const canonical = (value: Json) => canonicalize(value) as string;

/** Everything that is crafted of a document; `write` spells it, as RFC 8785 unless told otherwise. */
export function craftsOf(value: Json, write: (value: Json) => string = canonical): Craft[] {
  const crafts: Craft[] = [];
  const push = (name: string, at: string, isOtherType: boolean, text: () => string) =>
    crafts.push({ name, at, isOtherType, text });
  for (const path of placesOf(value)) {
    const old = at(value, path);
    const told = spell(path);
    const place = told || "the whole";
    for (const raw of WRONG.filter((raw) => raw !== canonical(old))) {
      const isOtherType = typeOf(raw === DEEP ? [] : JSON.parse(raw)) !== typeOf(old);
      const text = () => write(withAt(value, path, MARK)).replace(`"${MARK}"`, () => raw);
      push(`${place} is ${raw.slice(0, 40)}`, place, isOtherType, text);
    }
    if (typeof path.at(-1) === "string") {
      push(`${told} is missing`, told, true, () => write(withAt(value, path, undefined)));
    }
    if (typeOf(old) !== "object") continue;
    for (const name of ["more", "__proto__"]) {
      const inner = told === "" ? name : `${told}.${name}`;
      push(`${inner} is new`, inner, true, () => {
        // A literal in code would set the prototype, which JSON does not.
        const more = JSON.parse(canonical(old).replace("{", `{"${name}":{"rows":1},`).replace(",}", "}"));
        return write(withAt(value, path, more));
      });
    }
  }
  return crafts;
}

/** One of so many, by the seed; all of them where the environment says so: `CLICKLEDGER_CRAFTED=all`. */
export function sampled<T>(all: readonly T[], oneIn: number, seed: number): T[] {
  if (process.env["CLICKLEDGER_CRAFTED"] === "all") return [...all];
  const random = seeded(seed);
  return all.filter(() => random() * oneIn < 1);
}

/** What is found, in words; null where nothing is. What is no finding is a fault of the verifier. */
export async function told(look: () => unknown): Promise<string | null> {
  try {
    await look();
    return null;
  } catch (fault) {
    if (fault instanceof Differs || fault instanceof Unchecked) return `${fault.name}: ${fault.message}`;
    return `FAULT: ${(fault as Error).stack?.split("\n").slice(0, 2).join(" ")}`;
  }
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
export const decode = (bytes: Uint8Array | undefined) => JSON.parse(Buffer.from(bytes ?? []).toString());
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text));
const folderOf = (key: string) => key.slice(0, key.lastIndexOf("/") + 1);

/** Under which name the log has a manifest or a statement. */
function nameOf(key: string): string {
  const [, day, revision] = /dt=([^/]+)\/manifest-(\d+)/.exec(key) ?? [];
  if (day !== undefined) return `${day}/${Number(revision)}`;
  const [, currency = "", number] = /(?:cur=([A-Z]+)\/)?(\d{6})\.json$/.exec(key) ?? [];
  return `statement/${currency && `${currency}/`}${number}`;
}

/** The objects with one in the place of another, and everything that names it made anew and signed. */
export async function logged(world: Objects, key: string, text: string): Promise<Objects> {
  const objects = new Map(world).set(key, bytesOf(text));
  const hashes = new Map<string, string>();
  let before = { folder: "", sha256: "" };
  const keysOf = (form: RegExp) => [...objects.keys()].filter((name) => form.test(name)).sort();
  for (const name of [...keysOf(/^evidence\/.*manifest-/), ...keysOf(/^statements\/.*\d\.json$/)]) {
    const folder = folderOf(name);
    if (name !== key) {
      const document = decode(objects.get(name));
      document.previous = before.folder === folder ? before.sha256 : null;
      for (const counted of [...(document.evidence ?? []), ...(document.corrected ?? [])]) {
        counted.sha256 = hashes.get(`${counted.day}/${counted.revision}`);
      }
      objects.set(name, bytesOf(canonical(document)));
    }
    before = { folder, sha256: sha256(objects.get(name) as Uint8Array) };
    hashes.set(nameOf(name), before.sha256);
  }
  await relog(objects, (leaves) => leaves.map((own) => renewed(own, hashes)));
  return objects;
}
