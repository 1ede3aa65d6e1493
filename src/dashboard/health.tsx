/**
 * Health: is anything wrong? What the API says of freshness, loss, backlog and what waits for a person, a line each.
 *
 *   freshness · complete · backlog, conversions, … (the report's warnings) · late clicks · dead letters · read budget
 *
 * Keeps: one report, one page of late clicks, one of dead letters. A line is good, to be looked at, or not known; what
 * could not be asked is not known and never good.
 */
import type { Child } from "hono/jsx";
import type { Result } from "../core/result.ts";
import type { ProblemJson } from "../problem.ts";
import type { LatePage, LetterPage, Me } from "./answers.ts";
import { Curl, When } from "./behind.tsx";
import { addDays, dayIn } from "./calendar.ts";
import { Writer } from "./figures.ts";
import type { Meta, TableAnswer } from "./report-answer.ts";
import { Said } from "./said.tsx";
import type { ScreenAsked } from "./screens.ts";
import { sendPage } from "./shell.tsx";
import { Table } from "./table.tsx";

const TITLE = "Health";
/** More than so many seconds behind is worth a look: a report is seconds behind when all is well. */
const LAG_MAX_S = 120;
/** Days that are asked whether they are complete. */
const DAYS = 7;
/** As many as one page of a list has. */
const LISTED_MAX = 1_000;
/** Less than this share of the read budget left. */
const BUDGET_LOW = 0.2;

type State = "ok" | "look" | "unknown";
type Check = { readonly name: string; readonly state: State; readonly said: Child; readonly wayOn?: Child };

export function drawHealth({ asked, viewer, api }: ScreenAsked): Response {
  const writer = new Writer(viewer.locale, viewer.zone);
  const to = dayIn(viewer.zone, asked.nowMs);
  const query = {
    ...{ from: addDays(to, 1 - DAYS), to, granularity: "day", metrics: "clicks", timezone: viewer.zone, limit: "1" },
  };
  const checks = Promise.all([
    api.get<TableAnswer>("/v1/reports/clicks", query).then((answer) => ofReport(answer, writer)),
    api
      .get<LatePage>("/v1/late-clicks", { status: "waiting", limit: String(LISTED_MAX) })
      .then((answer) => [ofLate(answer, writer)]),
    api
      .get<LetterPage>("/v1/admin/dead-letters", { limit: String(LISTED_MAX) })
      .then((answer) => [ofLetters(answer, writer)]),
    api.get<Me>("/v1/me").then((answer) => [ofBudget(answer, writer)]),
  ]);
  return sendPage({
    title: TITLE,
    path: "/health",
    viewer,
    sections: [
      <h1>{TITLE}</h1>,
      checks.then((found) => <Checks checks={found.flat()} />),
      <p class="soft">
        Of the last {DAYS} days, in {viewer.zone}, as the API says it now. Refused requests, queue depths over time and
        what a million clicks cost are in the platform’s metrics, not here.
      </p>,
      <Curl path={`/v1/reports/clicks?${new URLSearchParams(query)}`} />,
    ],
  });
}

function Checks({ checks }: { checks: readonly Check[] }) {
  const wrong = checks.filter(({ state }) => state === "look").length;
  const unknown = checks.filter(({ state }) => state === "unknown").length;
  return (
    <section>
      <p class={wrong + unknown === 0 ? "note" : "trouble"} role="status">
        {wrong === 0 && unknown === 0 ? "Nothing is wrong." : ""}
        {wrong === 0 ? "" : `${wrong} of ${checks.length} need a look. `}
        {unknown === 0 ? "" : `${unknown} could not be asked.`}
      </p>
      <Table label="Checks" of={["what", "state", "what is said", "way on"]}>
        {checks.map(({ name, state, said, wayOn }) => (
          <tr>
            <th scope="row">{name}</th>
            <td>
              <span class={`state-${state}`}>{STATES[state]}</span>
            </td>
            <td>{typeof said === "string" ? <Said text={said} /> : said}</td>
            <td>{wayOn ?? ""}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

const STATES: Readonly<Record<State, string>> = { ok: "ok", look: "look at this", unknown: "not known" };

/** What a report says of itself. */
function ofReport(answer: Result<TableAnswer, ProblemJson>, writer: Writer): Check[] {
  if (!answer.ok) {
    return [
      {
        name: "Reports",
        state: "look",
        said: `${answer.error.title} ${answer.error.detail}`,
        wayOn: <a href="/health">Ask again</a>,
      },
    ];
  }
  const { meta } = answer.value;
  return [freshness(meta, writer), completeness(meta), ...meta.warnings.map(ofWarning)];
}

function freshness({ watermark, lagSeconds }: Meta, writer: Writer): Check {
  const name = "Freshness";
  if (watermark === null || lagSeconds === null) {
    return { name, state: "unknown", said: "No watermark yet: nothing has been counted, or a source did not answer." };
  }
  return {
    name,
    state: lagSeconds > LAG_MAX_S ? "look" : "ok",
    said: (
      <>
        Everything is counted up to <When at={watermark} writer={writer} />, {writer.count(Math.round(lagSeconds))} s
        ago.
      </>
    ),
    wayOn: <a href="/?period=day">Today</a>,
  };
}

function completeness({ complete, warnings }: Meta): Check {
  const isLost = warnings.some(({ code }) => code.startsWith("dead_letters"));
  return {
    name: "Loss",
    state: isLost ? "look" : "ok",
    said: isLost
      ? "Some of what came is not in the figures: it is among the dead letters."
      : `All that came is in the figures or on its way${complete ? "" : "; the last of these days is still open"}.`,
    ...(isLost ? { wayOn: <a href="/dead-letters">Dead letters</a> } : {}),
  };
}

const WARNING_NAMES: Readonly<Record<string, string>> = {
  conversions_undecided: "Conversions",
  dead_letters: "Dead letters in figures",
  dead_letters_unknown: "Dead letters in figures",
  queue_backlog_unknown: "Queue",
  shard_backlog_unknown: "Shards",
};
/** What a report says of the question and not of the deployment. */
const OF_THE_QUESTION: ReadonlySet<string> = new Set(["currency_unset", "partial_window", "tiers_cut", "no_next_page"]);

function ofWarning({ code, detail }: Meta["warnings"][number]): Check {
  const isUnknown = code.endsWith("_unknown");
  const state: State = OF_THE_QUESTION.has(code) ? "ok" : isUnknown ? "unknown" : "look";
  return { name: WARNING_NAMES[code] ?? code.replaceAll("_", " "), state, said: detail };
}

function ofLate(answer: Result<LatePage, ProblemJson>, writer: Writer): Check {
  const name = "Late clicks that wait";
  if (!answer.ok) return unknown(name, answer.error);
  const { lateClicks, next } = answer.value;
  const oldest = lateClicks[0];
  if (oldest === undefined) return { name, state: "ok", said: "None." };
  return {
    name,
    state: "look",
    said: (
      <>
        {countOf(lateClicks.length, next, writer)}, the first since <When at={oldest.receivedAt} writer={writer} />.
      </>
    ),
    wayOn: <a href="/late-clicks">Decide</a>,
  };
}

function ofLetters(answer: Result<LetterPage, ProblemJson>, writer: Writer): Check {
  const name = "Dead letters";
  if (!answer.ok) return unknown(name, answer.error);
  const { letters, next } = answer.value;
  if (letters.length === 0) return { name, state: "ok", said: "None." };
  const reasons = new Set(letters.map(({ reason }) => reason ?? "no reason"));
  return {
    name,
    state: "look",
    said: `${countOf(letters.length, next, writer)}: ${[...reasons].slice(0, 5).join(", ")}.`,
    wayOn: <a href="/dead-letters">Look and replay</a>,
  };
}

function ofBudget(answer: Result<Me, ProblemJson>, writer: Writer): Check {
  const name = "Read budget";
  if (!answer.ok) return unknown(name, answer.error);
  const { reading } = answer.value;
  if (reading === null || reading.rowsLeft === null)
    return { name, state: "unknown", said: "The databases’ gates do not say." };
  const { rowsLeft, rowsMax } = reading;
  return {
    name,
    state: rowsLeft < BUDGET_LOW * rowsMax ? "look" : "ok",
    said: `${writer.count(rowsLeft)} of ${writer.count(rowsMax)} rows left for the operator; it fills again by itself.`,
  };
}

function unknown(name: string, { title, detail }: ProblemJson): Check {
  return { name, state: "unknown", said: `${title} ${detail}`, wayOn: <a href="/health">Ask again</a> };
}

function countOf(listed: number, next: unknown, writer: Writer): string {
  return next === null ? writer.count(listed) : `${writer.count(listed)} or more`;
}
