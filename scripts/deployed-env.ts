/**
 * What the Worker would find in its `env`: the variables of wrangler.toml, and a stand-in for each binding that it names.
 *
 * Relies on: src/config.ts knows a binding by one of its methods.
 */
import { randomBytes } from "node:crypto";
import { makeOperatorKey } from "../src/access/api-keys.ts";
import { quietTools, WRANGLER_CONFIG } from "./project.ts";

type Bound = { readonly binding?: string; readonly name?: string };

export async function deployedEnv(config = WRANGLER_CONFIG): Promise<Record<string, unknown>> {
  quietTools();
  const { unstable_readConfig: readWranglerConfig } = await import("wrangler");
  const bound = readWranglerConfig({ config });
  const { vars, queues, durable_objects, workflows, d1_databases, r2_buckets, analytics_engine_datasets } = bound;
  return {
    ...vars,
    ...standIns(queues?.producers ?? [], "send"),
    ...standIns(durable_objects?.bindings ?? [], "getByName"),
    ...standIns(workflows ?? [], "create"),
    ...standIns(d1_databases ?? [], "prepare"),
    ...standIns(r2_buckets ?? [], "put"),
    ...standIns(analytics_engine_datasets ?? [], "writeDataPoint"),
    ...standIns(bound.ratelimits ?? [], "limit"),
  };
}

/** Secrets of the right form, where the real ones are not at hand. */
export function placeholderSecrets(): Record<string, string> {
  return {
    TOKEN_KEYS: JSON.stringify({ placeholder: randomBytes(32).toString("base64url") }),
    TOKEN_SIGNING_KID: "placeholder",
    ADMIN_API_KEY: makeOperatorKey(randomBytes(32)),
    EVIDENCE_LOG_KEYS: JSON.stringify([{ name: "placeholder", seed: randomBytes(32).toString("base64url") }]),
    SESSION_KEYS: randomBytes(32).toString("base64url"),
  };
}

function standIns(bindings: readonly Bound[], method: string): Record<string, unknown> {
  const call = () => {
    throw new Error("a stand-in is not called");
  };
  return Object.fromEntries(bindings.map(({ binding, name }) => [binding ?? name, { [method]: call }]));
}
