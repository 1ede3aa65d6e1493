/**
 * The whole Worker with bindings that count (meter.ts), driven through time that is not waited for (virtual-time.ts).
 */
import type { EventId } from "../../src/core/event-id.ts";
import { encodeMessage } from "../../src/core/message.ts";
import worker, {
  CountsShard as RealCountsShard,
  EventShard as RealEventShard,
  OrderShard as RealOrderShard,
} from "../../src/index.ts";
import { encodedEvent } from "./bench-event.ts";
import { heldOrAnswered } from "./holds.ts";
import { metered, meterStorage } from "./meter.ts";
import { type Driven, drive, meteredOnce } from "./virtual-time.ts";

export * from "../../src/index.ts";

const ADS = 1_000;
const NO_EVENT = "" as EventId;

export class EventShard extends RealEventShard {
  constructor(ctx: DurableObjectState, env: Env) {
    meterStorage(ctx, "EVENT_SHARD");
    super(ctx, metered(env, "object"));
  }

  /** Behind the look at the archive, for which nobody is held. */
  override async ingest(encodedEvents: string[], isAwaited?: boolean): Promise<number> {
    await this.changes(NO_EVENT);
    return heldOrAnswered(() => super.ingest(encodedEvents, isAwaited));
  }

  meterAlarm(): Promise<void> {
    return this.alarm();
  }
}

export class OrderShard extends RealOrderShard {
  constructor(ctx: DurableObjectState, env: Env) {
    meterStorage(ctx, "ORDER_SHARD");
    super(ctx, metered(env, "object"));
  }

  meterAlarm(): Promise<void> {
    return this.alarm();
  }
}

export class CountsShard extends RealCountsShard {
  constructor(ctx: DurableObjectState, env: Env) {
    meterStorage(ctx, "COUNTS_SHARD");
    super(ctx, metered(env, "object"));
  }

  meterAlarm(): Promise<void> {
    return this.alarm();
  }
}

const driven: Driven = {
  queue: "clickledger-clicks-0",
  mint: (count) => encodeMessage(Array.from({ length: count }, () => encodedEvent(ADS))),
  consume: (batch, env) => worker.queue(batch, env),
  cron: (controller, env) => worker.scheduled(controller, env),
};

export default {
  async fetch(request, env, ctx) {
    return (await drive(request, env, ctx, driven)) ?? worker.fetch(request, meteredOnce(env, "worker"), ctx);
  },
  queue: (batch, env) => worker.queue(batch, meteredOnce(env, "worker")),
  scheduled: (controller, env) => worker.scheduled(controller, meteredOnce(env, "worker")),
} satisfies ExportedHandler<Env>;
