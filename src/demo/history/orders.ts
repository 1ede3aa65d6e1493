/**
 * The orders of the demonstration's history: what some of the people who clicked bought, when they did, and what they
 * sent back.
 *
 * Keeps: pure. `expect` is this module's own model of attribution, for the test that compares it with what was counted.
 */
import type { ConversionKind } from "../../core/conversion.ts";
import { hash32 } from "../../core/hash.ts";
import { ATTRIBUTION_WINDOW_DAYS_DEFAULT, DAY_MS, HOUR_MS, MINUTE_MS } from "../../core/limits.ts";
import { minuteOf } from "../../core/time.ts";
import { Random } from "../random.ts";
import type { PlannedClick } from "./clicks.ts";

export type PlannedConversion = {
  readonly click: PlannedClick;
  readonly orderId: string;
  readonly kind: ConversionKind;
  readonly action: "record" | "correct" | "retract";
  readonly correctionId: string | null;
  readonly valueMicros: number;
  readonly occurredAtMs: number;
  /** When the advertiser told of it. */
  readonly receivedAtMs: number;
  readonly random: Uint8Array;
};

/** An order as it stands at the end of the history. */
export type PlannedOrder = {
  readonly orderId: string;
  readonly steps: readonly PlannedConversion[];
  /** Null where it is not credited: outside the window, or taken back. */
  readonly expect: { readonly click: PlannedClick; readonly valueMicros: number; readonly occurredAtMs: number } | null;
};

const MICROS = 1_000_000;
/** Most people decide within hours, some take days; a few longer than the window. */
const DECIDING_MEAN_MS = 14 * HOUR_MS;
const SLOW = 0.03;
const CORRECTED = 0.06;
const RETRACTED = 0.03;
const WINDOW_MS = ATTRIBUTION_WINDOW_DAYS_DEFAULT * DAY_MS;

/** The order that a click led to, as far as its advertiser had told of it before `endMs`; null where there is none. */
export function orderOf(click: PlannedClick, endMs: number): PlannedOrder | null {
  if (click.expect.verdict !== "valid") return null;
  const random = new Random(hash32(`clickledger demonstration 1/order/${click.jti}`));
  if (random.unit() >= click.ad.orders) return null;
  const { orderId, steps: all } = placedOrder(click, random);
  const steps = all.filter(({ receivedAtMs }) => receivedAtMs < endMs);
  return steps.length === 0 ? null : { orderId, steps, expect: expectedOf(steps) };
}

function placedOrder(click: PlannedClick, random: Random): Omit<PlannedOrder, "expect"> {
  const [from, to] = click.ad.orderEuros;
  const tookMs =
    random.unit() < SLOW ? random.between(8, 12) * DAY_MS : -Math.log(1 - random.unit()) * DECIDING_MEAN_MS;
  const occurredAtMs = Math.floor(click.receivedAtMs + 60_000 + tookMs);
  const orderId = `D-${random.letters(8)}`;
  const valueMicros = Math.round(random.between(from, to)) * MICROS - 10_000;
  const record: PlannedConversion = {
    ...{ click, orderId, kind: "purchase", action: "record", correctionId: null, valueMicros, occurredAtMs },
    receivedAtMs: occurredAtMs + random.below(40_000),
    random: random.octets(8),
  };
  const later = { ...record, receivedAtMs: record.receivedAtMs + Math.floor(random.between(0.5, 6) * DAY_MS) };
  const dice = random.unit();
  const bytes = random.octets(8);
  if (dice < RETRACTED) {
    return { orderId, steps: [record, { ...later, action: "retract", valueMicros: 0, random: bytes }] };
  }
  if (dice > RETRACTED + CORRECTED) return { orderId, steps: [record] };
  const refunded = -Math.round(valueMicros / MICROS / 4) * MICROS;
  const correction = { ...later, action: "correct", correctionId: "refund-1", valueMicros: refunded } as const;
  return { orderId, steps: [record, { ...correction, random: bytes }] };
}

function expectedOf(steps: readonly PlannedConversion[]): PlannedOrder["expect"] {
  const [record] = steps;
  if (record === undefined || steps.some(({ action }) => action === "retract")) return null;
  const { click, occurredAtMs } = record;
  if (occurredAtMs - minuteOf(click.occurredAtMs) * MINUTE_MS > WINDOW_MS) return null;
  const valueMicros = steps.reduce((sum, step) => sum + step.valueMicros, 0);
  return { click, valueMicros, occurredAtMs };
}
