/**
 * An account as a deployment leaves it, planted without one: for tests of what goes wrong afterwards.
 *
 * Keeps: test/deploy/deploy.test.ts holds it against what a real deployment leaves.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SECRET_NAMES, type Wanted } from "../../../scripts/platform/wanted.ts";
import { MIGRATIONS_DIR } from "../../../scripts/project.ts";
import { Account, type Rule } from "./account.ts";

export async function plantedAccount(wanted: Wanted): Promise<Account> {
  const account = new Account();
  for (const { name } of wanted.databases) {
    const { sqlite } = account.addDatabase(name, wanted.jurisdiction);
    sqlite.exec("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT)");
    for (const migration of wanted.migrations) {
      sqlite.exec(await readFile(join(MIGRATIONS_DIR, migration), "utf8"));
      sqlite.prepare("INSERT INTO d1_migrations (name) VALUES (?)").run(migration);
    }
    sqlite.exec("INSERT INTO heartbeat (id, beat) VALUES (1, 1)");
  }
  const bucket = account.addBucket(wanted.bucket, wanted.jurisdiction);
  bucket.lifecycle = structuredClone(wanted.lifecycle) as unknown as Rule[];
  bucket.locks = structuredClone(wanted.locks) as unknown as Rule[];
  for (const name of wanted.queues) account.addQueue(name, {}, wanted.jurisdiction);
  for (const { queue, deadLetterQueue, settings } of wanted.consumers) {
    const consumer = { consumer_id: queue, type: "worker", script: wanted.worker, settings: { ...settings } };
    const of = account.queues.find(({ queue_name }) => queue_name === queue);
    of?.consumers.push(deadLetterQueue === undefined ? consumer : { ...consumer, dead_letter_queue: deadLetterQueue });
  }
  const place = wanted.jurisdiction === null ? {} : { jurisdiction: wanted.jurisdiction };
  for (const name of wanted.workflows) account.workflows.set(name, { script_name: wanted.worker, ...place });
  const script = account.addScript(wanted.worker, [
    { type: "durable_object_namespace", name: "EVENT_SHARD", class_name: "EventShard" },
    ...wanted.databases.map(({ binding, name }) => ({ type: "d1", name: binding, id: account.database(name).uuid })),
    { type: "r2_bucket", name: "ARCHIVE", bucket_name: wanted.bucket, ...place },
    ...wanted.queues.map((queue) => ({ type: "queue", name: queue, queue_name: queue })),
    ...Object.entries(wanted.vars).map(([name, text]) => ({ type: "plain_text", name, text })),
  ]);
  script.schedules = wanted.crons.map((cron) => ({ cron }));
  for (const name of SECRET_NAMES) script.secrets.set(name, "…");
  return account;
}
