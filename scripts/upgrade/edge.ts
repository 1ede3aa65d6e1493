/**
 * A version of the Worker as the edge of another: it answers requests, and what its queues, objects and Workflows do is
 * done by that one.
 */
import { basename, join } from "node:path";
import type { Neighbour, Version } from "../local-runtime.ts";
import { HERE, PROJECT_ROOT, WRANGLER_CONFIG } from "../project.ts";

/** Runs beside the Worker `core` in one workerd, with the same stores; `vars` replace those of its configuration. */
export async function edgeOf(
  { script, root }: Version,
  { core, vars }: { readonly core: string; readonly vars: Readonly<Record<string, string>> },
): Promise<Neighbour> {
  const { unstable_getMiniflareWorkerOptions: readWorkerOptions, unstable_readConfig: readConfig } = await import(
    "wrangler"
  );
  const { workerOptions } = readWorkerOptions(readConfig({ config: join(root, basename(WRANGLER_CONFIG)) }));
  const { assets: _, ...worker } = workerOptions as Record<string, unknown>;
  const bindings = {
    ...{ ...worker, rootPath: PROJECT_ROOT, queueConsumers: {}, serviceBindings: { ASSETS: `${core}-assets` } },
    bindings: { ...(worker["bindings"] as Record<string, string>), ...HERE, ...vars },
    durableObjects: elsewhere(worker["durableObjects"], core),
    workflows: elsewhere(worker["workflows"], core),
  };
  return { script, bindings: bindings as Neighbour["bindings"] };
}

/** Classes of this Worker, as those of another. */
function elsewhere(bound: unknown, scriptName: string): Record<string, object> {
  const all = Object.entries((bound ?? {}) as Record<string, object | string>);
  return Object.fromEntries(
    all.map(([binding, of]) => [binding, { ...(typeof of === "string" ? { className: of } : of), scriptName }]),
  );
}
