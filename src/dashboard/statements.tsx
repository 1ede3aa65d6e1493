/**
 * Statements: what was issued to an advertiser or a publisher, one of them as it is printed, and the operator's
 * drafting and issuing. Who reads those of several, the operator or an auditor, begins with the tenants.
 *
 *   GET  /statements                             GET  /v1/admin/advertisers, /v1/admin/publishers
 *   GET  /statements?advertiser=adv_1            GET  /v1/statements
 *   GET  /statements?publisher=pub_1             likewise, in all currencies
 *   GET  /statements?advertiser=adv_1&n=3        GET  /v1/statements/3
 *   POST /statements  act=draft …                POST /v1/admin/statements
 *   POST /statements  act=issue draft=…          POST /v1/admin/statements/<draft>/finalize
 *
 * Keeps: a draft changes nothing; issuing it is for good, and asked for beside what it says.
 */
import { pathOf } from "./addresses.ts";
import type { Statement, StatementDraft, StatementIssued, StatementList } from "./answers.ts";
import { Curl, When } from "./behind.tsx";
import { Writer } from "./figures.ts";
import { Done, Refused, seeOther } from "./forms.tsx";
import type { Act, ScreenAsked } from "./screens.ts";
import { type Drawn, type Section, sendPage } from "./shell.tsx";
import { numberOf, Sheet } from "./statement-sheet.tsx";
import { bodyOf, choose, Issue, PATH, Tenants, type Whose } from "./statement-tenants.tsx";
import { Table } from "./table.tsx";
import { VerifyCommand } from "./verify-command.tsx";
import type { Viewer } from "./viewer.ts";

const TITLE = "Statements";
const API = "/v1/statements";
const CHECK =
  "Check it yourself, beside the verifier’s tarball, which the operator gives you: this downloads the statement, its " +
  "evidence and the log, and computes all of it again. Put an API key of yours into CLICKLEDGER_KEY.";
const ISSUED = "The statement is issued.";
const CHANGED = "The statement is issued. It differs from its draft: what was found meanwhile is in it.";

type Asked = Pick<ScreenAsked, "viewer" | "api">;
type Of = Asked & { readonly whose: Whose };

export function drawStatements({ asked, viewer, api }: ScreenAsked): Response {
  const { searchParams, origin } = new URL(asked.request.url);
  const whose = whoseIn(searchParams, viewer);
  const number = searchParams.get("n");
  const done = searchParams.get("done");
  const said = done === null ? [] : [<Done>{done === "changed" ? CHANGED : ISSUED}</Done>];
  if (number !== null) return page(viewer, ...said, one({ number, origin }, { viewer, api, whose }));
  return page(viewer, <Head />, ...said, ...choose({ viewer, whose }), list({ viewer, api, whose }));
}

/** Drafts the next statement, or issues the one of a draft. */
export const actOnStatements: Act = async ({ viewer, api, form }) => {
  const whose = whoseIn(form, viewer);
  const of = { viewer, api, whose };
  if (form.get("act") === "issue") {
    const path = `/v1/admin/statements/${encodeURIComponent(form.get("draft") ?? "")}/finalize`;
    const issued = await api.send<StatementIssued>("POST", path, {});
    if (!issued.ok) return page(viewer, <Head />, <Refused problem={issued.error} />, list(of));
    const { number, changedSinceDraft } = issued.value;
    return seeOther(PATH, { ...whose, n: String(number), done: changedSinceDraft ? "changed" : "issued" });
  }
  const [from, to] = [form.get("from") ?? "", form.get("to") ?? ""];
  const drafted = await api.send<StatementDraft>("POST", "/v1/admin/statements", bodyOf(whose, { from, to }));
  if (!drafted.ok) return page(viewer, <Head />, ...choose(of, { from, to, problem: drafted.error }), list(of));
  const { draft } = drafted.value;
  return page(viewer, <Sheet statement={drafted.value} viewer={viewer} />, <Issue {...{ viewer, whose, draft }} />);
};

/** Whose statements an address or a form names; tenants see their own, of a publisher by currency. */
function whoseIn(search: URLSearchParams, viewer: Viewer): Whose {
  const given = (name: string) => {
    const value = (search.get(name) ?? "").trim();
    return value === "" ? {} : { [name]: value };
  };
  if (viewer.principal.advertiserId !== null) return {};
  if (viewer.principal.publisherId !== null) return given("currency");
  return "advertiser" in given("advertiser") ? given("advertiser") : { ...given("publisher"), ...given("currency") };
}

/** The same as the API is asked; a list is of all currencies. */
function searchOf({ advertiser, publisher, currency }: Whose, isOne = false): Record<string, string> {
  return {
    ...(advertiser === undefined ? {} : { advertiser_id: advertiser }),
    ...(publisher === undefined ? {} : { publisher_id: publisher }),
    ...(isOne && currency !== undefined ? { currency } : {}),
  };
}

function page(viewer: Viewer, ...sections: Section[]): Response {
  return sendPage({ title: TITLE, path: PATH, viewer, sections });
}

function Head() {
  return (
    <>
      <h1>{TITLE}</h1>
      <p>
        What is owed for a period, or was earned in it, made from evidence that its receiver can add up again. A
        statement is never changed: what is found later is an adjustment of the next one.
      </p>
    </>
  );
}

async function list({ viewer, api, whose }: Of): Promise<Drawn> {
  const readsAll = viewer.ownerId === null;
  if (readsAll && whose.advertiser === undefined && whose.publisher === undefined) return <Tenants api={api} />;
  const search = searchOf(whose);
  const answer = await api.get<StatementList>(API, search);
  if (!answer.ok) return <Refused problem={answer.error} />;
  const writer = new Writer(viewer.locale, viewer.zone);
  const { statements, publisherId } = answer.value;
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
                <a
                  href={addressOf(
                    statement,
                    publisherId === undefined ? whose : { ...whose, currency: statement.currency },
                  )}
                >
                  {numberOf(statement)}
                </a>
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

function addressOf({ number }: { readonly number: number }, whose: Whose): string {
  return pathOf(PATH, { ...whose, n: String(number) });
}

async function one(
  { number, origin }: { readonly number: string; readonly origin: string },
  { viewer, api, whose }: Of,
): Promise<Drawn> {
  const search = searchOf(whose, true);
  const path = `${API}/${encodeURIComponent(number)}`;
  const answer = await api.get<Statement>(path, search);
  const { currency: _, ...all } = whose;
  const back = { href: pathOf(PATH, all), label: "All statements" };
  if (!answer.ok) {
    return (
      <>
        <Head />
        <Refused problem={answer.error} back={back} />
      </>
    );
  }
  const words = [
    String(answer.value.number),
    ...(whose.advertiser === undefined ? [] : ["--advertiser", whose.advertiser]),
    ...(whose.publisher === undefined ? [] : ["--publisher", whose.publisher]),
    ...(whose.currency === undefined ? [] : ["--currency", whose.currency]),
  ];
  return (
    <>
      <Sheet statement={answer.value} viewer={viewer} search={searchOf(whose)} />
      <section class="more">
        <VerifyCommand {...{ api, words, origin }} said={CHECK} />
        <p>
          <a href={`/export${pathOf(path, { ...search, format: "csv" })}`} download>
            Download its lines as CSV
          </a>{" "}
          <a href={back.href}>{back.label}</a>
        </p>
      </section>
      <Curl path={pathOf(path, search)} />
    </>
  );
}
