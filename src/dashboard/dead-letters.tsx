/**
 * Dead letters: what could not be counted and is kept for a person to look at, and to count after all.
 *
 *   GET  /dead-letters?after=…         GET /v1/admin/dead-letters
 *   GET  /dead-letters?key=…           GET /v1/admin/dead-letters/show
 *   POST /dead-letters   key=… key=…   POST /v1/admin/dead-letters/replay, one result for each
 *
 * Keeps: replaying counts a letter once, however often it is asked for; more than a few are asked about again first.
 */
import type { ProblemJson } from "../problem.ts";
import { Curl, indented, When } from "./behind.tsx";
import { Writer } from "./figures.ts";
import { Confirm, FormToken, NothingChosen, Pages, Refused } from "./forms.tsx";
import type { Act, ScreenAsked } from "./screens.ts";
import { type Drawn, type Section, sendPage, Trouble } from "./shell.tsx";
import type { Viewer } from "./viewer.ts";

const TITLE = "Dead letters";
const UNASKED_MAX = 10;

type Letter = {
  readonly key: string;
  readonly reason: string | null;
  readonly queue: string | null;
  readonly attempts: number;
  readonly bytes: number;
  readonly storedAt: string;
};
type Letters = { readonly letters: readonly Letter[]; readonly next: string | null };
type Replayed = {
  readonly results: readonly {
    readonly key: string;
    readonly outcome: string;
    readonly events?: number;
    readonly counted?: number;
    readonly reason?: string;
    readonly detail?: string;
  }[];
};

export function drawDeadLetters({ asked, viewer, api }: ScreenAsked): Response {
  const { searchParams } = new URL(asked.request.url);
  const key = searchParams.get("key");
  const section = key === null ? list({ viewer, api, search: searchParams }) : letter(key, { viewer, api });
  return sendPage({ title: TITLE, path: "/dead-letters", viewer, sections: [<Head />, section] });
}

/** Counts letters after all, or asks whether it is meant. */
export const actOnDeadLetters: Act = async ({ viewer, api, form }) => {
  const keys = [...new Set(form.getAll("key"))];
  const answerWith = (...sections: Section[]) =>
    sendPage({ title: TITLE, path: "/dead-letters", viewer, sections: [<Head />, ...sections] });
  if (keys.length === 0) {
    const said = <NothingChosen>Nothing was chosen, so nothing was replayed: tick the letters first.</NothingChosen>;
    return answerWith(said, list({ viewer, api, search: new URLSearchParams() }));
  }
  if (keys.length > UNASKED_MAX && form.get("confirmed") !== "yes") return answerWith(sure({ keys, viewer }));
  const answer = await api.send<Replayed>("POST", "/v1/admin/dead-letters/replay", { keys });
  if (answer.ok) return answerWith(<Results results={answer.value.results} />);
  return answerWith(sure({ keys, viewer, problem: answer.error }));
};

function Head() {
  return (
    <>
      <h1>{TITLE}</h1>
      <p>
        What could not be counted, kept as it came. Replaying a letter counts what it holds, once; what it was refused
        for is refused again unless the cause is gone.
      </p>
    </>
  );
}

async function list({
  viewer,
  api,
  search,
}: Pick<ScreenAsked, "viewer" | "api"> & { search: URLSearchParams }): Promise<Drawn> {
  const after = search.get("after");
  const query: Record<string, string> = after === null ? {} : { after };
  const answer = await api.get<Letters>("/v1/admin/dead-letters", query);
  if (!answer.ok) {
    return (
      <Refused problem={answer.error}>
        <p>
          <a href="/dead-letters">The first page</a>
        </p>
      </Refused>
    );
  }
  const { letters, next } = answer.value;
  const isAllChosen = search.get("chosen") === "all";
  return (
    <section>
      {letters.length === 0 ? (
        <p class="nothing">There are none{after === null ? ": everything that came is counted." : " further on."}</p>
      ) : (
        <form method="post" action="/dead-letters">
          <FormToken viewer={viewer} />
          <p class="acts">
            <button type="submit">Replay the chosen</button>
            <a href={pathOf({ ...query, chosen: isAllChosen ? "" : "all" })}>
              {isAllChosen ? "Choose none" : "Choose all of this page"}
            </a>
          </p>
          <Rows {...{ letters, isAllChosen, writer: new Writer(viewer.locale, viewer.zone) }} />
        </form>
      )}
      <Pages first={after === null ? null : "/dead-letters"} next={next === null ? null : pathOf({ after: next })} />
      <Curl path={after === null ? "/v1/admin/dead-letters" : `/v1/admin/dead-letters?${new URLSearchParams(query)}`} />
    </section>
  );
}

type RowsProps = { readonly letters: readonly Letter[]; readonly isAllChosen: boolean; readonly writer: Writer };

function Rows({ letters, isAllChosen, writer }: RowsProps) {
  return (
    <section class="scroll" tabindex={0} aria-label={TITLE}>
      <table class="ids">
        <thead>
          <tr>
            <th scope="col">choose</th>
            <th scope="col">letter</th>
            <th scope="col">reason</th>
            <th scope="col">queue</th>
            <th scope="col" class="number">
              attempts
            </th>
            <th scope="col" class="number">
              bytes
            </th>
            <th scope="col">stored</th>
          </tr>
        </thead>
        <tbody>
          {letters.map(({ key, reason, queue, attempts, bytes, storedAt }) => (
            <tr>
              <td>
                <label class="check">
                  <input type="checkbox" name="key" value={key} checked={isAllChosen} />
                  <span class="for-ears">Choose {key}</span>
                </label>
              </td>
              <th scope="row">
                <LetterLink letterKey={key} />
              </th>
              <td>{reason ?? "not known"}</td>
              <td>
                <bdi>{queue ?? ""}</bdi>
              </td>
              <td class="number">{writer.count(attempts)}</td>
              <td class="number">{writer.count(bytes)}</td>
              <td>
                <When at={storedAt} writer={writer} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function LetterLink({ letterKey }: { letterKey: string }) {
  return (
    <a href={pathOf({ key: letterKey })}>
      <bdi class="code">{letterKey}</bdi>
    </a>
  );
}

/** One letter, whole. */
async function letter(key: string, { viewer, api }: Pick<ScreenAsked, "viewer" | "api">): Promise<Drawn> {
  const answer = await api.get<{ readonly letter: unknown }>("/v1/admin/dead-letters/show", { key });
  if (!answer.ok) {
    const { title, detail } = answer.error;
    return (
      <Trouble title={title} detail={detail}>
        <p>
          <a href="/dead-letters">All letters</a>
        </p>
      </Trouble>
    );
  }
  const held = answer.value.letter;
  return (
    <section>
      <h2>
        <bdi class="code">{key}</bdi>
      </h2>
      <form method="post" action="/dead-letters" class="acts">
        <FormToken viewer={viewer} />
        <input type="hidden" name="key" value={key} />
        <button type="submit">Replay it</button>
        <a href="/dead-letters">All letters</a>
      </form>
      <pre class="json" tabindex={0}>
        <code>{typeof held === "string" ? held : indented(held)}</code>
      </pre>
      <Curl path={`/v1/admin/dead-letters/show?${new URLSearchParams({ key })}`} />
    </section>
  );
}

type SureProps = { readonly keys: readonly string[]; readonly viewer: Viewer; readonly problem?: ProblemJson | null };

/** Asks before many are replayed, and again after a refusal. */
function sure({ keys, viewer, problem = null }: SureProps): Section {
  return (
    <Confirm
      title={`Replay ${keys.length} ${keys.length === 1 ? "letter" : "letters"}?`}
      fields={keys.map((key) => ["key", key] as const)}
      back={{ href: "/dead-letters", label: "Replay nothing" }}
      {...{ viewer, problem, action: "/dead-letters", button: "Replay them" }}
    />
  );
}

const OUTCOMES: Readonly<Record<string, string>> = {
  replayed: "replayed, and gone from here",
  refused: "refused; it stays",
  failed: "failed just now; it stays, and can be replayed again",
};

function Results({ results }: Replayed) {
  const done = results.filter(({ outcome }) => outcome === "replayed").length;
  return (
    <section>
      <p class={done === results.length ? "note" : "trouble"} role="status">
        {done} of {results.length} replayed.
      </p>
      <table class="ids">
        <thead>
          <tr>
            <th scope="col">letter</th>
            <th scope="col">result</th>
            <th scope="col" class="number">
              events
            </th>
            <th scope="col" class="number">
              counted now
            </th>
          </tr>
        </thead>
        <tbody>
          {results.map(({ key, outcome, events, counted, reason, detail }) => (
            <tr>
              <th scope="row">
                {outcome === "replayed" ? <bdi class="code">{key}</bdi> : <LetterLink letterKey={key} />}
              </th>
              <td>
                {OUTCOMES[outcome] ?? outcome}
                {reason === undefined ? "" : `: ${reason}`}
                {detail === undefined ? "" : `. ${detail}`}
              </td>
              <td class="number">{events ?? ""}</td>
              <td class="number">{counted ?? ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        <a href="/dead-letters">All letters</a>
      </p>
    </section>
  );
}

function pathOf(query: Readonly<Record<string, string>>): string {
  return `/dead-letters?${new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ""))}`;
}
