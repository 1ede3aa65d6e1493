/**
 * The table of late clicks, and that of what became of decisions.
 */
import type { Decided, LateClick } from "./answers.ts";
import { When } from "./behind.tsx";
import { ClickLink } from "./click-story.tsx";
import { reasonMeaning, verdictWord } from "./explained.ts";
import type { Writer } from "./figures.ts";
import { ChooseBox, Outcomes, Table } from "./table.tsx";
import type { Viewer } from "./viewer.ts";

type RowsProps = {
  readonly lateClicks: readonly LateClick[];
  readonly viewer: Viewer;
  readonly writer: Writer;
  readonly currencyOf: (advertiserId: string) => string;
  readonly mayDecide: boolean;
  readonly isAllChosen: boolean;
};

/** A page of late clicks, with boxes to tick where the viewer decides. */
export function LateRows({ lateClicks, viewer, writer, currencyOf, mayDecide, isAllChosen }: RowsProps) {
  const isOperator = viewer.kind === "operator";
  const heads = [
    ...(mayDecide ? ["choose"] : []),
    ...["click", "happened", "received", ...(isOperator ? ["advertiser"] : [])],
    ...["campaign, ad", "publisher", "clicks", "price each", "state"],
  ];
  return (
    <Table label="Late clicks" class="ids" of={heads} numbers={["clicks", "price each"]}>
      {lateClicks.map((one) => (
        <tr>
          {mayDecide ? (
            <td>{one.status === "waiting" ? <ChooseBox name="id" value={one.id} isChosen={isAllChosen} /> : null}</td>
          ) : null}
          <th scope="row">
            <ClickLink id={one.id} />
          </th>
          <td>
            <When at={one.occurredAt} writer={writer} />
          </td>
          <td>
            <When at={one.receivedAt} writer={writer} />
          </td>
          {isOperator ? (
            <td>
              <bdi>{one.advertiserId}</bdi>
            </td>
          ) : null}
          <td>
            <bdi>{one.campaignId}</bdi>, <bdi>{one.adId}</bdi>
          </td>
          <td>
            <bdi>{one.publisherId}</bdi>
          </td>
          <td class="number">{writer.count(one.clicks)}</td>
          <td class="number">{writer.money(one.cpcMicros, currencyOf(one.advertiserId))}</td>
          <td>
            <State late={one} writer={writer} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function State({ late, writer }: { late: LateClick; writer: Writer }) {
  if (late.status === "waiting") return <>waiting</>;
  return (
    <>
      {verdictWord(late.verdict)}
      {late.reason === null ? "" : ` (${late.reason})`}, <When at={late.decidedAt} writer={writer} />
      {late.decidedBy === null ? null : (
        <>
          {" "}
          by <bdi class="code">{late.decidedBy}</bdi>
        </>
      )}
    </>
  );
}

const OUTCOMES: Readonly<Record<string, string>> = {
  decided: "decided",
  conflict: "was decided the other way before; nothing changed",
  unknown: "no such click waits",
  expired: "its impression is forgotten, so it cannot be told whether it was claimed; it stays late",
};

/** What became of each. */
export function LateResults({ results, decision }: Decided & { decision: string }) {
  const done = results.filter(({ outcome }) => outcome === "decided").length;
  const said = `${decision === "accept" ? "accepted" : "rejected"}. Reports follow within seconds.`;
  const back = { href: "/late-clicks", label: "Those that wait" };
  return (
    <Outcomes {...{ of: ["click", "result"], done, asked: results.length, said, back }}>
      {results.map(({ id, outcome, verdict, reason }) => (
        <tr>
          <th scope="row">
            <ClickLink id={id} />
          </th>
          <td>
            {OUTCOMES[outcome] ?? outcome}
            {verdict === undefined ? "" : `: ${verdictWord(verdict)}`}
            {reason == null ? "" : `. ${reasonMeaning(reason)}`}
          </td>
        </tr>
      ))}
    </Outcomes>
  );
}
