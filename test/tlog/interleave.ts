/**
 * Several at work on one store, one call at a time, in an order that is chosen: what they compute between calls, however
 * long it takes, has no part in it.
 *
 * Keeps: a call goes on only while everybody who still works waits for its turn, so a choice is among all of them.
 */
type Turn = () => Promise<void>;

/** Runs `workers`, each of which waits for its `turn` before each call; `choose` picks one of so many. */
export async function interleave<T>(
  workers: readonly ((turn: Turn) => Promise<T>)[],
  choose: (of: number) => number,
): Promise<T[]> {
  const waiting: (() => void)[][] = workers.map(() => []);
  const isDone = workers.map(() => false);
  let wake = () => {};
  const turnOf = (worker: number) => () =>
    new Promise<void>((go) => {
      waiting[worker]?.push(go);
      wake();
    });
  const work = Promise.all(
    workers.map(async (run, worker) => {
      try {
        return await run(turnOf(worker));
      } finally {
        isDone[worker] = true;
        wake();
      }
    }),
  );
  while (isDone.includes(false)) {
    const areReady = waiting.every((calls, worker) => isDone[worker] || calls.length > 0);
    const calls = waiting.flatMap((own) => own.map((go) => ({ own, go })));
    const next = areReady ? calls[choose(calls.length)] : undefined;
    if (next === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    next.own.splice(next.own.indexOf(next.go), 1);
    next.go();
    await Promise.resolve();
  }
  return work;
}

/** An object whose methods wait for their turn. */
export function inTurns<T extends object>(target: T, turn: Turn, before: (method: string) => Promise<void>): T {
  return new Proxy(target, {
    get: (object, member) => {
      const value: unknown = Reflect.get(object, member);
      if (typeof value !== "function") return value;
      return async (...given: unknown[]) => {
        await turn();
        await before(String(member));
        return (value as (...given: unknown[]) => unknown).apply(object, given);
      };
    },
  });
}
