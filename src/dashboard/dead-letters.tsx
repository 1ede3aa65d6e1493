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
import { givenIn, pathOf } from "./addresses.ts";
import type { Letter, LetterPage, Replayed } from "./answers.ts";
import { Curl, indented, When } from "./behind.tsx";
import { Writer } from "./figures.ts";
import { Confirm, FormToken, NothingChosen, Pages, Refused } from "./forms.tsx";
import type { Act, ListAsked, ScreenAsked } from "./screens.ts";
import { type Drawn, type Section, sendPage } from "./shell.tsx";
import { ChooseAll, ChooseBox, Outcomes, Table } from "./table.tsx";
import type { Viewer } from "./viewer.ts";

const TITLE = "Dead letters";
const PATH = "/dead-letters";
const LETTERS = "/v1/admin/dead-letters";
const ALL = { href: PATH, label: "All letters" } as const;
const UNASKED_MAX = 10;

export function drawDeadLetters({ asked, viewer, api }: ScreenAsked): Response {
  const { searchParams } = new URL(asked.request.url);
  const key = searchParams.get("key");
  const section = key === null ? list({ viewer, api, search: searchParams }) : letter(key, { viewer, api });
  return page(viewer, section);
}

/** Counts letters after all, or asks whether it is meant. */
export const actOnDeadLetters: Act = async ({ viewer, api, form }) => {
  const keys = [...new Set(form.getAll("key"))];
  if (keys.length === 0) {
    const said = <NothingChosen>Nothing was chosen, so nothing was replayed: tick the letters first.</NothingChosen>;
    return page(viewer, said, list({ viewer, api, search: new URLSearchParams() }));
  }
  if (keys.length > UNASKED_MAX && form.get("confirmed") !== "yes") return page(viewer, sure({ keys, viewer }));
  const answer = await api.send<Replayed>("POST", `${LETTERS}/replay`, { keys });
  if (answer.ok) return page(viewer, <Results results={answer.value.results} />);
  return page(viewer, sure({ keys, viewer, problem: answer.error }));
};

function page(viewer: Viewer, ...sections: Section[]): Response {
  return sendPage({ title: TITLE, path: PATH, viewer, sections: [<Head />, ...sections] });
}

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

async function list({ viewer, api, search }: ListAsked): Promise<Drawn> {
  const query = givenIn(search, ["after"]);
  const answer = await api.get<LetterPage>(LETTERS, query);
  if (!answer.ok) return <Refused problem={answer.error} back={{ href: PATH, label: "The first page" }} />;
  const { letters, next } = answer.value;
  const isFirst = query["after"] === undefined;
  const isAllChosen = search.get("chosen") === "all";
  return (
    <section>
      {letters.length === 0 ? (
        <p class="nothing">There are none{isFirst ? ": everything that came is counted." : " further on."}</p>
      ) : (
        <form method="post" action={PATH}>
          <FormToken viewer={viewer} />
          <p class="acts">
            <button type="submit">Replay the chosen</button>
            <ChooseAll
              path={pathOf(PATH, { ...query, chosen: isAllChosen ? null : "all" })}
              isAllChosen={isAllChosen}
            />
          </p>
          <Rows {...{ letters, isAllChosen, writer: new Writer(viewer.locale, viewer.zone) }} />
        </form>
      )}
      <Pages first={isFirst ? null : PATH} next={next === null ? null : pathOf(PATH, { after: next })} />
      <Curl path={pathOf(LETTERS, query)} />
    </section>
  );
}

type RowsProps = { readonly letters: readonly Letter[]; readonly isAllChosen: boolean; readonly writer: Writer };

function Rows({ letters, isAllChosen, writer }: RowsProps) {
  const heads = ["choose", "letter", "reason", "queue", "attempts", "bytes", "stored"];
  return (
    <Table label={TITLE} class="ids" of={heads} numbers={["attempts", "bytes"]}>
      {letters.map(({ key, reason, queue, attempts, bytes, storedAt }) => (
        <tr>
          <td>
            <ChooseBox name="key" value={key} isChosen={isAllChosen} />
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
    </Table>
  );
}

function LetterLink({ letterKey }: { letterKey: string }) {
  return (
    <a href={pathOf(PATH, { key: letterKey })}>
      <bdi class="code">{letterKey}</bdi>
    </a>
  );
}

/** One letter, whole. */
async function letter(key: string, { viewer, api }: Pick<ScreenAsked, "viewer" | "api">): Promise<Drawn> {
  const answer = await api.get<{ readonly letter: unknown }>(`${LETTERS}/show`, { key });
  if (!answer.ok) return <Refused problem={answer.error} back={ALL} />;
  const held = answer.value.letter;
  return (
    <section>
      <h2>
        <bdi class="code">{key}</bdi>
      </h2>
      <form method="post" action={PATH} class="acts">
        <FormToken viewer={viewer} />
        <input type="hidden" name="key" value={key} />
        <button type="submit">Replay it</button>
        <a href={ALL.href}>{ALL.label}</a>
      </form>
      <pre class="json" tabindex={0}>
        <code>{typeof held === "string" ? held : indented(held)}</code>
      </pre>
      <Curl path={pathOf(`${LETTERS}/show`, { key })} />
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
      back={{ href: PATH, label: "Replay nothing" }}
      {...{ viewer, problem, action: PATH, button: "Replay them" }}
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
  const shown = { of: ["letter", "result", "events", "counted now"], numbers: ["events", "counted now"] };
  return (
    <Outcomes {...{ ...shown, done, asked: results.length, said: "replayed.", back: ALL }}>
      {results.map(({ key, outcome, events, counted, reason, detail }) => (
        <tr>
          <th scope="row">{outcome === "replayed" ? <bdi class="code">{key}</bdi> : <LetterLink letterKey={key} />}</th>
          <td>
            {OUTCOMES[outcome] ?? outcome}
            {reason === undefined ? "" : `: ${reason}`}
            {detail === undefined ? "" : `. ${detail}`}
          </td>
          <td class="number">{events ?? ""}</td>
          <td class="number">{counted ?? ""}</td>
        </tr>
      ))}
    </Outcomes>
  );
}
