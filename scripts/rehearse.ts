/**
 * `npm run rehearse`: a stand-in of the platform on this machine, to try a deployment on before there is an account.
 *
 * Prints what to export, and then runs what is deployed to it at an address of its own, with cron, until Ctrl-C. What it
 * keeps ends with it. Relies on: test/support/platform/, against which the tests deploy.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveUploads } from "../test/support/platform/served.ts";
import { startPlatform } from "../test/support/platform/stand-in.ts";
import { driveCron } from "./cron-driver.ts";
import { readWanted } from "./platform/wanted.ts";
import { quietTools } from "./project.ts";

quietTools();
const BEAT = "SELECT beat, beaten_at_s FROM heartbeat WHERE id = 1";
const SET_BEAT = "INSERT OR REPLACE INTO heartbeat (id, beat, beaten_at_s) VALUES (1, ?, ?)";

const { worker, databases } = await readWanted();
const database = databases[0]?.name ?? "";
const platform = await startPlatform();
const served = await serveUploads(platform.account, worker);
const keep = await mkdtemp(join(tmpdir(), "clickledger-rehearsal-"));
const stopCron = driveCron({
  runCron: async () => {
    const runtime = await served.runtime();
    await runtime?.runCron();
    // The Worker's own database is workerd's; the one that the platform shows hears of its heart.
    const beat = await runtime?.database.prepare(BEAT).first<{ beat: number; beaten_at_s: number }>();
    if (beat === null || beat === undefined) return;
    platform.account.database(database).sqlite.prepare(SET_BEAT).run(beat.beat, beat.beaten_at_s);
  },
});

console.log("The platform stands in. In another terminal:\n");
for (const [name, value] of Object.entries({ ...platform.env, CLICKLEDGER_KEEP: keep })) {
  console.log(`export ${name}=${value}`);
}
console.log(`npm run deploy -- --url ${served.url}\n`);

const end = async () => {
  stopCron();
  await served.stop();
  await platform.stop();
  await rm(keep, { recursive: true, force: true });
  process.exit(0);
};
process.once("SIGINT", end);
process.once("SIGTERM", end);
