/**
 * What stands where a report was asked for and refused: the API's own sentence, and the ways on.
 */
import type { ProblemJson } from "../problem.ts";
import { Trouble } from "./shell.tsx";
import { addressOf, type View } from "./view.ts";

type Props = { readonly problem: ProblemJson; readonly view: View; readonly title?: string };

export function ReportTrouble({ problem, view, title = problem.title }: Props) {
  const { detail, status } = problem;
  return (
    <Trouble title={title} detail={detail}>
      <p>
        {status >= 500 || status === 429 ? <a href={addressOf(view)}>Try again</a> : null}
        {view.filters.length > 0 ? <a href={addressOf(view, { filters: [] })}>Without filters</a> : null}{" "}
        <a href={addressOf(view, { period: "7d" })}>The last 7 days</a> <a href="/">Overview</a>
      </p>
    </Trouble>
  );
}
