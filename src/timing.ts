/**
 * Waiting, as a port: timers on the platform, virtual time in the simulation.
 *
 * Keeps: a timer belongs to the request that made it, and is cancelled by it.
 */
export type Timer = { readonly done: Promise<void>; cancel(): void };

export type Timing = {
  readonly nowMs: () => number;
  readonly after: (ms: number) => Timer;
};

export const PLATFORM_TIMING: Timing = {
  nowMs: () => Date.now(),
  after: (ms) => {
    let cancel = () => {};
    const done = new Promise<void>((resolve) => {
      const handle = setTimeout(resolve, ms);
      cancel = () => clearTimeout(handle);
    });
    return { done, cancel: () => cancel() };
  },
};

/** The work's outcome, or a rejection after `ms`; the work itself goes on and may still take effect. */
export async function within<T>(timing: Timing, ms: number, work: Promise<T>): Promise<T> {
  const timer = timing.after(ms);
  const timeout = timer.done.then((): never => {
    throw new Error(`no answer within ${ms} ms`);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    timer.cancel();
  }
}
