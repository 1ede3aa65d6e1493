/**
 * Sends planned requests at their times and keeps what came back.
 *
 * Keeps: open loop: a slow answer does not hold back the next request while there are lanes, and what waits for a lane
 * has its waiting counted as latency. No pixel is under way at the end of a minute, since its answer does not tell when
 * it was received. Redirects are not followed. Sends to loopback only, and bounds the lanes and the wait for an answer.
 */
import { Agent, request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeEventId, isEventId } from "../../src/core/event-id.ts";
import type { PlannedRequest } from "./requests.ts";

export type Answer = {
  readonly planned: PlannedRequest;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The last part of the problem's type, where the answer is a problem. */
  readonly problem: string | null;
  /** Whether the answer is a GIF. */
  readonly isPixel: boolean;
  /** The click id that a redirect hands to the landing page. */
  readonly clickId: string | null;
  /** When the server received the click, as it says itself in the click id; for a pixel, when it was sent. */
  readonly receivedAtMs: number | null;
  readonly latencyMs: number;
};

const LANES = 128;
const ANSWER_MAX_MS = 15_000;
const MINUTE_MS = 60_000;
/** Pixels wait from so long before the end of a minute until so long after it. */
const MINUTE_END_MS = 2_000;
const MINUTE_START_MS = 100;
const NOTHING = { status: 0, problem: null, isPixel: false, clickId: null, receivedAtMs: null } as const;

/** Sends everything; `onAnswer` is called with the number of answers so far. */
export async function sendTraffic(
  plan: readonly PlannedRequest[],
  { url, startMs, onAnswer }: { url: string; startMs: number; onAnswer: (answered: number) => void },
): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: LANES });
  const lanes = new Lanes(LANES);
  const answers: Answer[] = [];
  const pending: Promise<void>[] = [];
  for (const planned of plan) {
    const waitMs = startMs + planned.atMs - Date.now();
    if (waitMs > 1) await sleep(waitMs);
    pending.push(
      sendInLane(planned, { url, agent, lanes }).then((answer) => {
        answers.push(answer);
        onAnswer(answers.length);
      }),
    );
  }
  await Promise.all(pending);
  agent.destroy();
  return answers;
}

async function sendInLane(
  planned: PlannedRequest,
  { url, agent, lanes }: { url: string; agent: Agent; lanes: Lanes },
): Promise<Answer> {
  const dueAtMs = performance.now();
  await lanes.enter();
  const endsInMs = MINUTE_MS - (Date.now() % MINUTE_MS);
  if (planned.type === "impression" && endsInMs < MINUTE_END_MS) await sleep(endsInMs + MINUTE_START_MS);
  const answer = await send(planned, { url, agent, dueAtMs });
  lanes.leave();
  return answer;
}

/** So many requests at once; the others wait in the order in which they came. */
class Lanes {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  async enter(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

/** Sends one request that was due at `dueAtMs`; never rejects. */
function send(
  planned: PlannedRequest,
  { url, agent, dueAtMs }: { url: string; agent: Agent; dueAtMs: number },
): Promise<Answer> {
  const { type, method, path, headers, body } = planned;
  return new Promise((resolve) => {
    const pixelAtMs = type === "impression" ? Date.now() : null;
    const fail = () => resolve({ planned, ...NOTHING, latencyMs: performance.now() - dueAtMs });
    const request = httpRequest(`${url}${path}`, { method, headers, agent, timeout: ANSWER_MAX_MS }, (response) => {
      const latencyMs = performance.now() - dueAtMs;
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", fail);
      response.on("end", () => {
        const contentType = response.headers["content-type"] ?? "";
        const isProblem = contentType.startsWith("application/problem+json");
        const clickId = clickIdIn(response.headers.location);
        resolve({
          planned,
          status: response.statusCode ?? 0,
          problem: isProblem ? problemOf(Buffer.concat(chunks).toString("utf8")) : null,
          isPixel: contentType === "image/gif",
          clickId,
          receivedAtMs: pixelAtMs ?? receiptOf(clickId),
          latencyMs,
        });
      });
    });
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.on("error", fail);
    request.end(body ?? undefined);
  });
}

/** The last part of a problem's type. */
export function problemOf(body: string): string | null {
  const { type } = JSON.parse(body) as { type?: unknown };
  return typeof type === "string" ? type.slice(type.lastIndexOf("/") + 1) : null;
}

function clickIdIn(location: string | undefined): string | null {
  return location === undefined ? null : new URL(location).searchParams.get("click_id");
}

/** The receipt, which the event id tells that stands third in a click id. */
function receiptOf(clickId: string | null): number | null {
  const id = clickId?.split("~")[2];
  return id !== undefined && isEventId(id) ? decodeEventId(id).receivedAtMs : null;
}
