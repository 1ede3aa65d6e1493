/**
 * What a browser is shown where an address is nothing, and what a problem means, in the look of all pages. Programs get
 * the same as JSON.
 *
 * Keeps: public: the same for everybody, and says nothing of who asks.
 */
import type { ProblemJson } from "../problem.ts";
import { Said } from "./said.tsx";
import { sendPage, Trouble } from "./shell.tsx";

/** Of an answer of `/problems/<name>`. */
type Meaning = {
  readonly type: string;
  readonly status: number;
  readonly title: string;
  readonly area: string;
  readonly advice: string;
};

const VARIES = { Vary: "Accept" } as const;
const CACHED = { ...VARIES, "Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*" } as const;

/** A page of nothing. */
export function nothingHere(problem: Pick<ProblemJson, "detail"> | null = null): Response {
  return sendPage({
    ...{ title: "Not found", path: "", viewer: null, status: 404, headers: VARIES },
    sections: [
      <h1>There is nothing here</h1>,
      <Trouble
        title="The address is misspelled, or what it named is gone"
        detail={problem?.detail ?? "Addresses are spelled exactly, in small letters."}
      >
        <p>
          <a href="/">Dashboard</a> <a href="/docs">Reference</a> <a href="/problems">Problems</a>
        </p>
      </Trouble>,
    ],
  });
}

/** What a problem means, from the API's own answer to the same address. */
export async function drawProblem(answered: Response): Promise<Response> {
  const body: unknown = await answered.json();
  if (!answered.ok) return nothingHere(body as ProblemJson);
  const { type, status, title, area, advice } = body as Meaning;
  return sendPage({
    ...{ title: type.split("/").at(-1) ?? type, path: "", viewer: null, headers: CACHED },
    sections: [
      <section>
        <p class="soft">
          <a href="/problems">Problems</a>
        </p>
        <h1>
          <Said text={title} />
        </h1>
        <p class="lead">
          <Said text={advice} />
        </p>
        <dl class="facts">
          <dt>Type</dt>
          <dd>
            <code>{type}</code>
          </dd>
          <dt>Status</dt>
          <dd>{status}</dd>
          <dt>Answered by</dt>
          <dd>{area}</dd>
        </dl>
        <p>
          The <code>detail</code> of the answer says what to change in that request; where it has a <code>field</code>,
          that is the parameter or member at fault.
        </p>
        <p>
          <a href="/docs">All operations</a>
        </p>
      </section>,
    ],
  });
}
