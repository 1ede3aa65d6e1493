/**
 * Runs the work in a thread of its own and watches over it: a file that was crafted so that reading it never ends must
 * not hold up who verifies. A thread that does not breathe for so long is ended, and nothing was checked.
 */
import { isMainThread, parentPort, Worker } from "node:worker_threads";

const BREATH_MS = 1_000;
/** Reading a group of rows takes seconds at most. */
const STALLED_AFTER_MS = 120_000;

/**
 * Runs `work`, which resolves to an exit code, in the module that is `entry`, and ends with its code.
 * @param {string | URL} entry
 * @param {() => Promise<number>} work
 * @param {number} stalledAfterMs
 */
export async function watchOver(entry, work, stalledAfterMs = STALLED_AFTER_MS) {
  if (!isMainThread) {
    const breath = setInterval(() => parentPort?.postMessage(null), BREATH_MS);
    const code = await work().finally(() => clearInterval(breath));
    parentPort?.postMessage(code);
    return;
  }
  const worker = new Worker(new URL(entry), { argv: process.argv.slice(2) });
  let breathedMs = Date.now();
  let code = 2;
  let isStalled = false;
  worker.on("message", (said) => {
    breathedMs = Date.now();
    if (typeof said === "number") code = said;
  });
  const watch = setInterval(() => {
    if (Date.now() - breathedMs < stalledAfterMs) return;
    isStalled = true;
    void worker.terminate();
  }, BREATH_MS);
  /** @type {any} */
  let fault = null;
  // What ends the thread must not end with the exit code of a difference, which is Node's for what nobody caught.
  worker.on("error", (thrown) => {
    fault = thrown;
  });
  await new Promise((resolve) => worker.once("exit", resolve));
  clearInterval(watch);
  if (fault?.code === "ERR_WORKER_OUT_OF_MEMORY") {
    console.error("Not checked: reading an object takes more memory than there is; its bytes are damaged or crafted");
  } else if (fault !== null) console.error("Not checked: the verifier itself failed.", fault);
  if (isStalled) console.error("Not checked: reading an object does not end; its bytes are damaged or crafted");
  process.exitCode = isStalled || fault !== null ? 2 : code;
}
