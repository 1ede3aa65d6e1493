/**
 * Two projects: `node` runs the pure core, scripts, documents and the browser journey; `workers` runs everything that
 * touches the platform inside workerd, with the bindings of wrangler.toml.
 */
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { TEST_SECRETS } from "./test/support/secrets.ts";

/** Tests of what reads rows and queries, which needs no platform. */
const PURE_SUBMIT_TESTS = ["test/submit/{row,counts-row,postback}.test.ts"];

export default defineConfig(async () => {
  const migrations = await readD1Migrations("migrations");
  return {
    test: {
      projects: [
        {
          test: {
            name: "node",
            environment: "node",
            include: [
              "test/core/**/*.test.ts",
              "test/docs/**/*.test.ts",
              "test/journey/**/*.test.ts",
              "test/simulation/**/*.test.ts",
              ...PURE_SUBMIT_TESTS,
              "test/*.test.ts",
            ],
            exclude: ["test/guarantees.test.ts"],
            testTimeout: 30_000,
          },
        },
        {
          plugins: [
            cloudflareTest({
              wrangler: { configPath: "./wrangler.toml" },
              miniflare: {
                cf: false,
                compatibilityFlags: ["service_binding_extra_handlers"],
                bindings: {
                  ...TEST_SECRETS,
                  TEST_MIGRATIONS: migrations,
                  // Set by `npm run record:examples`.
                  RECORD_EXAMPLES: process.env["RECORD_EXAMPLES"] ?? "",
                  CLICKLEDGER_QUERIES: process.env["CLICKLEDGER_QUERIES"] ?? "200",
                },
                queueConsumers: {
                  "clickledger-clicks-0": { maxBatchSize: 100, maxBatchTimeout: 0.05, maxRetries: 100 },
                  "clickledger-impressions-0": { maxBatchSize: 100, maxBatchTimeout: 0.05, maxRetries: 100 },
                },
              },
            }),
          ],
          test: {
            name: "workers",
            include: [
              "test/{access,admin,submit,track,queue,shard,sinks,report,openapi,desk,batch,contract,well-known}/**/*.test.ts",
              "test/guarantees.test.ts",
            ],
            exclude: PURE_SUBMIT_TESTS,
            setupFiles: ["./test/support/apply-migrations.ts"],
            testTimeout: 30_000,
          },
        },
      ],
    },
  };
});
