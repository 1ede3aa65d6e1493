/**
 * What the making of evidence needs, from the Worker's bindings.
 */
import { readConfig } from "../config.ts";
import { enqueueLeaf } from "../tlog/log.ts";
import { hourLeaf } from "./hours.ts";
import { leafWriter } from "./leaf.ts";
import type { EvidencePorts } from "./make.ts";

export function evidencePorts(env: Env): EvidencePorts {
  const { ARCHIVE: bucket, REPORT_DB: primary } = env;
  const putLeaf = leafWriter(bucket);
  return {
    ...{ bucket, primary, graceMs: readConfig(env).closeGraceMs },
    onManifest: ({ manifest: { advertiser_id: advertiserId, day, revision }, sha256 }) =>
      putLeaf(advertiserId, `${day}/${revision}`, sha256),
    onEarnings: ({ manifest: { publisher_id: publisherId, day, revision }, sha256 }) =>
      putLeaf(`pub=${publisherId}`, `${day}/${revision}`, sha256),
    onHour: (stored) => enqueueLeaf(bucket, hourLeaf(stored)),
  };
}
