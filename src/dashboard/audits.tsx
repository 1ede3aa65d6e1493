/**
 * Audits: the sealed log days, what the last audit found in each, and what mends it.
 *
 *   GET  /audits                                        GET  /v1/admin/audits
 *   GET  /audits?day=2026-11-27                         GET  /v1/admin/audits/2026-11-27
 *   POST /audits  act=run day=…                         POST /v1/admin/audits
 *   POST /audits  act=mend day=…                        POST /v1/admin/audits/2026-11-27/mend
 *   POST /audits  act=accept day=… object=… reason=…    POST /v1/admin/audits/2026-11-27/losses
 *
 * Keeps: what cannot be taken back, accepting a loss, is asked about once more, with its reason in sight.
 */
import type { ProblemJson } from "../problem.ts";
import { pathOf } from "./addresses.ts";
import type { AuditedDays, DayAudits } from "./answers.ts";
import { placeOf, wayOf, wordsOf } from "./audit-ways.ts";
import { Curl, When } from "./behind.tsx";
import { Writer } from "./figures.ts";
import { type Choice, Confirm, Done, Field, FormToken, Refused, seeOther } from "./forms.tsx";
import type { Act, ScreenAsked } from "./screens.ts";
import { type Drawn, type Section, sendPage } from "./shell.tsx";
import { Table } from "./table.tsx";
import type { Viewer } from "./viewer.ts";

const TITLE = "Audits";
const PATH = "/audits";
const AUDITS = "/v1/admin/audits";
const ALL = { href: PATH, label: "All days" } as const;

const STATES: Readonly<Record<string, string>> = {
  clean: "clean: equal to the archive",
  blocked: "blocked: something is not mended",
  sealed: "sealed: its audit has not ended",
};
const DONE: Readonly<Record<string, string>> = {
  run: "The audit is under way.",
  mend: "What could be mended is mended. Audit the day again to see that it sufficed.",
  accept: "The loss is accepted.",
};

type Asked = Pick<ScreenAsked, "viewer" | "api">;
type Found = DayAudits["audits"][number]["found"][number];

export function drawAudits({ asked, viewer, api }: ScreenAsked): Response {
  const { searchParams } = new URL(asked.request.url);
  const day = searchParams.get("day");
  const done = searchParams.get("done");
  const words = done === null ? undefined : DONE[done];
  const said = words === undefined ? [] : [<Done>{words}</Done>];
  return page(viewer, ...said, day === null ? list({ viewer, api }) : oneDay(day, { viewer, api }));
}

/** Has a day audited, or accepts a loss once it is meant. */
export const actOnAudits: Act = async ({ viewer, api, form }) => {
  const day = form.get("day") ?? "";
  if (form.get("act") === "mend") {
    const mended = await api.send("POST", `${AUDITS}/${encodeURIComponent(day)}/mend`, {});
    if (mended.ok) return seeOther(PATH, { day, done: "mend" });
    return page(viewer, <Refused problem={mended.error} />, oneDay(day, { viewer, api }));
  }
  if (form.get("act") !== "accept") {
    const started = await api.send("POST", AUDITS, { day });
    if (started.ok) return seeOther(PATH, { day, done: "run" });
    return page(viewer, <Refused problem={started.error} back={ALL} />);
  }
  const loss = { object: form.get("object") ?? "", reason: form.get("reason") ?? "" };
  if (form.get("confirmed") !== "yes") return page(viewer, sure({ day, ...loss, viewer }));
  const accepted = await api.send("POST", `${AUDITS}/${encodeURIComponent(day)}/losses`, loss);
  if (accepted.ok) return seeOther(PATH, { day, done: "accept" });
  return page(
    viewer,
    <Refused problem={accepted.error} />,
    oneDay(day, { viewer, api }, { ...loss, problem: accepted.error }),
  );
};

function page(viewer: Viewer, ...sections: Section[]): Response {
  return sendPage({ title: TITLE, path: PATH, viewer, sections: [<Head />, ...sections] });
}

function Head() {
  return (
    <>
      <h1>{TITLE}</h1>
      <p>
        Each UTC day of logs is sealed and read again when it and its grace are over: every line is verified, decided
        and added up anew, and compared with the reports. A day that differs waits here, and closes nothing.
      </p>
    </>
  );
}

async function list({ viewer, api }: Asked): Promise<Drawn> {
  const answer = await api.get<AuditedDays>(AUDITS);
  if (!answer.ok) return <Refused problem={answer.error} />;
  const days = answer.value.days.toReversed();
  const writer = new Writer(viewer.locale, viewer.zone);
  return (
    <section>
      {days.length === 0 ? (
        <p class="nothing">No day is sealed yet: the first one is when it and its grace are over.</p>
      ) : (
        <Table label={TITLE} of={["log day (UTC)", "state", "found", "audits", "audited"]} numbers={["audits"]}>
          {days.map(({ day, state, attempt, auditedAt, found, mendedOn }) => (
            <tr>
              <th scope="row">
                <a href={pathOf(PATH, { day })}>{day}</a>
              </th>
              <td>{mendedOn === null ? state : `${state}, with ${mendedOn}`}</td>
              <td>
                {Object.entries(found)
                  .map(([kind, count]) => `${writer.count(count)} ${wordsOf(kind)}`)
                  .join(", ")}
              </td>
              <td class="number">{writer.count(attempt)}</td>
              <td>{auditedAt === null ? "" : <When at={auditedAt} writer={writer} />}</td>
            </tr>
          ))}
        </Table>
      )}
      <Curl path={AUDITS} />
    </section>
  );
}

type Typed = { readonly object: string; readonly reason: string; readonly problem: ProblemJson };

async function oneDay(day: string, { viewer, api }: Asked, typed?: Typed): Promise<Drawn> {
  const path = `${AUDITS}/${encodeURIComponent(day)}`;
  const answer = await api.get<DayAudits>(path);
  if (!answer.ok) return <Refused problem={answer.error} back={ALL} />;
  const { state, audits, losses } = answer.value;
  const [last] = audits;
  const writer = new Writer(viewer.locale, viewer.zone);
  const open = last?.found ?? [];
  const mayAct = viewer.kind === "operator";
  return (
    <section>
      <h2>{day}</h2>
      <p>
        {state === null ? "Its first audit has not ended." : `${STATES[state]}.`}{" "}
        {last === undefined ? null : (
          <>
            Audit {last.attempt} ended <When at={last.endedAt} writer={writer} /> and read{" "}
            {writer.count(last.cost["events"] ?? 0)} events.
          </>
        )}
      </p>
      {mayAct ? <RunForm {...{ day, viewer }} /> : <a href={ALL.href}>{ALL.label}</a>}
      {mayAct && open.some(({ mendedBy }) => mendedBy === "revision" || mendedBy === "repair") ? (
        <form method="post" action={PATH} class="acts">
          <FormToken viewer={viewer} />
          <input type="hidden" name="act" value="mend" />
          <input type="hidden" name="day" value={day} />
          <button type="submit">Mend what can be mended</button>
        </form>
      ) : null}
      {open.map((found) => (
        <Discrepancies {...{ found, writer }} />
      ))}
      {mayAct && objectsOf(open).length > 0 ? (
        <AcceptForm {...{ day, viewer, objects: objectsOf(open), typed: typed ?? null }} />
      ) : null}
      {losses.length === 0 ? null : (
        <>
          <h3>Accepted as lost</h3>
          <Table label="Accepted as lost" class="ids" of={["object", "reason", "by", "when"]}>
            {losses.map(({ object, reason, by, acceptedAt }) => (
              <tr>
                <th scope="row">
                  <bdi class="code">{object}</bdi>
                </th>
                <td>
                  <bdi>{reason}</bdi>
                </td>
                <td>
                  <bdi class="code">{by}</bdi>
                </td>
                <td>
                  <When at={acceptedAt} writer={writer} />
                </td>
              </tr>
            ))}
          </Table>
        </>
      )}
      <Curl path={path} />
    </section>
  );
}

function RunForm({ day, viewer }: { day: string; viewer: Viewer }) {
  return (
    <form method="post" action={PATH} class="acts">
      <FormToken viewer={viewer} />
      <input type="hidden" name="act" value="run" />
      <input type="hidden" name="day" value={day} />
      <button type="submit">Audit it again</button>
      <a href={ALL.href}>{ALL.label}</a>
    </form>
  );
}

function Discrepancies({ found, writer }: { found: Found; writer: Writer }) {
  const { kind, count, mendedBy, examples } = found;
  const label = `${writer.count(count)} ${wordsOf(kind)}`;
  const place = placeOf(kind);
  return (
    <>
      <h3>{label}</h3>
      <p class="soft">
        Mended by {wayOf(kind, mendedBy)}. {place === undefined ? null : <a href={place[0]}>{place[1]}</a>}
        {count > examples.length ? ` The first ${examples.length} are shown.` : ""}
      </p>
      <Table label={label} class="ids" of={["where", "what"]}>
        {examples.map(({ where, detail, event }) => (
          <tr>
            <th scope="row">
              <bdi class="code">{where}</bdi>
            </th>
            <td>
              {detail} {event === undefined ? null : <a href={pathOf("/clicks", { id: event })}>The event</a>}
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

type AcceptProps = {
  readonly day: string;
  readonly viewer: Viewer;
  readonly objects: readonly Choice[];
  readonly typed: Typed | null;
};

function AcceptForm({ day, viewer, objects, typed }: AcceptProps) {
  return (
    <form method="post" action={PATH} class="form">
      <h3>Accept by name</h3>
      <FormToken viewer={viewer} />
      <input type="hidden" name="act" value="accept" />
      <input type="hidden" name="day" value={day} />
      <Field
        {...{ name: "object", label: "What", value: typed?.object ?? "", problem: typed?.problem ?? null }}
        choices={objects}
      />
      <Field
        {...{ name: "reason", label: "Reason", value: typed?.reason ?? "", problem: typed?.problem ?? null }}
        hint="Why it is lost, or stands as it is. It is printed on every statement that it touches."
        isRequired
      />
      <p class="acts">
        <button type="submit">Accept it</button>
      </p>
    </form>
  );
}

type SureProps = { readonly day: string; readonly object: string; readonly reason: string; readonly viewer: Viewer };

function sure({ day, object, reason, viewer }: SureProps): Section {
  return (
    <Confirm
      title="Accept this loss for good?"
      text={`${object}: ${reason}`}
      fields={[
        ["act", "accept"],
        ["day", day],
        ["object", object],
        ["reason", reason],
      ]}
      back={{ href: pathOf(PATH, { day }), label: "Accept nothing" }}
      {...{ viewer, action: PATH, button: "Accept it for good" }}
    />
  );
}

/** What may be accepted, as far as it is shown. */
function objectsOf(found: readonly Found[]): Choice[] {
  const all = found.flatMap(({ examples }) => examples);
  const others = new Set(all.filter(({ acceptable }) => acceptable !== true).map(({ where }) => where));
  const byPlace = new Map(all.map(({ where, kind }) => [where, kind]));
  return Array.from(byPlace).flatMap(([where, kind]): Choice[] => {
    return others.has(where) ? [] : [[where, `${wordsOf(kind)}: ${where}`]];
  });
}
