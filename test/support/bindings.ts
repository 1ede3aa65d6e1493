/** Stand-ins for the bindings of wrangler.toml, for tests in Node that read settings and call nothing. */
const call = () => {
  throw new Error("a stand-in is not called");
};

export const STAND_INS = {
  CLICK_QUEUE_0: { send: call },
  IMPRESSION_QUEUE_0: { send: call },
  EVENT_SHARD: { getByName: call },
  ORDER_SHARD: { getByName: call },
  COUNTS_SHARD: { getByName: call },
  READ_GATE: { getByName: call },
  EVIDENCE_LOG: { getByName: call },
  WEBHOOK_ENDPOINT: { getByName: call },
  AUDIT: { create: call },
  REPLAY: { create: call },
  EVIDENCE: { create: call, createBatch: call },
  REPORT_DB: { prepare: call },
  ARCHIVE: { put: call },
  OPERATIONS: { writeDataPoint: call },
  API_RATE: { limit: call },
  WRONG_KEY_RATE: { limit: call },
};
