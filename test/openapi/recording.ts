/**
 * What an example's answer looks like in the document: real ids, keys, signatures and instants of the run are replaced by
 * the example's own, the rest is what the Worker said.
 */
import { EXAMPLE } from "../../src/openapi/example-values.ts";

const NOON = "2026-04-20T12:00:00Z";
const INSTANT = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z/g;

/** Members that differ from run to run, and what the document shows instead. */
const VOLATILE: Readonly<Record<string, unknown>> = {
  key: EXAMPLE.key,
  token: EXAMPLE.token,
  click_url: `https://clicks.example/c/${EXAMPLE.token}`,
  pixel_url: `https://clicks.example/i/${EXAMPLE.token}`,
  secret: EXAMPLE.secret,
  kid: EXAMPLE.kid,
  iat: 1_776_686_400,
  exp: 1_776_772_800,
  lagSeconds: 5,
  lateByMs: 540_000,
  /** Of clicks that were folded into one event: those that came within one hold. */
  count: 1,
  sent_at_ms: 1_776_686_400_000,
  mac: EXAMPLE.signature,
  payload: "{…}",
  bytes: 2_048,
  cursor: EXAMPLE.changeCursor,
};

/** Real → example, for texts of every place. */
export type Replacements = ReadonlyMap<string, string>;

export function toExample(value: unknown, replacements: Replacements): unknown {
  if (typeof value === "string") return replaceTexts(value, replacements);
  if (Array.isArray(value)) return value.map((one) => toExample(one, replacements));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const isPlain = typeof member === "string" || typeof member === "number";
      const isShown = isPlain && Object.hasOwn(VOLATILE, name) && !String(member).startsWith("dead/");
      return [name, isShown ? VOLATILE[name] : toExample(member, replacements)];
    }),
  );
}

/** Example → real, in what is sent. */
export function toReal<T>(sent: T, replacements: Replacements): T {
  if (sent === undefined) return sent;
  let text = JSON.stringify(sent);
  for (const [real, example] of replacements) text = text.replaceAll(example, real);
  return JSON.parse(text) as T;
}

/** Instants of the run become the noon of the examples; those of the seeded day stay. */
function replaceTexts(text: string, replacements: Replacements): string {
  let replaced = text;
  for (const [real, example] of replacements) replaced = replaced.replaceAll(real, example);
  return replaced.replaceAll(INSTANT, (instant) => (instant.startsWith("2026-04-") ? instant : NOON));
}
