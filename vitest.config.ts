/**
 * Three projects: `node` runs the pure core, scripts, documents and the browser journey; `workers` runs everything that
 * touches the platform inside workerd, with the bindings of wrangler.toml; `databases` does so with two more report
 * databases, over all of which advertisers are spread.
 */
import { execFileSync } from "node:child_process";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import type { Json } from "miniflare";
import { defineConfig } from "vitest/config";
import { HERE } from "./scripts/project.ts";
import { PATIENT } from "./test/support/patience.ts";
import { TEST_SECRETS } from "./test/support/secrets.ts";

/** Tests of what needs no platform in rooms that have one: rows and queries, and what pages are computed by. */
const PURE_TESTS = [
  "test/conversions/{row,postback}.test.ts",
  "test/impression-counts/counts-row.test.ts",
  "test/access/session.test.ts",
  "test/{evidence/earnings,billing/monthly}.test.ts",
  "test/dashboard/pure/*.test.{ts,tsx}",
  "test/webhooks/pure/*.test.ts",
];

/** The Worker of wrangler.toml in workerd, with further bindings. */
function worker(bindings: Record<string, Json>, more: { d1Databases?: string[] } = {}) {
  return cloudflareTest({
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: {
      cf: false,
      compatibilityFlags: ["service_binding_extra_handlers"],
      // Posted at once, so that a test finds what it has counted where it stands for good.
      bindings: { ...TEST_SECRETS, ...HERE, POST_INTERVAL_MS: "0", ...bindings },
      queueConsumers: {
        "clickledger-clicks-0": { maxBatchSize: 100, maxBatchTimeout: 0.05, maxRetries: 100 },
        "clickledger-impressions-0": { maxBatchSize: 100, maxBatchTimeout: 0.05, maxRetries: 100 },
      },
      ...more,
    },
  });
}

export default defineConfig(async () => {
  execFileSync(process.execPath, ["scripts/docs-assets.ts"]);
  const bindings = {
    TEST_MIGRATIONS: await readD1Migrations("migrations"),
    // Set by `npm run record:examples`.
    RECORD_EXAMPLES: process.env["RECORD_EXAMPLES"] ?? "",
    CLICKLEDGER_QUERIES: process.env["CLICKLEDGER_QUERIES"] ?? "80",
  };
  return {
    test: {
      // Half of the machine waits otherwise: for a process that starts, a clock, or a page.
      maxWorkers: "100%",
      projects: [
        {
          test: {
            name: "node",
            environment: "node",
            include: [
              "test/{canary,erasure}/**/*.test.ts",
              "test/core/**/*.test.ts",
              "test/deploy/**/*.test.ts",
              "test/docs/**/*.test.ts",
              "test/journey/**/*.test.ts",
              "test/metrics/**/*.test.ts",
              "test/oracle/**/*.test.ts",
              "test/simulation/**/*.test.ts",
              "test/tlog/**/*.test.ts",
              "test/verify/**/*.test.ts",
              ...PURE_TESTS,
              "test/*.test.ts",
            ],
            exclude: ["test/guarantees.test.ts"],
            testTimeout: 300_000,
            hookTimeout: 300_000,
            expect: { poll: PATIENT },
          },
        },
        {
          plugins: [worker(bindings)],
          test: {
            name: "workers",
            include: [
              "test/{access,admin,api,audit,billing,dashboard,evidence,conversions,impression-counts,track,queue,replay,shard,facts,cold,report,openapi,operator,batch,contract,webhooks,well-known}/**/*.test.ts",
              "test/guarantees.test.ts",
            ],
            exclude: PURE_TESTS,
            setupFiles: ["./test/support/apply-migrations.ts"],
            expect: { poll: PATIENT },
            testTimeout: 300_000,
            hookTimeout: 300_000,
          },
        },
        {
          plugins: [
            worker(
              { ...bindings, NEW_ADVERTISERS_TO: "REPORT_DB,REPORT_DB_1,REPORT_DB_2" },
              { d1Databases: ["REPORT_DB", "REPORT_DB_1", "REPORT_DB_2"] },
            ),
          ],
          test: {
            name: "databases",
            include: ["test/databases/**/*.test.ts"],
            setupFiles: ["./test/support/apply-migrations.ts"],
            expect: { poll: PATIENT },
            testTimeout: 300_000,
            hookTimeout: 300_000,
          },
        },
      ],
    },
  };
});
