/**
 * Late clicks: those that wait for a decision, and those decided. The operator decides; an advertiser sees its own.
 *
 *   GET  /late-clicks?status=waiting|decided|all&after=…      GET /v1/late-clicks
 *   POST /late-clicks   id=… id=… decision=accept|reject      POST /v1/late-clicks, one result for each
 *
 * Keeps: a decision is made once, so more than a few are asked about again on a page of their own before they are sent.
 * Who may not decide sees no box to tick, and the API would refuse it anyway.
 */
import type { ProblemJson } from "../problem.ts";
import { givenIn, pathOf } from "./addresses.ts";
import type { Decided, LatePage } from "./answers.ts";
import { Curl } from "./behind.tsx";
import { readCurrencies } from "./currencies.ts";
import { Writer } from "./figures.ts";
import { Confirm, FormToken, NothingChosen, Pages, Refused } from "./forms.tsx";
import { LateResults, LateRows } from "./late-rows.tsx";
import type { Act, ListAsked, ScreenAsked } from "./screens.ts";
import { type Drawn, type Section, sendPage } from "./shell.tsx";
import { ChooseAll } from "./table.tsx";
import type { Viewer } from "./viewer.ts";

const TITLE = "Late clicks";
const PATH = "/late-clicks";
const CLICKS = "/v1/late-clicks";
const STATUSES = ["waiting", "decided", "all"] as const;
/** So many are decided at once without being asked about again. */
const UNASKED_MAX = 10;

export function drawLateClicks({ asked, viewer, api }: ScreenAsked): Response {
  const { searchParams } = new URL(asked.request.url);
  return page(viewer, list({ viewer, api, search: searchParams }));
}

/** Decides, or asks whether it is meant. */
export const actOnLateClicks: Act = async ({ viewer, api, form }) => {
  const ids = [...new Set(form.getAll("id"))];
  const decision = (["accept", "reject"] as const).find((one) => one === form.get("decision"));
  if (ids.length === 0 || decision === undefined) {
    const said = <NothingChosen>Nothing was chosen, so nothing was decided: tick the clicks first.</NothingChosen>;
    return page(viewer, said, list({ viewer, api, search: new URLSearchParams() }));
  }
  if (ids.length > UNASKED_MAX && form.get("confirmed") !== "yes") return page(viewer, sure({ ids, decision, viewer }));
  const answer = await api.send<Decided>("POST", CLICKS, { decisions: ids.map((id) => ({ id, decision })) });
  if (answer.ok) return page(viewer, <LateResults results={answer.value.results} decision={decision} />);
  return page(viewer, sure({ ids, decision, viewer, problem: answer.error }));
};

function page(viewer: Viewer, ...sections: Section[]): Response {
  return sendPage({ title: TITLE, path: PATH, viewer, sections: [<Head viewer={viewer} />, ...sections] });
}

function Head({ viewer }: { viewer: Viewer }) {
  return (
    <>
      <h1>{TITLE}</h1>
      <p>
        {viewer.kind === "operator"
          ? "Clicks that were reported later than is allowed, in gross, and cost nothing until somebody decides: "
          : "Your clicks that were reported later than is allowed. They cost nothing until the operator decides: "}
        accepted ones are billed in the minute in which they happened, rejected ones never are.
      </p>
    </>
  );
}

/** One page of the list, with its form where the viewer decides. */
async function list({ viewer, api, search }: ListAsked): Promise<Drawn> {
  const status = STATUSES.find((one) => one === search.get("status")) ?? "waiting";
  const query = { status, ...givenIn(search, ["after"]) };
  const [answer, currencyOf] = await Promise.all([api.get<LatePage>(CLICKS, query), readCurrencies(viewer, api)]);
  if (!answer.ok) return <Refused problem={answer.error} back={{ href: PATH, label: "The first page" }} />;
  const { lateClicks, next } = answer.value;
  const mayDecide = viewer.kind === "operator" && lateClicks.some((one) => one.status === "waiting");
  const isAllChosen = search.get("chosen") === "all";
  const table = (
    <LateRows
      {...{ lateClicks, viewer, currencyOf, mayDecide, isAllChosen, writer: new Writer(viewer.locale, viewer.zone) }}
    />
  );
  return (
    <section>
      <Tabs status={status} />
      {lateClicks.length === 0 ? (
        <p class="nothing">
          {status === "waiting" ? "Nothing waits: every late click is decided, or none came." : "There are none."}
        </p>
      ) : mayDecide ? (
        <form method="post" action={PATH}>
          <FormToken viewer={viewer} />
          <Decide path={pathOf(PATH, { ...query, chosen: isAllChosen ? null : "all" })} isAllChosen={isAllChosen} />
          {table}
        </form>
      ) : (
        table
      )}
      <Pages
        first={"after" in query ? pathOf(PATH, { status }) : null}
        next={next === null ? null : pathOf(PATH, { status, after: next })}
      />
      <Curl path={pathOf(CLICKS, query)} />
    </section>
  );
}

function Tabs({ status }: { status: string }) {
  return (
    <ul class="tabs" aria-label="Which">
      {STATUSES.map((one) => (
        <li>
          <a href={pathOf(PATH, { status: one })} aria-current={one === status ? "true" : undefined}>
            {one}
          </a>
        </li>
      ))}
    </ul>
  );
}

function Decide({ path, isAllChosen }: { path: string; isAllChosen: boolean }) {
  return (
    <p class="acts">
      <button type="submit" name="decision" value="accept">
        Accept the chosen
      </button>
      <button type="submit" name="decision" value="reject" class="quiet">
        Reject the chosen
      </button>
      <ChooseAll path={path} isAllChosen={isAllChosen} />
    </p>
  );
}

type SureProps = {
  readonly ids: readonly string[];
  readonly decision: string;
  readonly viewer: Viewer;
  readonly problem?: ProblemJson | null;
};

/** Asks before many are decided, and again after a refusal. */
function sure({ ids, decision, viewer, problem = null }: SureProps): Section {
  const verb = decision === "accept" ? "Accept" : "Reject";
  const text =
    decision === "accept"
      ? "They are billed, unless another click claimed their impression meanwhile. This cannot be taken back."
      : "They are never billed. This cannot be taken back.";
  return (
    <Confirm
      title={`${verb} ${ids.length} late ${ids.length === 1 ? "click" : "clicks"}?`}
      fields={[["decision", decision], ...ids.map((id) => ["id", id] as const)]}
      back={{ href: PATH, label: "Decide nothing" }}
      {...{ text, viewer, problem, action: PATH, button: `${verb} them` }}
    />
  );
}
