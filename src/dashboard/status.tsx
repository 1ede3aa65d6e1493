/**
 * `/status` as a page: how the service is, and how it was on each of 90 days, from the API's own answer.
 *
 * Keeps: public, the same for everybody, and asks for nothing but that answer, so it is drawn while no database
 * answers. A day on which nothing was looked at is no good day.
 */
import { Writer } from "./figures.ts";
import { sendPage, Trouble } from "./shell.tsx";
import { Table } from "./table.tsx";

type Percentiles = { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };
type Day = {
  readonly day: string;
  readonly clicks: number;
  readonly failed: number;
  readonly lost: number;
  readonly delayed: number;
  readonly doubled: number;
  readonly redirectMs: Percentiles;
  readonly freshnessMs: Percentiles;
};
type Status = {
  readonly state: keyof typeof SAID;
  readonly checkedAt: string | null;
  readonly reportReadAt: string | null;
  readonly days: readonly Day[];
};

const SAID = {
  ok: "Clicks are redirected and counted.",
  losing: "A click of the last day has not been counted.",
  doubling: "A click of the last day was counted more than once.",
  failing: "A click of the last three minutes was not redirected.",
  unread: "Clicks are redirected; reports could not be read in the last three minutes.",
  silent: "Nobody has looked in the last three minutes.",
  off: "No canary clicks here.",
} as const;
const HEADERS = { Vary: "Accept", "Cache-Control": "public, max-age=10" } as const;

export async function drawStatus(answered: Response): Promise<Response> {
  const { state, checkedAt, days } = (await answered.json()) as Status;
  const writer = new Writer("en", "UTC");
  const said = SAID[state];
  return sendPage({
    ...{ title: "Status", path: "", viewer: null, headers: HEADERS },
    sections: [
      <section>
        <h1>Status</h1>
        {state === "ok" || state === "off" ? (
          <p class="note" role="status">
            {said}
          </p>
        ) : (
          <Trouble title={said} detail="The operator is told by the same look." />
        )}
        <p>
          A test click comes in through the public door each minute, and is looked for in the report.
          {checkedAt === null ? "" : ` The last one was made at ${checkedAt}.`} Days are in UTC; times are at most those
          that are shown.
        </p>
      </section>,
      days.length === 0 ? null : (
        <Table label="Days" of={HEADS} numbers={HEADS.slice(1)}>
          {days.toReversed().map((day) => (
            <Row day={day} writer={writer} />
          ))}
        </Table>
      ),
    ],
  });
}

const HEADS = [
  ...["day", "clicks", "not redirected", "lost", "late", "twice"],
  ...["redirect p50", "redirect p99", "in the report p50", "in the report p99"],
];

function Row({ day, writer }: { readonly day: Day; readonly writer: Writer }) {
  const { clicks, failed, lost, delayed, doubled, redirectMs, freshnessMs } = day;
  const took = (ms: number | null) => (ms === null ? "–" : ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`);
  return (
    <tr>
      <th scope="row">{day.day}</th>
      {[clicks, failed, lost, delayed, doubled].map((count) => (
        <td class="number">{writer.count(count)}</td>
      ))}
      {[redirectMs.p50, redirectMs.p99, freshnessMs.p50, freshnessMs.p99].map((ms) => (
        <td class="number">{took(ms)}</td>
      ))}
    </tr>
  );
}
