/**
 * Sends planned requests at their times and keeps what came back.
 *
 * Keeps: open loop: a slow answer does not hold back the next request, so latency is not flattered. Redirects are not
 * followed. Sends to loopback only, and bounds the connections and the wait for an answer.
 */
import { Agent, request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeEventId, isEventId } from "../../src/core/event-id.ts";
import type { PlannedRequest } from "./plan.ts";

export type Answer = {
  readonly planned: PlannedRequest;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The last part of the problem's type, where the answer is a problem. */
  readonly problem: string | null;
  /** When the server received the click, as it says itself in the click id. */
  readonly receivedAtMs: number | null;
  readonly latencyMs: number;
};

const CONNECTIONS_MAX = 128;
const ANSWER_MAX_MS = 15_000;

/** Sends everything; `onAnswer` is called with the number of answers so far. */
export async function sendTraffic(
  plan: readonly PlannedRequest[],
  { url, startMs, onAnswer }: { url: string; startMs: number; onAnswer: (answered: number) => void },
): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX });
  const answers: Answer[] = [];
  const pending: Promise<void>[] = [];
  for (const planned of plan) {
    const waitMs = startMs + planned.atMs - Date.now();
    if (waitMs > 1) await sleep(waitMs);
    pending.push(
      send(planned, { url, agent }).then((answer) => {
        answers.push(answer);
        onAnswer(answers.length);
      }),
    );
  }
  await Promise.all(pending);
  agent.destroy();
  return answers;
}

/** Sends one request; never rejects. */
function send(planned: PlannedRequest, { url, agent }: { url: string; agent: Agent }): Promise<Answer> {
  const { method, path, headers, body } = planned;
  return new Promise((resolve) => {
    const sentAtMs = performance.now();
    const fail = () => {
      resolve({ planned, status: 0, problem: null, receivedAtMs: null, latencyMs: performance.now() - sentAtMs });
    };
    const request = httpRequest(`${url}${path}`, { method, headers, agent, timeout: ANSWER_MAX_MS }, (response) => {
      const latencyMs = performance.now() - sentAtMs;
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", fail);
      response.on("end", () => {
        const problem = response.headers["content-type"]?.startsWith("application/problem+json")
          ? problemOf(Buffer.concat(chunks).toString("utf8"))
          : null;
        const receivedAtMs = receiptOf(response.headers.location);
        resolve({ planned, status: response.statusCode ?? 0, problem, receivedAtMs, latencyMs });
      });
    });
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.on("error", fail);
    request.end(body ?? undefined);
  });
}

function problemOf(body: string): string | null {
  const { type } = JSON.parse(body) as { type?: unknown };
  return typeof type === "string" ? type.slice(type.lastIndexOf("/") + 1) : null;
}

/** The receipt in the click id that the redirect carries. */
function receiptOf(location: string | undefined): number | null {
  if (location === undefined) return null;
  const id = new URL(location).searchParams.get("click_id");
  return isEventId(id) ? decodeEventId(id).receivedAtMs : null;
}
