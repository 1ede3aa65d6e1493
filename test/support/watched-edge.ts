/** The Worker with queues and a dataset that only note what they are given: what an answer left behind. */
import { env } from "cloudflare:workers";
import { decodeMessage, type OpenedEvent } from "../../src/core/message.ts";
import worker from "../../src/index.ts";
import { BROWSER } from "./builders.ts";

export type Watched = {
  readonly response: Response;
  readonly points: readonly (AnalyticsEngineDataPoint | undefined)[];
  /** Messages as the queue got them. */
  readonly messages: readonly unknown[];
  readonly events: readonly OpenedEvent[];
};

export type WatchedInit = RequestInit & { readonly cf?: unknown; readonly bindings?: Record<string, unknown> };

/** Sends one request from one client, and waits for what runs behind its answer. */
export async function watched(path: string, { bindings, ...init }: WatchedInit = {}): Promise<Watched> {
  const { given, noted } = watchedEnv(bindings);
  const background: Promise<unknown>[] = [];
  const ctx = { waitUntil: (work: Promise<unknown>) => void background.push(work) } as unknown as ExecutionContext;
  const headers = new Headers({ "User-Agent": BROWSER, "CF-Connecting-IP": "192.0.2.7" });
  for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
  const request = new Request(`https://track.example${path}`, { ...init, headers } as RequestInit);
  const response = await worker.fetch(request as Parameters<typeof worker.fetch>[0], given, ctx);
  await Promise.all(background);
  return { response, ...noted, events: noted.messages.flatMap(eventsOf) };
}

/** Bindings that note what they are given. */
export function watchedEnv(bindings: Record<string, unknown> = {}) {
  const noted = { messages: [] as unknown[], points: [] as (AnalyticsEngineDataPoint | undefined)[] };
  const queue = { send: async (body: unknown) => void noted.messages.push(body) };
  const given = {
    ...env,
    CLICK_QUEUE_0: queue,
    IMPRESSION_QUEUE_0: queue,
    OPERATIONS: { writeDataPoint: (point?: AnalyticsEngineDataPoint) => void noted.points.push(point) },
    ...bindings,
  } as unknown as Env;
  return { given, noted };
}

/** The events of a message that can be read. */
export function eventsOf(message: unknown): OpenedEvent[] {
  const decoded = decodeMessage(message);
  return decoded.ok ? decoded.value.flatMap((event) => (event.ok ? [event.value] : [])) : [];
}
