/**
 * What the making of evidence needs, from the Worker's bindings.
 */
import { readConfig } from "../config.ts";
import { enqueueLeaf } from "../tlog/log.ts";
import { leafOf, leafSecretsOf } from "./leaf.ts";
import type { EvidencePorts } from "./make.ts";

export function evidencePorts(env: Env): EvidencePorts {
  const { closeGraceMs: graceMs } = readConfig(env);
  const { ARCHIVE: bucket, REPORT_DB: primary } = env;
  let secrets: ReturnType<typeof leafSecretsOf> | undefined;
  return {
    ...{ bucket, primary, graceMs },
    onManifest: async (stored) => {
      secrets ??= leafSecretsOf(bucket);
      const secretOf = await secrets;
      await enqueueLeaf(bucket, leafOf(secretOf(stored.manifest.advertiser_id), stored));
    },
  };
}
