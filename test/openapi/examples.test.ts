/**
 * Every example of the OpenAPI document, sent to the Worker in the document's order, but for those that are made last.
 * What it answers is what the document shows (src/openapi/examples.json; `npm run record:examples` records anew), and
 * fits the schema that the document names.
 */
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { readClickId } from "../../src/core/click-id.ts";
import { EXAMPLE } from "../../src/openapi/example-values.ts";
import recorded from "../../src/openapi/examples.json";
import type { Answer, Example, Operation } from "../../src/openapi/operation.ts";
import { OPERATIONS } from "../../src/openapi/operations.ts";
import type { ProblemInfo } from "../../src/openapi/problems.ts";
import type { ProblemJson } from "../../src/problem.ts";
import { BROWSER } from "../support/builders.ts";
import { PATIENT } from "../support/patience.ts";
import { withKey } from "./keys.ts";
import { toExample, toReal } from "./recording.ts";
import { seedExamples } from "./seed.ts";
import { seedReceipt } from "./seed-receipt.ts";
import { faultsOf } from "./validate.ts";

const ORIGIN = "https://clicks.example";
/** Longer answers speak for themselves, and would only make the document long. */
const SHOWN_CHARS_MAX = 12_000;

const IS_RECORDING = (env as { RECORD_EXAMPLES?: string }).RECORD_EXAMPLES === "1";

type Recorded = { status: number; type?: string; answer?: unknown };

const CASES = OPERATIONS.flatMap((operation) =>
  operation.examples.map((example): [string, Operation, Example] => [
    `${operation.id}/${example.name}`,
    operation,
    example,
  ]),
);
/** What an example is about that the answers to others would show: it is made behind them, and then asked for. */
const MADE_LAST: Readonly<Record<string, () => Promise<void>>> = { "getReceipt/first": () => seedReceipt(env) };
const isLast = ([name]: (typeof CASES)[number]) => Number(Object.hasOwn(MADE_LAST, name));
const SENT = CASES.toSorted((a, b) => isLast(a) - isLast(b));

const answers: Record<string, Recorded> = {};
let replacements = new Map<string, string>();

beforeAll(async () => {
  replacements = await seedExamples();
});

function send(operation: Operation, example: Example): Promise<Response> {
  return withKey(operation.scopes === null ? "none" : example.key, (key) => sendWith(key, operation, example));
}

async function sendWith(apiKey: string | null, { method, path }: Operation, example: Example): Promise<Response> {
  const named = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => toReal(example.path?.[name] ?? "", replacements));
  const search = new URLSearchParams(toReal({ ...example.query }, replacements));
  const url = `${ORIGIN}${named}${search.size === 0 ? "" : `?${search}`}`;
  const key: Record<string, string> = apiKey === null ? {} : { Authorization: `Bearer ${apiKey}` };
  const body = example.body === undefined ? {} : { body: JSON.stringify(toReal(example.body, replacements)) };
  const headers = { ...key, "User-Agent": BROWSER, "CF-Connecting-IP": "192.0.2.7" };
  return exports.default.fetch(url, { method: method.toUpperCase(), headers, redirect: "manual", ...body });
}

/** What is queued first reaches its shard a moment later. */
function sendUntil(operation: Operation, example: Example): Promise<Response> {
  return vi.waitFor(async () => {
    const response = await send(operation, example);
    expect(response.status, await statusText(response)).toBe(example.status);
    return response;
  }, PATIENT);
}

const statusText = async (response: Response) => (response.status < 400 ? "" : response.clone().text());

/** The body; of a stream the first event. */
async function textOf(response: Response): Promise<string> {
  if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) return response.text();
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("data: ")) text += (await reader?.read())?.value ?? "";
  await reader?.cancel();
  return text;
}

const PROBLEM: Answer = { means: "", type: "application/problem+json", schema: "Problem" };

/** What the document says of the answer's status. */
function answerTo({ answers: documented, problems }: Operation, { status }: Response): Answer | undefined {
  return documented[status] ?? (problems.some((problem) => problem.status === status) ? PROBLEM : undefined);
}

function toProblemInfo(body: unknown): ProblemInfo {
  const { type, status, title } = body as ProblemInfo;
  return { type, status, title };
}

/** Remembers what later examples speak of: the click's event, keys. */
function learn(operation: Operation, response: Response, body: unknown): void {
  const { id } = (body ?? {}) as { id?: string };
  if (operation.id === "createKey" && id !== undefined) replacements.set(id, EXAMPLE.keyId);
  if (operation.id === "createWebhook" && id !== undefined) replacements.set(id, EXAMPLE.webhookId);
  if (operation.id === "startErasure" && id !== undefined) replacements.set(id, EXAMPLE.erasure);
  if (operation.id === "createReplay" && id !== undefined) replacements.set(id, EXAMPLE.replay);
  if (operation.id === "rotateKey" && id !== undefined) replacements.set(id, EXAMPLE.nextKeyId);
  if (operation.id !== "followClickLink" || response.status !== 302) return;
  const clickId = new URL(response.headers.get("Location") ?? "").searchParams.get("click_id") ?? "";
  replacements.set(readClickId(clickId)?.eventId ?? "", EXAMPLE.eventId);
}

describe("every example", () => {
  it.each(SENT)("%s is answered as documented", async (name, operation, example) => {
    await MADE_LAST[name]?.();
    const response = await sendUntil(operation, example);
    const answer = answerTo(operation, response);
    expect(answer, "the status is documented").toBeDefined();
    const type = response.headers.get("Content-Type")?.split(";")[0] ?? undefined;
    const types = answer?.type === undefined ? [undefined] : [answer.type, ...(answer.texts ?? [])];
    expect(types).toContain(type);
    const text = type === "image/gif" ? "" : await textOf(response);
    const isJson = type === "application/json" || type === PROBLEM.type;
    const body: unknown = isJson ? JSON.parse(text) : text;
    if (isJson && answer?.schema !== undefined) expect(faultsOf(answer.schema, body)).toEqual([]);
    if (answer === PROBLEM) {
      expect(operation.problems).toContainEqual(toProblemInfo(body));
      expect((body as ProblemJson).detail).toMatch(/\S{3}/);
    }
    for (const header of Object.keys(answer?.headers ?? {})) expect(response.headers.get(header)).not.toBeNull();
    learn(operation, response, body);
    const isText = type !== undefined && !["image/gif", "text/html", "application/octet-stream"].includes(type);
    const isShown = isText && text.length <= SHOWN_CHARS_MAX;
    answers[name] = {
      status: response.status,
      ...(type === undefined ? {} : { type }),
      ...(isShown ? { answer: toExample(body, replacements) } : {}),
    };
    if (!IS_RECORDING) expect(answers[name]).toEqual((recorded as Record<string, Recorded>)[name]);
  });

  it("is recorded, and no other", () => {
    const inOrder = Object.fromEntries(CASES.map(([name]) => [name, answers[name]]));
    if (IS_RECORDING) console.log(`RECORDED ${JSON.stringify(inOrder)}`);
    else expect(Object.keys(inOrder)).toEqual(Object.keys(recorded));
  });
});
