/**
 * A form that was sent without a session that is in force: kept on the page that asks for a key, and shown again once
 * somebody has signed in, to be sent with one press.
 *
 * Keeps: nothing is stored; what was typed goes from page to page in a hidden field. It is sent only when the reader
 * presses the button, sees what it holds, and in the session of that reader.
 */
import type { Asked } from "../access/asked.ts";
import { FormToken } from "./forms.tsx";
import type { Viewer } from "./viewer.ts";

/** What a page carries of a form; longer ones are not kept. */
const KEPT_CHARS_MAX = 16_000;
/** Not of what people typed. */
const OF_THE_FORM: ReadonlySet<string> = new Set(["kind", "act", "is_new", "confirmed"]);
const SHOWN_CHARS_MAX = 200;

/** The fields of a form of our own pages as text, without its token; empty where there are none. */
export function keptOf({ body, request }: Pick<Asked, "body" | "request">): string {
  const isOwn = request.headers.get("Sec-Fetch-Site") === "same-origin";
  if (!isOwn || !(body instanceof URLSearchParams)) return "";
  const text = new URLSearchParams([...body].filter(([name]) => name !== "token")).toString();
  return text.length > KEPT_CHARS_MAX ? "" : text;
}

type Props = { readonly viewer: Viewer; readonly path: string; readonly kept: string; readonly said: string };

/** The form again, of this session. */
export function SendAgain({ viewer, path, kept, said }: Props) {
  const fields = [...new URLSearchParams(kept)].filter(([name]) => name !== "token");
  return (
    <section>
      <h1>Send it again</h1>
      <p class="note" role="status">
        {said}
      </p>
      <form method="post" action={path}>
        <FormToken viewer={viewer} />
        {fields.map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        <dl class="facts">
          {fields
            .filter(([name, value]) => value !== "" && !OF_THE_FORM.has(name))
            .map(([name, value]) => (
              <>
                <dt>{name.replaceAll("_", " ")}</dt>
                <dd>
                  <bdi>{value.length > SHOWN_CHARS_MAX ? `${value.slice(0, SHOWN_CHARS_MAX)}…` : value}</bdi>
                </dd>
              </>
            ))}
        </dl>
        <p class="acts">
          <button type="submit">Send it</button>
          <a href={path}>Leave it</a>
        </p>
      </form>
    </section>
  );
}
