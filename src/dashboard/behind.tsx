/**
 * What stands behind what a screen shows: the answer of the API as it is, the request as a command, and instants.
 *
 * Keeps: an answer is shown with all its digits.
 */
import { toJsonNumber } from "../core/exact.ts";
import { NOTHING, type Writer } from "./figures.ts";

/** An answer, for who wants all of it. */
export function RawJson({ answer, title = "The answer as JSON" }: { answer: unknown; title?: string }) {
  return (
    <details class="behind">
      <summary>{title}</summary>
      <pre class="json">
        <code>{indented(answer)}</code>
      </pre>
    </details>
  );
}

/** The request behind a screen, for who asks the API themselves. */
export function Curl({ path, body }: { path: string; body?: unknown }) {
  const sent = body === undefined ? "" : ` -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))}`;
  return (
    <details class="behind">
      <summary>As curl</summary>
      <pre>
        <code data-origin-of={path}>{`curl -H "Authorization: Bearer $CLICKLEDGER_KEY"${sent} ${quoted(path)}`}</code>
      </pre>
    </details>
  );
}

/** The request behind a view, for who asks the API themselves, and its answer as a file. */
export function AsCurl({ path, file = path }: { path: string; file?: string }) {
  return (
    <details class="behind">
      <summary>As curl, as a file</summary>
      <pre>
        <code data-origin-of={path}>{`curl -H "Authorization: Bearer $CLICKLEDGER_KEY" '${path}'`}</code>
      </pre>
      <p>
        <a href={`/export${file}`} download>
          Download as CSV
        </a>
      </p>
    </details>
  );
}

/** An instant of an answer as the reader writes it; the answer's own stands in its title. */
export function When({ at, writer }: { at: unknown; writer: Writer }) {
  const ms = typeof at === "string" ? Date.parse(at) : Number.NaN;
  if (Number.isNaN(ms)) return <>{NOTHING}</>;
  const options = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" } as const;
  return (
    <time datetime={String(at)} title={String(at)}>
      {writer.instant(ms, { ...options, second: "2-digit" })}
    </time>
  );
}

/** JSON on lines of its own, for people. */
export function indented(value: unknown): string {
  return JSON.stringify(value, (_, member) => (typeof member === "bigint" ? toJsonNumber(member) : member), 2);
}

/** One word of a shell's command. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
