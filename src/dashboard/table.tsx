/**
 * Tables of lists, and lists of which one chooses: the heads, the boxes to tick, and what became of what was chosen.
 *
 * Keeps: a table that is wider than its page scrolls by itself, by the keyboard too.
 */
import type { Child } from "hono/jsx";
import type { WayOn } from "./forms.tsx";

type HeadsProps = { readonly of: readonly string[]; readonly numbers?: readonly string[] };

/** Heads of columns; those of numbers stand above them. */
export function Heads({ of, numbers = [] }: HeadsProps) {
  return (
    <thead>
      <tr>
        {of.map((name) => (
          <th scope="col" class={numbers.includes(name) ? "number" : undefined}>
            {name}
          </th>
        ))}
      </tr>
    </thead>
  );
}

type TableProps = HeadsProps & { readonly label: string; readonly class?: string; readonly children?: Child };

export function Table({ label, class: name, children, ...heads }: TableProps) {
  return (
    <section class="scroll" tabindex={0} aria-label={label}>
      <table class={name}>
        <Heads {...heads} />
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

type BoxProps = { readonly name: string; readonly value: string; readonly isChosen: boolean };

/** The box of a row. */
export function ChooseBox({ name, value, isChosen }: BoxProps) {
  return (
    <label class="check">
      <input type="checkbox" name={name} value={value} checked={isChosen} />
      <span class="for-ears">Choose {value}</span>
    </label>
  );
}

/** Ticks or clears every box of the page. */
export function ChooseAll({ path, isAllChosen }: { path: string; isAllChosen: boolean }) {
  return <a href={path}>{isAllChosen ? "Choose none" : "Choose all of this page"}</a>;
}

type OutcomesProps = HeadsProps & {
  readonly done: number;
  readonly asked: number;
  readonly said: string;
  readonly back: WayOn;
  readonly children?: Child;
};

/** What became of each that was chosen. */
export function Outcomes({ done, asked, said, back, children, ...heads }: OutcomesProps) {
  return (
    <section>
      <p class={done === asked ? "note" : "trouble"} role="status">
        {done} of {asked} {said}
      </p>
      <Table {...heads} label="Results" class="ids">
        {children}
      </Table>
      <p>
        <a href={back.href}>{back.label}</a>
      </p>
    </section>
  );
}
