/**
 * What a second look found, and the form of the next one.
 *
 * Keeps: amounts have all their digits, as the look has them, in the currency of each advertiser; nothing is added up.
 */
import { SECOND_LOOK_RULES, SECOND_LOOKS, type SecondLookRule } from "../core/second-look.ts";
import type { ProblemJson } from "../problem.ts";
import { pathOf } from "./addresses.ts";
import type { SecondLook } from "./answers.ts";
import { When } from "./behind.tsx";
import { decimalOf, Writer } from "./figures.ts";
import { Field, FormToken, isAbout, Refused, type WayOn } from "./forms.tsx";
import { Said } from "./said.tsx";
import { Table } from "./table.tsx";
import type { Viewer } from "./viewer.ts";

const RULES: Readonly<Record<SecondLookRule, string>> = {
  high_frequency: "many clicks of one user on one ad in a minute",
  regular_intervals: "clicks of one user that follow each other like a clock",
  short_time_to_click: "clicks within a second after the ad, again and again",
  current_rules: "what today’s rules and lists say of clicks that older ones judged",
  outlying_ctr: "publishers whose share of clicks lies far out",
  bait_placement: "clicks on placements that nobody sees, and of whoever made them",
};
const PHASES: Readonly<Record<SecondLook["phase"], string>> = {
  looking: "looking",
  looked: "dry: nothing is changed",
  applying: "being applied",
  applied: "applied",
  undoing: "being taken back",
  undone: "taken back",
};

export function ruleWords(rules: readonly SecondLookRule[]): string {
  return rules.map((rule) => rule.replaceAll("_", " ")).join(", ");
}

export function phaseWords({ phase, dryOnly }: Pick<SecondLook, "phase" | "dryOnly">): string {
  return phase === "looked" && dryOnly.length > 0 ? `${PHASES[phase]}, and never will be` : PHASES[phase];
}

type LookProps = {
  readonly viewer: Viewer;
  readonly given: URLSearchParams;
  readonly problem: ProblemJson | null;
  readonly action: string;
};

/** A new look. */
export function LookForm({ viewer, given, problem, action }: LookProps) {
  const chosen = given.getAll("rules");
  return (
    <section>
      <h2>Look again</h2>
      {problem === null ? null : <Refused problem={problem} />}
      <form method="post" action={action} class="form">
        <FormToken viewer={viewer} />
        <input type="hidden" name="act" value="look" />
        <div class="pair">
          <Field
            {...{ name: "from", label: "From", value: given.get("from") ?? "", problem }}
            hint="A log day, as 2026-11-20."
            isRequired
          />
          <Field
            {...{ name: "to", label: "To", value: given.get("to") ?? "", problem }}
            hint="The day after the last."
            isRequired
          />
        </div>
        <fieldset>
          <legend>By which rules</legend>
          {SECOND_LOOK_RULES.map((rule) => (
            <label class="check">
              <input type="checkbox" name="rules" value={rule} checked={chosen.includes(rule)} />
              <span>
                {ruleWords([rule])}: {RULES[rule]}
                {SECOND_LOOKS[rule].isDryOnly ? " (looked at and never applied)" : ""}
              </span>
            </label>
          ))}
          {isAbout(problem, "rules") ? (
            <p class="wrong">
              <Said text={problem?.detail ?? ""} />
            </p>
          ) : null}
        </fieldset>
        <p class="acts">
          <button type="submit">Look, and change nothing</button>
        </p>
      </form>
    </section>
  );
}

type FoundProps = {
  readonly look: SecondLook;
  readonly viewer: Viewer;
  readonly action: string;
  readonly back: WayOn;
};

/** A look: its state, what can be done with it, and what it would change for whom. */
export function Found({ look, viewer, action, back }: FoundProps) {
  const writer = new Writer(viewer.locale, viewer.zone);
  const { report, applied, undone } = look;
  return (
    <>
      <h2>
        {look.from} to {look.to}
      </h2>
      <p>
        {ruleWords(look.rules)}. State: {phaseWords(look)}, since <When at={look.changedAt} writer={writer} />, by{" "}
        <bdi class="code">{look.by}</bdi>.
      </p>
      {look.dryOnly.length === 0 ? null : (
        <p class="note">Nobody knows how often {ruleWords(look.dryOnly)} is right: this look is never applied.</p>
      )}
      {applied === null ? null : <Tally {...applied} writer={writer} what="Applied" />}
      {undone === null ? null : <Tally {...undone} writer={writer} what="Taken back" />}
      <div class="acts">
        <Acts {...{ look, viewer, action }} />
        <a href={back.href}>{back.label}</a>
      </div>
      {report === null ? <p class="nothing">It has not ended yet.</p> : <Report {...{ report, writer }} />}
    </>
  );
}

function Tally({ revised, skipped, writer, what }: { revised: number; skipped: number; writer: Writer; what: string }) {
  return (
    <p>
      {what}: {writer.count(revised)} clicks revised, {writer.count(skipped)} left as somebody else had decided them.
    </p>
  );
}

/** What the operator may do with it now; each asks first. */
function Acts({ look: { id, phase, dryOnly }, viewer, action }: Omit<FoundProps, "back">) {
  const act = phase === "looked" && dryOnly.length === 0 ? "apply" : phase === "applied" ? "undo" : null;
  if (act === null || viewer.kind !== "operator") return null;
  return (
    <form method="post" action={action}>
      <FormToken viewer={viewer} />
      <input type="hidden" name="act" value={act} />
      <input type="hidden" name="id" value={id} />
      <button type="submit">{act === "apply" ? "Apply it …" : "Take it back …"}</button>
    </form>
  );
}

function Report({ report, writer }: { report: NonNullable<SecondLook["report"]>; writer: Writer }) {
  const { clicks, promotedClicks, sums, examples } = report;
  return (
    <>
      <p>
        {clicks === 0 ? "It names no click." : `It names ${writer.count(clicks)} clicks.`}{" "}
        {promotedClicks === 0 ? "" : `${writer.count(promotedClicks)} duplicates of others would take over.`}
      </p>
      {sums.length === 0 ? null : (
        <Table
          label="What would change, for whom"
          of={["why", "advertiser", "publisher", "clicks", "amount", "billed instead"]}
          numbers={["clicks", "amount", "billed instead"]}
        >
          {sums.map(({ reason, advertiserId, publisherId, clicks: own, micros, promotedMicros }) => (
            <tr>
              <th scope="row">{reason.replaceAll("_", " ")}</th>
              <td>
                <a href={pathOf("/statements", { advertiser: advertiserId })}>
                  <bdi class="code">{advertiserId}</bdi>
                </a>
              </td>
              <td>
                <a href={pathOf("/statements", { publisher: publisherId })}>
                  <bdi class="code">{publisherId}</bdi>
                </a>
              </td>
              <td class="number">{writer.count(own)}</td>
              <td class="number">{decimalOf(BigInt(micros))}</td>
              <td class="number">{decimalOf(BigInt(promotedMicros))}</td>
            </tr>
          ))}
        </Table>
      )}
      {examples.length === 0 ? null : (
        <Table label="Some of them" class="ids" of={["click", "why", "advertiser"]}>
          {examples.map(({ eventId, reason, advertiserId }) => (
            <tr>
              <th scope="row">
                <a href={pathOf("/clicks", { id: eventId })}>
                  <bdi class="code">{eventId}</bdi>
                </a>
              </th>
              <td>{(reason ?? "").replaceAll("_", " ")}</td>
              <td>
                <bdi class="code">{advertiserId}</bdi>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}
