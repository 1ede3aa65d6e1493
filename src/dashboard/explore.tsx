/**
 * Explore: any table of the API. Choose what splits its rows and what its columns count; a column's head sorts, a value
 * filters, a window of time opens its day.
 *
 * Keeps: one request. The form is a form, so it chooses without scripts; what it asks for is an address, as everything.
 */

import { DIMENSIONS } from "../report/query/fields.ts";
import { METRICS } from "../report/query/metrics.ts";
import { addressOfQuery } from "./api-client.ts";
import { AsCurl } from "./behind.tsx";
import { TABLE_PATH } from "./breakdown.tsx";
import { Controls, Kept } from "./controls.tsx";
import {
  type Choice,
  choiceOf,
  GROUPS_MAX,
  LIMITS,
  TIME_WORDS,
  tableQueryOf,
  withJoinedLists,
} from "./explore-choice.ts";
import { ExploreTable } from "./explore-table.tsx";
import { definitionOf, labelOf, Writer } from "./figures.ts";
import type { TableAnswer } from "./report-answer.ts";
import type { ScreenAsked } from "./screens.ts";
import { sendPage } from "./shell.tsx";
import { ReportTrouble } from "./trouble.tsx";
import { addressOf, type View, viewOf } from "./view.ts";
import type { Viewer } from "./viewer.ts";
import { dimensionLabel } from "./words.ts";

export function drawExplore({ asked, viewer, api }: ScreenAsked): Response {
  const { nowMs, request } = asked;
  const seen = viewOf(withJoinedLists(new URL(request.url)), { profileZone: viewer.zone, nowMs });
  const choice = choiceOf(seen.own);
  const view = { ...seen, misread: [...seen.misread, ...choice.misread] };
  const writer = new Writer(viewer.locale, view.zone);
  const query = tableQueryOf(view, choice);
  const page = { ...query, limit: String(choice.limit), ...(choice.cursor === null ? {} : { cursor: choice.cursor }) };
  const table = api.get<TableAnswer>(TABLE_PATH, page).then((answer) =>
    answer.ok ? (
      <>
        <ExploreTable {...{ answer: answer.value, view, writer, choice }} />
        <AsCurl path={addressOfQuery(TABLE_PATH, page)} file={addressOfQuery(TABLE_PATH, query)} />
      </>
    ) : answer.error.status === 410 || choice.cursor !== null ? (
      <>
        <ReportTrouble problem={answer.error} view={view} />
        <p>
          <a href={addressOf(view, { own: { cursor: null } })}>Read the table from its first page</a>
        </p>
      </>
    ) : (
      <ReportTrouble problem={answer.error} view={view} />
    ),
  );
  return sendPage({
    ...{ title: "Explore", path: "/explore", viewer },
    sections: [
      <h1 class="for-ears">Explore</h1>,
      Controls({ view, writer, nowMs, viewer, api }),
      <Chooser {...{ view, choice, viewer }} />,
      table,
    ],
  });
}

/** What is not a choice of the form: all else of the view, but for what a new table has no use for. */
const CHOSEN = ["group_by", "metrics", "limit", "order", "cursor"];

function Chooser({ view, choice, viewer }: { view: View; choice: Choice; viewer: Viewer }) {
  const slots = Array.from({ length: GROUPS_MAX }, (_, at) => choice.groupBy[at] ?? "");
  const words = DIMENSIONS.filter((dimension) => dimension !== "currency" || viewer.kind !== "advertiser");
  return (
    <form method="get" action="/explore" class="chooser">
      <Kept view={view} except={CHOSEN} />
      <fieldset class="fields">
        <legend>Rows</legend>
        {slots.map((chosen, at) => (
          <label>
            {at === 0 ? "by" : "then by"}
            <select name="group_by">
              {at === 0 ? null : <option value="">–</option>}
              <optgroup label="What">
                {words.map((word) => (
                  <option value={word} selected={word === chosen}>
                    {dimensionLabel(word)}
                  </option>
                ))}
              </optgroup>
              <optgroup label="When">
                {TIME_WORDS.map((word) => (
                  <option value={word} selected={word === chosen}>
                    {word}
                  </option>
                ))}
              </optgroup>
            </select>
          </label>
        ))}
        <label>
          a page
          <select name="limit">
            {LIMITS.map((size) => (
              <option value={String(size)} selected={size === choice.limit}>
                {size} rows
              </option>
            ))}
          </select>
        </label>
        <button type="submit">Show</button>
      </fieldset>
      <details class="behind">
        <summary>Columns: {choice.metrics.map(labelOf).join(", ")}</summary>
        <fieldset class="checks">
          <legend class="for-ears">Columns</legend>
          {METRICS.map((metric) => (
            <label title={definitionOf(metric).counts}>
              <input type="checkbox" name="metrics" value={metric} checked={choice.metrics.includes(metric)} />
              {labelOf(metric)}
            </label>
          ))}
        </fieldset>
        <p class="soft">
          Users and reasons are kept by ad: with one of them, split and filter by advertiser, campaign, ad group, ad and
          time alone.
        </p>
      </details>
    </form>
  );
}
