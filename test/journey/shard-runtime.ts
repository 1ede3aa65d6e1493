/**
 * A runtime in a process of its own, to be killed: clicks go straight to their shard, so that an acknowledged click is
 * one that a shard has committed. Prints its address as the first line.
 *
 *   node test/journey/shard-runtime.ts <state folder>
 */
import { startRuntime } from "../../scripts/local-runtime.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

const [, , statePath] = process.argv;
if (statePath === undefined) throw new Error("a state folder is needed");
const runtime = await startRuntime({ statePath, vars: { ...TEST_SECRETS, ENQUEUE_CHAIN: "shard" } });
console.log(runtime.url);
