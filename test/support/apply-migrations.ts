/** Applies the D1 migrations to every report database before the tests of a file; storage is isolated by file. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll } from "vitest";
import { boundDatabases } from "../../src/facts/directory.ts";

beforeAll(async () => {
  const { TEST_MIGRATIONS } = env as unknown as { TEST_MIGRATIONS: D1Migration[] };
  for (const database of boundDatabases(env).values()) await applyD1Migrations(database, TEST_MIGRATIONS);
});
