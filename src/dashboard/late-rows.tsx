/**
 * The table of late clicks, and that of what became of decisions.
 */
import { When } from "./behind.tsx";
import { ClickLink } from "./click-story.tsx";
import { reasonMeaning, verdictWord } from "./explained.ts";
import type { Writer } from "./figures.ts";
import type { Viewer } from "./viewer.ts";

export type LateClick = {
  readonly id: string;
  readonly advertiserId: string;
  readonly campaignId: string;
  readonly adId: string;
  readonly publisherId: string;
  readonly clicks: number;
  readonly cpcMicros: number;
  readonly occurredAt: string;
  readonly receivedAt: string;
  readonly status: string;
  readonly verdict: string;
  readonly reason: string | null;
  readonly decidedBy: string | null;
  readonly decidedAt: string | null;
};

export type Decided = {
  readonly results: readonly {
    readonly id: string;
    readonly outcome: string;
    readonly verdict?: string;
    readonly reason?: string | null;
  }[];
};

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
  return (
    <section class="scroll" tabindex={0} aria-label="Late clicks">
      <table class="ids">
        <thead>
          <tr>
            {mayDecide ? <th scope="col">choose</th> : null}
            <th scope="col">click</th>
            <th scope="col">happened</th>
            <th scope="col">received</th>
            {isOperator ? <th scope="col">advertiser</th> : null}
            <th scope="col">campaign, ad</th>
            <th scope="col">publisher</th>
            <th scope="col" class="number">
              clicks
            </th>
            <th scope="col" class="number">
              price each
            </th>
            <th scope="col">state</th>
          </tr>
        </thead>
        <tbody>
          {lateClicks.map((one) => (
            <tr>
              {mayDecide ? (
                <td>
                  {one.status === "waiting" ? (
                    <label class="check">
                      <input type="checkbox" name="id" value={one.id} checked={isAllChosen} />
                      <span class="for-ears">Choose {one.id}</span>
                    </label>
                  ) : null}
                </td>
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
        </tbody>
      </table>
    </section>
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
  return (
    <section>
      <p class={done === results.length ? "note" : "trouble"} role="status">
        {done} of {results.length} {decision === "accept" ? "accepted" : "rejected"}. Reports follow within seconds.
      </p>
      <table class="ids">
        <thead>
          <tr>
            <th scope="col">click</th>
            <th scope="col">result</th>
          </tr>
        </thead>
        <tbody>
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
        </tbody>
      </table>
      <p>
        <a href="/late-clicks">Those that wait</a>
      </p>
    </section>
  );
}
