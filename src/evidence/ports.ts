/**
 * What the making of evidence needs, from the Worker's bindings.
 */
import { readConfig } from "../config.ts";
import type { EvidencePorts } from "./make.ts";

export function evidencePorts(env: Env): EvidencePorts {
  const { closeGraceMs: graceMs } = readConfig(env);
  return { bucket: env.ARCHIVE, primary: env.REPORT_DB, graceMs, onManifest: async () => {} };
}
