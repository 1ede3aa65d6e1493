/**
 * Statements: what was issued, one of them as it is printed, and the operator's drafting and issuing.
 *
 *   GET  /statements?advertiser=adv_1            GET  /v1/statements
 *   GET  /statements?advertiser=adv_1&n=3        GET  /v1/statements/3
 *   POST /statements  act=draft …                POST /v1/admin/statements
 *   POST /statements  act=issue draft=…          POST /v1/admin/statements/<draft>/finalize
 *
 * Keeps: a draft changes nothing; issuing it is for good, and asked for beside what it says.
 */
import type { ProblemJson } from "../problem.ts";
import { pathOf } from "./addresses.ts";
import type { Statement, StatementDraft, StatementIssued, StatementList } from "./answers.ts";
import { Curl, When } from "./behind.tsx";
import { Writer } from "./figures.ts";
import { Done, Field, FormToken, Refused, seeOther } from "./forms.tsx";
import type { Act, ScreenAsked } from "./screens.ts";
import { type Drawn, type Section, sendPage } from "./shell.tsx";
import { numberOf, Sheet } from "./statement-sheet.tsx";
import { Table } from "./table.tsx";
import type { Viewer } from "./viewer.ts";

const TITLE = "Statements";
const PATH = "/statements";
const API = "/v1/statements";
const ISSUED = "The statement is issued.";
const CHANGED = "The statement is issued. It differs from its draft: what was found meanwhile is in it.";

type Asked = Pick<ScreenAsked, "viewer" | "api">;
/** Whose statements are looked at. */
type Of = Asked & { readonly advertiser: string };

export function drawStatements({ asked, viewer, api }: ScreenAsked): Response {
  const { searchParams } = new URL(asked.request.url);
  const advertiser = viewer.ownerId ?? searchParams.get("advertiser") ?? "";
  const number = searchParams.get("n");
  const done = searchParams.get("done");
  const said = done === null ? [] : [<Done>{done === "changed" ? CHANGED : ISSUED}</Done>];
  if (number !== null) return page(viewer, ...said, one(number, { viewer, api, advertiser }));
  return page(viewer, <Head />, ...said, ...choose({ viewer, advertiser }), list({ viewer, api, advertiser }));
}

/** Drafts the next statement, or issues the one of a draft. */
export const actOnStatements: Act = async ({ viewer, api, form }) => {
  const advertiser = form.get("advertiser") ?? "";
  const of = { viewer, api, advertiser };
  if (form.get("act") === "issue") {
    const path = `/v1/admin/statements/${encodeURIComponent(form.get("draft") ?? "")}/finalize`;
    const issued = await api.send<StatementIssued>("POST", path, {});
    if (!issued.ok) return page(viewer, <Head />, <Refused problem={issued.error} />, list(of));
    const { number, changedSinceDraft } = issued.value;
    return seeOther(PATH, { advertiser, n: String(number), done: changedSinceDraft ? "changed" : "issued" });
  }
  const [from, to] = [form.get("from") ?? "", form.get("to") ?? ""];
  const asked = { advertiserId: advertiser, to, ...(from === "" ? {} : { from }) };
  const drafted = await api.send<StatementDraft>("POST", "/v1/admin/statements", asked);
  if (!drafted.ok) return page(viewer, <Head />, ...choose(of, { from, to, problem: drafted.error }), list(of));
  const { draft } = drafted.value;
  return page(
    viewer,
    <Sheet statement={drafted.value} viewer={viewer} />,
    <Issue {...{ viewer, advertiser, draft }} />,
  );
};

function page(viewer: Viewer, ...sections: Section[]): Response {
  return sendPage({ title: TITLE, path: PATH, viewer, sections });
}

function Head() {
  return (
    <>
      <h1>{TITLE}</h1>
      <p>
        What is owed for a period, made from evidence that its receiver can add up again. A statement is never changed:
        what is found later is an adjustment of the next one.
      </p>
    </>
  );
}

type Typed = { readonly from: string; readonly to: string; readonly problem: ProblemJson };

/** Whose statements, and the form of the next one, for the operator. */
function choose({ viewer, advertiser }: Pick<Of, "viewer" | "advertiser">, typed?: Typed): Section[] {
  if (viewer.kind !== "operator") return [];
  return [
    <form method="get" action={PATH} class="acts">
      <Field name="advertiser" label="Advertiser" value={advertiser} isRequired of="choose" />
      <button type="submit">Show its statements</button>
    </form>,
    ...(advertiser === ""
      ? []
      : [<DraftForm {...{ viewer, advertiser }} {...(typed === undefined ? {} : { typed })} />]),
  ];
}

function DraftForm({ viewer, advertiser, typed }: { viewer: Viewer; advertiser: string; typed?: Typed }) {
  const problem = typed?.problem ?? null;
  return (
    <section>
      <h2>The next statement</h2>
      {problem === null ? null : <Refused problem={problem} />}
      <form method="post" action={PATH}>
        <FormToken viewer={viewer} />
        <input type="hidden" name="act" value="draft" />
        <input type="hidden" name="advertiser" value={advertiser} />
        <Field
          {...{ name: "from", label: "From", value: typed?.from ?? "", problem }}
          hint="Of a first statement; later ones begin where the one before ends."
        />
        <Field {...{ name: "to", label: "To", value: typed?.to ?? "", problem }} hint="The last day, as 2026-11-30." />
        <button type="submit">Draft it</button>
      </form>
    </section>
  );
}

async function list({ viewer, api, advertiser }: Of): Promise<Drawn> {
  if (advertiser === "") return null;
  const search = viewer.kind === "operator" ? { advertiser_id: advertiser } : {};
  const answer = await api.get<StatementList>(API, search);
  if (!answer.ok) return <Refused problem={answer.error} />;
  const writer = new Writer(viewer.locale, viewer.zone);
  const { statements } = answer.value;
  return (
    <section>
      {statements.length === 0 ? (
        <p class="nothing">No statement was issued yet. The first one follows the first period that is reconciled.</p>
      ) : (
        <Table
          label={TITLE}
          of={["number", "from", "to", "valid clicks", "due", "issued"]}
          numbers={["valid clicks", "due"]}
        >
          {statements.toReversed().map((statement) => (
            <tr>
              <th scope="row">
                <a href={pathOf(PATH, { advertiser, n: String(statement.number) })}>{numberOf(statement)}</a>
              </th>
              <td>{statement.from}</td>
              <td>{statement.to}</td>
              <td class="number">{writer.count(statement.valid)}</td>
              <td class="number">{`${statement.due} ${statement.currency}`}</td>
              <td>
                <When at={statement.issuedAt} writer={writer} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Curl path={pathOf(API, search)} />
    </section>
  );
}

async function one(number: string, { viewer, api, advertiser }: Of): Promise<Drawn> {
  const search = viewer.kind === "operator" ? { advertiser_id: advertiser } : {};
  const path = `${API}/${encodeURIComponent(number)}`;
  const answer = await api.get<Statement>(path, search);
  const back = { href: pathOf(PATH, { advertiser }), label: "All statements" };
  if (!answer.ok) {
    return (
      <>
        <Head />
        <Refused problem={answer.error} back={back} />
      </>
    );
  }
  return (
    <>
      <Sheet statement={answer.value} viewer={viewer} />
      <p class="more">
        <a href={`/export${pathOf(path, { ...search, format: "csv" })}`} download>
          Download its lines as CSV
        </a>{" "}
        <a href={back.href}>{back.label}</a>
      </p>
      <Curl path={pathOf(path, search)} />
    </>
  );
}

function Issue({ viewer, advertiser, draft }: { viewer: Viewer; advertiser: string; draft: string }) {
  return (
    <form method="post" action={PATH} class="acts">
      <FormToken viewer={viewer} />
      <input type="hidden" name="act" value="issue" />
      <input type="hidden" name="advertiser" value={advertiser} />
      <input type="hidden" name="draft" value={draft} />
      <button type="submit">Issue it, for good</button>
      <a href={pathOf(PATH, { advertiser })}>Leave it a draft</a>
    </form>
  );
}
