/** Applies the D1 migrations before the tests of a file; storage is isolated by file. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll } from "vitest";

beforeAll(async () => {
  const { REPORT_DB, TEST_MIGRATIONS } = env as unknown as { REPORT_DB: D1Database; TEST_MIGRATIONS: D1Migration[] };
  await applyD1Migrations(REPORT_DB, TEST_MIGRATIONS);
});
