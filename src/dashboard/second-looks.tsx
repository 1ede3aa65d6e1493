/**
 * Second looks: rules over many clicks of days that are logged, dry and applied, what they would change and for whom.
 *
 *   GET  /second-looks                                  GET  /v1/admin/replays
 *   GET  /second-looks?id=…                             GET  /v1/admin/replays/<id>
 *   POST /second-looks  act=look from=… to=… rules=…    POST /v1/admin/replays
 *   POST /second-looks  act=apply|undo id=…             POST /v1/admin/replays/<id>/apply, …/undo
 *
 * Keeps: looking changes nothing; applying and undoing are asked about once more, with what they move in sight.
 */
import type { ProblemJson } from "../problem.ts";
import { pathOf } from "./addresses.ts";
import type { SecondLook, SecondLookPage } from "./answers.ts";
import { Curl, When } from "./behind.tsx";
import { Writer } from "./figures.ts";
import { Confirm, Done, Pages, Refused, seeOther } from "./forms.tsx";
import type { Act, ScreenAsked } from "./screens.ts";
import { Found, LookForm, phaseWords, ruleWords } from "./second-look-found.tsx";
import { type Drawn, type Section, sendPage } from "./shell.tsx";
import { Table } from "./table.tsx";
import type { Viewer } from "./viewer.ts";

const TITLE = "Second looks";
const PATH = "/second-looks";
const API = "/v1/admin/replays";
const ALL = { href: PATH, label: "All second looks" } as const;
const DONE: Readonly<Record<string, string>> = {
  look: "The look has begun: reload this page to see how far it is.",
  apply: "The clicks are being revised: reload this page to see how far it is.",
  undo: "The revisions are being taken back: reload this page to see how far it is.",
};

type Asked = Pick<ScreenAsked, "viewer" | "api">;

export function drawSecondLooks({ asked, viewer, api }: ScreenAsked): Response {
  const { searchParams } = new URL(asked.request.url);
  const id = searchParams.get("id");
  const words = DONE[searchParams.get("done") ?? ""];
  const said = words === undefined ? [] : [<Done>{words}</Done>];
  if (id !== null) return page(viewer, ...said, one(id, { viewer, api }));
  return page(
    viewer,
    ...said,
    ...lookForm(viewer, new URLSearchParams(), null),
    list(searchParams.get("after"), { viewer, api }),
  );
}

/** Begins a look; applies one or takes it back, once it is meant. */
export const actOnSecondLooks: Act = async ({ viewer, api, form }) => {
  const [act, id] = [form.get("act") ?? "", form.get("id") ?? ""];
  if (act === "look") {
    const rules = form.getAll("rules");
    const asked = { from: form.get("from") ?? "", to: form.get("to") ?? "", rules };
    const begun = await api.send<{ readonly id: string }>("POST", API, asked);
    if (begun.ok) return seeOther(PATH, { id: begun.value.id, done: "look" });
    return page(viewer, ...lookForm(viewer, form, begun.error), list(null, { viewer, api }));
  }
  if (act !== "apply" && act !== "undo") return seeOther(PATH);
  const path = `${API}/${encodeURIComponent(id)}`;
  if (form.get("confirmed") !== "yes") {
    const known = await api.get<SecondLook>(path);
    if (!known.ok) return page(viewer, <Refused problem={known.error} back={ALL} />);
    return page(viewer, sure(act, known.value, viewer));
  }
  const acted = await api.send("POST", `${path}/${act}`, {});
  if (acted.ok) return seeOther(PATH, { id, done: act });
  return page(viewer, <Refused problem={acted.error} />, one(id, { viewer, api }));
};

function page(viewer: Viewer, ...sections: Section[]): Response {
  return sendPage({ title: TITLE, path: PATH, viewer, sections: [<Head />, ...sections] });
}

function Head() {
  return (
    <>
      <h1>{TITLE}</h1>
      <p>
        Rules over many clicks, which no single click shows: asked again of what is archived. A look changes nothing.
        Applied, it moves clicks to invalid by revisions in the log, which statements adjust; undone, they move back.
      </p>
    </>
  );
}

function lookForm(viewer: Viewer, given: URLSearchParams, problem: ProblemJson | null): Section[] {
  return viewer.kind === "operator" ? [<LookForm {...{ viewer, given, problem, action: PATH }} />] : [];
}

async function list(after: string | null, { viewer, api }: Asked): Promise<Drawn> {
  const search = after === null ? {} : { after };
  const answer = await api.get<SecondLookPage>(API, search);
  if (!answer.ok) return <Refused problem={answer.error} />;
  const { replays, next } = answer.value;
  const writer = new Writer(viewer.locale, viewer.zone);
  return (
    <section>
      {replays.length === 0 ? (
        <p class="nothing">Nobody has looked a second time yet.</p>
      ) : (
        <Table label={TITLE} of={["begun", "log days (UTC)", "rules", "state", "by"]}>
          {replays.map((look) => (
            <tr>
              <th scope="row">
                <a href={pathOf(PATH, { id: look.id })}>
                  <When at={look.startedAt} writer={writer} />
                </a>
              </th>
              <td>
                {look.from} to {look.to}
              </td>
              <td>{ruleWords(look.rules)}</td>
              <td>{phaseWords(look)}</td>
              <td>
                <bdi class="code">{look.by}</bdi>
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Pages first={after === null ? null : PATH} next={next === null ? null : pathOf(PATH, { after: next })} />
      <Curl path={pathOf(API, search)} />
    </section>
  );
}

async function one(id: string, { viewer, api }: Asked): Promise<Drawn> {
  const path = `${API}/${encodeURIComponent(id)}`;
  const answer = await api.get<SecondLook>(path);
  if (!answer.ok) return <Refused problem={answer.error} back={ALL} />;
  return (
    <section>
      <Found {...{ look: answer.value, viewer, action: PATH, back: ALL }} />
      <Curl path={path} />
    </section>
  );
}

function sure(act: "apply" | "undo", look: SecondLook, viewer: Viewer): Section {
  const clicks = new Writer(viewer.locale, viewer.zone).count(look.report?.clicks ?? 0);
  const words =
    act === "apply"
      ? ["Apply this look?", `${clicks} clicks move to invalid. Statements that billed them are adjusted.`, "Apply it"]
      : ["Take this look back?", "What it moved, and nobody has moved since, counts again.", "Take it back"];
  const [title = "", text = "", button = ""] = words;
  return (
    <Confirm
      fields={[
        ["act", act],
        ["id", look.id],
      ]}
      back={{ href: pathOf(PATH, { id: look.id }), label: "Change nothing" }}
      {...{ title, text, button, viewer, action: PATH }}
    />
  );
}
