/** Small runs of benchmarks that the suite has no time for: `CLICKLEDGER_BENCHES=1 npm test` has them in it. */
export const HAS_BENCHES = process.env["CLICKLEDGER_BENCHES"] === "1";
