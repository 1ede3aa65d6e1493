/**
 * Where what this deployment keeps may be: in one jurisdiction of the platform, or anywhere.
 *
 *   placed(env).EVENT_SHARD.getByName("clicks-0")     the object of that name within JURISDICTION
 *   export class EventShard extends inPlace(…) {}     refuses to be one elsewhere, and finds the others where they are
 *
 * Keeps: the same name in another jurisdiction is another object, with none of the keys that the first has claimed. So
 * nothing in src/ has a namespace but by `placed`, which index.ts sees to, and an object that is not where the setting
 * says does nothing.
 */
import { hasMethods } from "./bindings.ts";

export const JURISDICTIONS = ["eu"] as const;
export type Jurisdiction = (typeof JURISDICTIONS)[number];

/** An object that is not where the deployment's are, or a place that nobody knows. */
export class PlacementError extends Error {
  override readonly name = "PlacementError";
}

type Namespace = { jurisdiction(of: Jurisdiction): object };

const known = new WeakMap<object, object>();

/** These bindings, with the Durable Objects of the configured jurisdiction alone. Throws PlacementError. */
export function placed<E extends object>(env: E): E {
  const jurisdiction = jurisdictionOf(env);
  if (jurisdiction === null) return env;
  const before = known.get(env);
  if (before !== undefined) return before as E;
  const within = Object.fromEntries(
    Object.entries(env).map(([name, bound]) => [name, isNamespace(bound) ? bound.jurisdiction(jurisdiction) : bound]),
  );
  known.set(env, within);
  return within as E;
}

/** What runs with bindings of its own, in its place. */
// biome-ignore lint/suspicious/noExplicitAny: TypeScript wants a mixin's constructor so.
export function inPlace<C extends new (...given: any[]) => object>(Base: C): C {
  return class extends Base {
    // biome-ignore lint/suspicious/noExplicitAny: likewise.
    constructor(...[ctx, env]: any[]) {
      assertInPlace(ctx as object, env as object);
      super(ctx, placed(env as object));
    }
  };
}

/** A Workflow's context has no id: its place is that of wrangler.toml. */
function assertInPlace(ctx: { readonly id?: { readonly name?: string; readonly jurisdiction?: string } }, env: object) {
  if (ctx.id === undefined) return;
  const [is, wanted] = [ctx.id.jurisdiction ?? null, jurisdictionOf(env)];
  if (is === wanted) return;
  throw new PlacementError(`${ctx.id.name ?? "an object"} is kept in ${placeOf(is)}, and not in ${placeOf(wanted)}`);
}

export const placeOf = (jurisdiction: string | null): string =>
  jurisdiction === null ? "no jurisdiction" : `jurisdiction ${jurisdiction}`;

function jurisdictionOf(env: object): Jurisdiction | null {
  const text = (env as { readonly JURISDICTION?: string }).JURISDICTION;
  if (text === "") return null;
  const found = JURISDICTIONS.find((one) => one === text);
  // Nothing is kept where nobody has decided that it may be.
  if (found === undefined) throw new PlacementError("JURISDICTION is refused");
  return found;
}

function isNamespace(bound: unknown): bound is Namespace {
  return hasMethods(bound, "jurisdiction", "getByName");
}
