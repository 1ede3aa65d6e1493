/**
 * The operator's routes over HTTP, as a program calls them (src/operator/app.ts).
 *
 * Keeps: an answer that is no success is one RefusedError whose message is one line: the problem's title, and what it
 * says beside it. Relies on: the key has scope admin.
 */
export type OperatorClient = {
  get(path: string, query: Readonly<Record<string, string | undefined>>): Promise<unknown>;
  post(path: string, body: unknown): Promise<unknown>;
};

/** The Worker refused the request, or did not answer. */
export class RefusedError extends Error {}

const ANSWER_MAX_MS = 60_000;

export function operatorClient({ url, key }: { url: string; key: string }): OperatorClient {
  const call = async (target: URL, init: RequestInit): Promise<unknown> => {
    const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
    const signal = AbortSignal.timeout(ANSWER_MAX_MS);
    let text: string;
    let answer: Response;
    try {
      answer = await fetch(target, { ...init, headers, signal, redirect: "manual" });
      text = await answer.text();
    } catch (cause) {
      // fetch rejects with TypeError, and names the reason in its cause; the timeout rejects with a DOMException.
      const { cause: inner, message } = cause as Error & { cause?: { code?: string } };
      throw new RefusedError(`no answer from ${target.origin}: ${inner?.code ?? message}`, { cause });
    }
    const body = parse(text);
    if (answer.ok && body !== null) return body;
    throw new RefusedError(problemLine(answer.status, body));
  };
  return {
    get: (path, query) => {
      const target = new URL(path, url);
      for (const [name, value] of Object.entries(query)) if (value !== undefined) target.searchParams.set(name, value);
      return call(target, { method: "GET" });
    },
    post: (path, body) => call(new URL(path, url), { method: "POST", body: JSON.stringify(body) }),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // SyntaxError: whatever answers there is not our Worker, or failed before it could say why.
    return null;
  }
}

function problemLine(status: number, body: unknown): string {
  const { title, detail, field } = (body ?? {}) as { title?: string; detail?: string; field?: string };
  if (title === undefined) return `the answer has status ${status} and is no problem document`;
  return [title, field === undefined ? "" : `${field}:`, detail ?? ""].filter((part) => part !== "").join(" ");
}
