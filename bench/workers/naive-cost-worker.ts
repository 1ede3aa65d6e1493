/**
 * The naive Worker (../baseline/) with bindings that count, driven through time as ours is.
 */
import naive, {
  CREATE_TABLE,
  type NaiveClick,
  type NaiveEnv,
  AdClicks as RealAdClicks,
} from "../baseline/naive-worker.ts";
import { metered, meterStorage } from "./meter.ts";
import { type Driven, drive } from "./virtual-time.ts";

const ADS = 1_000;
const TOKEN_LIFE_S = 3_600;
let serial = 0;

export class AdClicks extends RealAdClicks {
  constructor(ctx: DurableObjectState, env: NaiveEnv) {
    meterStorage(ctx, "ADS");
    super(ctx, metered(env, "object"));
  }
}

/** One click: it knows no messages with several. */
function mint(): NaiveClick {
  const atMs = Date.now();
  const index = ++serial;
  return { jti: `impression-${index}`, ad: `ad_${index % ADS}`, exp: Math.floor(atMs / 1_000) + TOKEN_LIFE_S, atMs };
}

const driven: Driven = {
  queue: "naive-clicks",
  prepare: ({ DB }: NaiveEnv) => DB.prepare(CREATE_TABLE).run(),
  mint,
  consume: (batch, env) => naive.queue(batch as MessageBatch<NaiveClick>, env),
};

export default {
  async fetch(request, env, ctx) {
    return (await drive(request, env, ctx, driven)) ?? naive.fetch(request, env, ctx);
  },
  queue: (batch, env) => naive.queue(batch, env),
} satisfies ExportedHandler<NaiveEnv, NaiveClick>;
