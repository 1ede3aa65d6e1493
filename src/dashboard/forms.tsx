/**
 * Forms of the screens: fields that say beside themselves what is wrong with them, and what became of what was sent.
 *
 *   Field     a label, what stands in it, a hint, and the sentence of the problem that names it
 *   Refused   the sentence of a problem that names none of the fields, or that one sees first
 *
 * Keeps: works without scripts. What was typed is drawn again when the API refuses it. Values are whatever people type:
 * they stand in attributes and texts, which escape them.
 */
import type { Child } from "hono/jsx";
import type { ProblemJson } from "../problem.ts";
import { pathOf } from "./addresses.ts";
import { Said } from "./said.tsx";
import { Trouble } from "./shell.tsx";
import type { Viewer } from "./viewer.ts";

export type Choice = string | readonly [value: string, label: string];

type FieldProps = {
  /** As the API calls it: a problem names it so. */
  readonly name: string;
  readonly label: string;
  readonly value?: string | null;
  readonly hint?: string;
  readonly problem?: ProblemJson | null;
  readonly choices?: readonly Choice[];
  readonly rows?: number;
  readonly isRequired?: boolean;
  readonly isReadOnly?: boolean;
  readonly type?: "text" | "number" | "search";
  /** Of the form, where a page has several. */
  readonly of?: string;
};

/** One field of a form. */
export function Field(props: FieldProps) {
  const { name, label, hint, problem = null, of = "" } = props;
  const id = of === "" ? name : `${of}-${name}`;
  const isWrong = isAbout(problem, name);
  const said = [...(hint === undefined ? [] : [`${id}-hint`]), ...(isWrong ? [`${id}-wrong`] : [])].join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <Control {...props} id={id} said={said === "" ? undefined : said} isWrong={isWrong} />
      {hint === undefined ? null : (
        <p class="soft" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {isWrong ? (
        <p class="wrong" id={`${id}-wrong`}>
          <Said text={problem?.detail ?? ""} />
        </p>
      ) : null}
    </div>
  );
}

type ControlProps = FieldProps & { readonly id: string; readonly said: string | undefined; readonly isWrong: boolean };

function Control({ id, name, value, choices, rows, isRequired, isReadOnly, type, said, isWrong }: ControlProps) {
  const shared = {
    ...{ id, name, required: isRequired === true },
    ...(said === undefined ? {} : { "aria-describedby": said }),
    ...(isWrong ? { "aria-invalid": "true" as const } : {}),
  };
  if (choices !== undefined) {
    return (
      <select {...shared}>
        {choices.map((choice) => {
          const [one, label] = typeof choice === "string" ? [choice, choice] : choice;
          return (
            <option value={one} selected={one === (value ?? "")}>
              {label}
            </option>
          );
        })}
      </select>
    );
  }
  const typed = { spellcheck: false, autocomplete: "off", readonly: isReadOnly === true };
  return rows === undefined ? (
    <input {...shared} {...typed} type={type ?? "text"} value={value ?? ""} dir="auto" />
  ) : (
    <textarea {...shared} {...typed} rows={rows}>
      {value ?? ""}
    </textarea>
  );
}

/** Whether a problem names a field, or a part of it. */
export function isAbout(problem: ProblemJson | null, name: string): boolean {
  return problem?.field === name || problem?.field?.startsWith(`${name}.`) === true;
}

/** Binds a form to the session. */
export function FormToken({ viewer }: { viewer: Viewer }) {
  return <input type="hidden" name="token" value={viewer.formToken} />;
}

export type WayOn = { readonly href: string; readonly label: string };

/** What the API refused, in its own words, and what to do about it. */
export function Refused({ problem, back }: { problem: ProblemJson; back?: WayOn }) {
  const { status, title, detail } = problem;
  return (
    <Trouble title={title} detail={detail}>
      {status === 429 || status >= 500 ? <p>Nothing that you typed is lost: send it again in a few seconds.</p> : null}
      {back === undefined ? null : (
        <p>
          <a href={back.href}>{back.label}</a>
        </p>
      )}
    </Trouble>
  );
}

type NoSuchProps = { readonly problem: ProblemJson | null; readonly what: string; readonly detail: string };

/** In the place of a record that is not there, or could not be read. */
export function NoSuch({ problem, what, detail, back }: NoSuchProps & { back: WayOn }) {
  if (problem !== null && problem.status !== 404) return <Refused problem={problem} back={back} />;
  return (
    <Trouble title={`There is no such ${what}`} detail={detail}>
      <p>
        <a href={back.href}>{back.label}</a>
      </p>
    </Trouble>
  );
}

/** What has been done. */
export function Done({ children }: { children?: Child }) {
  return (
    <p class="note" role="status">
      {children}
    </p>
  );
}

/** To a page that says what happened. */
export function seeOther(path: string, query: Readonly<Record<string, string>> = {}): Response {
  return new Response(null, { status: 303, headers: { Location: pathOf(path, query), "Cache-Control": "no-store" } });
}

type ConfirmProps = {
  readonly title: string;
  readonly text?: string;
  readonly action: string;
  readonly viewer: Viewer;
  /** What is sent again, with `confirmed`. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly button: string;
  readonly back: WayOn;
  readonly problem?: ProblemJson | null;
};

/** Asks before much is done, or what cannot be taken back; and again once the API has refused it. */
export function Confirm({ title, text, action, viewer, fields, button, back, problem = null }: ConfirmProps) {
  return (
    <section>
      {problem === null ? null : <Refused problem={problem} />}
      <h2>{title}</h2>
      {text === undefined ? null : <p>{text}</p>}
      <form method="post" action={action} class="acts">
        <FormToken viewer={viewer} />
        {[...fields, ["confirmed", "yes"] as const].map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        <button type="submit">{button}</button>
        <a href={back.href}>{back.label}</a>
      </form>
    </section>
  );
}

/** Said where a form chose nothing. */
export function NothingChosen({ children }: { children?: Child }) {
  return (
    <p class="note" role="alert">
      {children}
    </p>
  );
}

/** The ways to the other pages of a list. */
export function Pages({ first, next }: { first: string | null; next: string | null }) {
  return (
    <p class="acts">
      {first === null ? null : <a href={first}>First page</a>}
      {next === null ? null : <a href={next}>Next page</a>}
    </p>
  );
}
