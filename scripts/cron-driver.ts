/**
 * The platform's clock, which local runs lack: calls the cron handler at the start of every minute.
 *
 * Keeps: one call at a time; a call that fails is printed and the next minute tries again.
 */
import type { LocalRuntime } from "./local-runtime.ts";

const MINUTE_MS = 60_000;

/** Starts the clock; the returned function stops it. */
export function driveCron(runtime: Pick<LocalRuntime, "runCron">): () => void {
  let timer: NodeJS.Timeout;
  let isStopped = false;
  const arm = () => {
    timer = setTimeout(tick, MINUTE_MS - (Date.now() % MINUTE_MS));
  };
  const tick = async () => {
    try {
      await runtime.runCron();
    } catch (cause) {
      if (!isStopped) console.error("cron failed:", cause);
    }
    if (!isStopped) arm();
  };
  arm();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
