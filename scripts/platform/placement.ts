/**
 * Where a deployment is kept: all of it in the jurisdiction that JURISDICTION names, or all of it anywhere.
 *
 * Keeps: the place is that of the first deployment for good. The same name in another jurisdiction is another object or
 * another bucket, with none of the keys that are claimed, so a mix is refused by the name of what is elsewhere, and
 * nothing is moved. wrangler.toml says it once; bindings that need it are given it here.
 */
import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { placeOf } from "../../src/placement.ts";
import type { Found } from "./found.ts";
import type { KeptState } from "./keep.ts";
import type { Wanted } from "./wanted.ts";

export type PlacementReason = "jurisdiction_changed" | "jurisdiction_mixed";
/** `detail` is a sentence without its full stop. */
export type PlacementFault = { readonly reason: PlacementReason; readonly detail: string };

type Thing = { readonly what: string; readonly is: string | null | undefined };

/** What is kept elsewhere than `wanted` says. `state` is what this machine knows of a deployment that has no Worker yet. */
export function placementFaults(wanted: Wanted, found: Found, state: KeptState): PlacementFault[] {
  const recorded = recordedPlace(found, state);
  if (recorded !== undefined && recorded !== wanted.jurisdiction) {
    const detail = `JURISDICTION names ${placeOf(wanted.jurisdiction)}, and what is deployed is kept in ${placeOf(recorded)}: put it back, since shards elsewhere know no key that these have claimed`;
    return [{ reason: "jurisdiction_changed", detail }];
  }
  return thingsOf(wanted, found)
    .filter(({ is }) => is !== undefined && is !== wanted.jurisdiction)
    .map(({ what, is = null }) => ({
      reason: "jurisdiction_mixed",
      detail: `${what} is kept in ${placeOf(is)}, and JURISDICTION names ${placeOf(wanted.jurisdiction)}: choose another name in wrangler.toml, or put JURISDICTION right`,
    }));
}

/** Things of which the platform does not say where they are, where that matters. */
export function untoldPlaces(wanted: Wanted, found: Found): string[] {
  if (wanted.jurisdiction === null) return [];
  return thingsOf(wanted, found).flatMap(({ what, is }) => (is === undefined ? [what] : []));
}

/** What the deployed Worker was given; before there is one, what was begun here; undefined: nothing yet. */
function recordedPlace({ worker }: Found, state: KeptState): string | null | undefined {
  const bindings = worker?.bindings ?? [];
  if (bindings.some(({ name }) => name === "EVENT_SHARD")) {
    return bindings.find(({ name }) => name === "JURISDICTION")?.text || null;
  }
  return state.made.length === 0 ? undefined : state.jurisdiction || null;
}

function thingsOf({ bucket, worker: ours }: Wanted, { databases, buckets, queues, workflows, worker }: Found): Thing[] {
  const archive = worker?.bindings.find(({ type, name }) => type === "r2_bucket" && name === "ARCHIVE");
  const own = Array.from(workflows).filter(([, { script }]) => script === ours);
  return [
    ...Array.from(databases, ([name, { jurisdiction: is }]) => ({ what: `The D1 database ${name}`, is })),
    ...buckets.map((is) => ({ what: `The R2 bucket ${bucket}`, is })),
    ...Array.from(queues, ([name, { jurisdiction: is }]) => ({ what: `The queue ${name}`, is })),
    ...own.map(([name, { jurisdiction: is }]) => ({ what: `The Workflow ${name}`, is })),
    ...(archive === undefined ? [] : [{ what: "The bucket that ARCHIVE binds", is: archive.jurisdiction ?? null }]),
  ];
}

/** What wrangler.toml says at a binding against JURISDICTION, each in a sentence. */
export function mixedBindings({ jurisdiction, placed }: Pick<Wanted, "jurisdiction" | "placed">): string[] {
  return placed
    .filter(({ is }) => is !== jurisdiction)
    .map(
      ({ binding, is }) => `${binding} names ${placeOf(is)}, and JURISDICTION ${placeOf(jurisdiction)}: name it once`,
    );
}

type RawBinding = { readonly jurisdiction?: unknown };
type RawConfig = { readonly r2_buckets?: readonly RawBinding[]; readonly workflows?: readonly RawBinding[] };

/** The same configuration with the jurisdiction at each binding that has one. */
export function placedConfig<C extends RawConfig>(raw: C, jurisdiction: string): C {
  const within = (bindings: readonly RawBinding[] = []) => bindings.map((binding) => ({ ...binding, jurisdiction }));
  return { ...raw, r2_buckets: within(raw.r2_buckets), workflows: within(raw.workflows) };
}

/** Uses a configuration for wrangler that says the place at each binding: paths in it are relative, so it lies beside. */
export async function withPlacedConfig<T>(wanted: Wanted, use: (config: string) => Promise<T>): Promise<T> {
  const { config, jurisdiction } = wanted;
  if (jurisdiction === null) return use(config);
  const { experimental_readRawConfig: readRawConfig } = await import("wrangler");
  const { rawConfig } = readRawConfig({ config });
  const path = join(dirname(config), `wrangler.${jurisdiction}.json`);
  await writeFile(path, JSON.stringify(placedConfig(rawConfig as RawConfig, jurisdiction)));
  try {
    return await use(path);
  } finally {
    await rm(path, { force: true });
  }
}
