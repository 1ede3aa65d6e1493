/**
 * Where the project lies, and the environment under which its tools run: no telemetry, no look-ups in the network.
 */
import { fileURLToPath } from "node:url";

/** The folder of wrangler.toml; scripts work from any current folder. */
export const PROJECT_ROOT = fileURLToPath(new URL("..", import.meta.url));
export const WRANGLER_CONFIG = fileURLToPath(new URL("../wrangler.toml", import.meta.url));
export const MIGRATIONS_DIR = fileURLToPath(new URL("../migrations", import.meta.url));

/** Set before wrangler or Miniflare is loaded; what the caller has set stays. */
export const QUIET_TOOLS = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_LOG: "error",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
} as const;

export function quietTools(): void {
  for (const [name, value] of Object.entries(QUIET_TOOLS)) process.env[name] ??= value;
}

/** What a run on this machine has, whatever wrangler.toml says: workerd has no jurisdictions, and everything is here. */
export const HERE = { JURISDICTION: "" } as const;
