/**
 * Drives a Worker through time that is not waited for: queue batches, alarms, holds and crons in their order, each at its
 * instant, one after the other. A batch does not wait for one that is held (holds.ts): the platform adds consumers.
 *
 *   POST /meter/load   {clicks, perSecond, perMessage, isFirst, isLast}  mints clicks and packs them into batches
 *   POST /meter/run    {cron}    carries the batches, with the alarms and, if wanted, the crons between them
 *   POST /meter/drain            alarms until none is armed: all is carried
 *   POST /meter/cron   {atMs, runs}   goes to that instant, and runs the cron so many minutes
 *   each → {counters, nowMs}
 *
 * Keeps: a batch closes as the consumer's settings say: with its 100th message, or a second after its first. What is
 * minted is not part of what is run. A message that is not acknowledged fails the run: retries are no part of a price.
 * Relies on: nothing under way asks how much time passed while it was awaited; see bench/README.md for what this hides.
 */
import { type Batch, type Message, packed } from "../cost/batches.ts";
import { queueOperations } from "../cost/bill.ts";
import { nextHoldMs, realTurn, settled, takeHolds } from "./holds.ts";
import { alarms, type Caller, calls, clock, counters, countersNow, metered, minuteFrom, takeTime } from "./meter.ts";

const SECOND_MS = 1_000;
/** Alarms that may follow each other before it is said that they never end. */
const ALARMS_MAX = 100_000;
const encoder = new TextEncoder();

/** What is driven, with its bindings counting already. */
export type Driven = {
  readonly queue: string;
  readonly prepare?: (env: never) => Promise<unknown>;
  /** `count` clicks of distinct impressions at this moment as the bodies of messages. */
  readonly mint: (count: number) => unknown;
  readonly consume: (batch: MessageBatch, env: never, ctx: ExecutionContext) => void | Promise<void>;
  readonly cron?: (controller: ScheduledController, env: never, ctx: ExecutionContext) => void | Promise<void>;
};
type Order = Partial<Record<"clicks" | "perSecond" | "perMessage" | "atMs" | "runs", number>> &
  Partial<Record<"cron" | "isFirst" | "isLast", boolean>>;

let batches: Batch[] = [];
let unclosed: readonly Message[] = [];
let sentUntilMs = 0;
let lastCronMs = 0;
/** Batches under way, and the first fault of one. */
let underWay = 0;
let failed: unknown = null;
let own: { readonly env: object; readonly metered: object } | null = null;

/** The same bindings for the same environment, since settings are known by it. */
export function meteredOnce<E extends object>(env: E, caller: Caller): E {
  if (own?.env !== env) own = { env, metered: metered(env, caller) };
  return own.metered as E;
}

/** Answers /meter/…; undefined for any other path. */
export async function drive(
  request: Request,
  env: object,
  ctx: ExecutionContext,
  driven: Driven,
): Promise<Response | undefined> {
  const { pathname } = new URL(request.url);
  if (!pathname.startsWith("/meter/")) return undefined;
  const order = (await request.json()) as Order;
  const at = { env: meteredOnce(env, "worker") as never, real: env, ctx, driven };
  switch (pathname.slice("/meter/".length)) {
    case "start":
      await driven.prepare?.(env as never);
      takeTime(order.atMs ?? 0);
      takeHolds();
      break;
    case "load":
      load(order, driven);
      break;
    case "run":
      await run(at, order.cron === true);
      break;
    case "drain":
      await runAlarms(at, Number.POSITIVE_INFINITY);
      break;
    case "cron":
      await runCrons(at, order);
      break;
  }
  return Response.json({ counters: countersNow(), nowMs: clock.nowMs, armed: alarms.size });
}

type At = { readonly env: never; readonly real: object; readonly ctx: ExecutionContext; readonly driven: Driven };

/** Mints clicks, evenly spread from the last one on, or from now; the clock is left where it was. */
function load({ clicks = 0, perSecond = 1, perMessage = 1, isFirst, isLast }: Order, { mint }: Driven): void {
  const beganMs = clock.nowMs;
  const fromMs = isFirst ? beganMs : sentUntilMs;
  const messages = [...unclosed];
  for (let first = 0; first < clicks; first += perMessage) {
    const count = Math.min(perMessage, clicks - first);
    clock.nowMs = Math.floor(fromMs + ((first + count) * SECOND_MS) / perSecond);
    messages.push({ atMs: clock.nowMs, body: mint(count) });
  }
  sentUntilMs = clock.nowMs;
  clock.nowMs = beganMs;
  batches = packed(messages);
  // What comes next may still join the last batch.
  unclosed = isLast ? [] : (batches.pop()?.messages ?? []);
}

async function run(at: At, hasCron: boolean): Promise<void> {
  const todo = batches;
  batches = [];
  for (const { closesAtMs, messages } of todo) {
    await passUntil(at, closesAtMs, hasCron);
    await begin(at, messages);
  }
  await finish();
}

/** Begins a batch: resolves when it is acknowledged, or all calls are held; the naive Worker's never are. */
async function begin(at: At, messages: readonly Message[]): Promise<void> {
  const before = calls.begun;
  let isOver = false;
  underWay++;
  void deliver(at, messages)
    .catch((fault: unknown) => {
      failed ??= fault;
    })
    .finally(() => {
      isOver = true;
      underWay--;
    });
  await settled(() => isOver || calls.begun > before);
}

/** All that is held ends, and every batch is acknowledged: with the request that began it a batch would end. */
async function finish(): Promise<void> {
  for (let nextMs = nextHoldMs(); Number.isFinite(nextMs); nextMs = nextHoldMs()) {
    clock.nowMs = Math.max(clock.nowMs, nextMs);
    await settled();
  }
  while (underWay > 0) await realTurn(1);
  if (failed !== null) throw failed;
}

/** Time passes up to an instant: alarms, and crons at full minutes. */
async function passUntil(at: At, untilMs: number, hasCron: boolean): Promise<void> {
  for (;;) {
    const cronMs = minuteFrom(Math.max(clock.nowMs, lastCronMs + 1));
    if (!hasCron || cronMs > untilMs) break;
    await runAlarms(at, cronMs);
    clock.nowMs = cronMs;
    await runCron(at);
  }
  await runAlarms(at, untilMs);
  clock.nowMs = Math.max(clock.nowMs, untilMs);
}

async function deliver({ env, ctx, driven }: At, messages: readonly Message[]): Promise<void> {
  let acknowledged = 0;
  const delivered = messages.map(({ atMs, body }, index) => {
    const bytes = encoder.encode(typeof body === "string" ? body : JSON.stringify(body)).length;
    counters.messages++;
    counters.queueOperations += queueOperations(bytes);
    const settle = { ack: () => void acknowledged++, retry: () => {} };
    return { id: `${clock.nowMs}-${index}`, timestamp: new Date(atMs), body, attempts: 1, ...settle };
  });
  const batch = { queue: driven.queue, messages: delivered, ackAll() {}, retryAll() {} };
  counters.consumerRuns++;
  await driven.consume(batch as unknown as MessageBatch, env, ctx);
  if (acknowledged !== messages.length) throw new Error(`${messages.length - acknowledged} messages not acknowledged`);
}

/** Runs alarms up to an instant, the earliest first. */
async function runAlarms({ real }: At, untilMs: number): Promise<void> {
  for (let ran = 0; ran < ALARMS_MAX; ran++) {
    const [key, next] = Array.from(alarms).reduce(
      (a, b) => (b[1].atMs < a[1].atMs ? b : a),
      ["", { binding: "", name: "", atMs: Number.POSITIVE_INFINITY }],
    );
    const holdMs = nextHoldMs();
    if (Number.isFinite(holdMs) && holdMs <= Math.min(next.atMs, untilMs)) {
      clock.nowMs = Math.max(clock.nowMs, holdMs);
      await settled();
      continue;
    }
    if (next.atMs > untilMs || key === "") return;
    alarms.delete(key);
    clock.nowMs = Math.max(clock.nowMs, next.atMs);
    counters.alarmsRun++;
    const objects = (real as Record<string, DurableObjectNamespace>)[next.binding];
    const stub = objects?.getByName(next.name) as unknown as { meterAlarm(): Promise<void> };
    await stub.meterAlarm();
  }
  throw new Error("alarms never end");
}

async function runCrons(at: At, { atMs = clock.nowMs, runs = 1 }: Order): Promise<void> {
  await runAlarms(at, atMs);
  clock.nowMs = Math.max(clock.nowMs, atMs);
  for (let minute = 0; minute < runs; minute++) {
    const nextMs = minuteFrom(Math.max(clock.nowMs, lastCronMs + 1));
    await runAlarms(at, nextMs);
    clock.nowMs = nextMs;
    await runCron(at);
  }
}

async function runCron({ env, ctx, driven }: At): Promise<void> {
  lastCronMs = clock.nowMs;
  counters.cronRuns++;
  const controller = { scheduledTime: clock.nowMs, cron: "* * * * *", noRetry() {} } as ScheduledController;
  await driven.cron?.(controller, env, ctx);
}
