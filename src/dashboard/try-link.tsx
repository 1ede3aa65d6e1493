/**
 * Try a link: whether a link or a token is valid, where it leads, whether a click on it would count, and why not.
 *
 *   POST /try   link=…   →   POST /v1/explain {"token": …}
 *
 * Keeps: looks and counts nothing. What is pasted goes in the body of a request and into no address, since whoever has
 * a link can click on it.
 */
import { Curl, RawJson } from "./behind.tsx";
import { ClaimsFacts } from "./claims-facts.tsx";
import { reasonMeaning, signedBy, type TokenExplanation, verdictMeaning, verdictWord } from "./explained.ts";
import { Writer } from "./figures.ts";
import { Field, FormToken } from "./forms.tsx";
import { Said } from "./said.tsx";
import type { Act, ScreenAsked } from "./screens.ts";
import { type Section, sendPage, Trouble } from "./shell.tsx";
import { tokenInText } from "./token-in-text.ts";

const TITLE = "Try a link";

export function drawTry({ viewer }: ScreenAsked): Response {
  return sendPage({ title: TITLE, path: "/try", viewer, sections: [<Question viewer={viewer} link="" />, <Recipe />] });
}

/** Looks at what was pasted. */
export const actOnTry: Act = async ({ viewer, api, form }) => {
  const link = form.get("link") ?? "";
  const token = tokenInText(link);
  const answer = await api.send<TokenExplanation>("POST", "/v1/explain", { token });
  const writer = new Writer(viewer.locale, viewer.zone);
  const sections: Section[] = [<Question viewer={viewer} link={link} />];
  if (answer.ok) {
    const { claims } = answer.value;
    sections.push(
      <Sentence {...answer.value} />,
      <h2>What it is about</h2>,
      ClaimsFacts({ claims, viewer, api, writer }),
      <p class="soft">Times are in {viewer.zone}.</p>,
      <Curl path="/v1/explain" body={{ token }} />,
      <RawJson answer={answer.value} />,
    );
  } else {
    const { status, title, detail } = answer.error;
    const isForeign = status === 404;
    sections.push(
      <Trouble
        title={isForeign ? "There is no such link of yours" : title}
        detail={
          isForeign ? "Its signature is right, and it belongs to another account: nothing more is said of it." : detail
        }
      >
        {status === 400 && link.trim() !== "" ? (
          <p>A click on it would get the same answer: whoever clicks is not sent on, and nothing is counted.</p>
        ) : null}
        <p>
          <a href={`/problems/${answer.error.type.split("/").at(-1) ?? ""}`}>What this answer means</a>
        </p>
      </Trouble>,
    );
  }
  return sendPage({ title: TITLE, path: "/try", viewer, sections });
};

function Question({ viewer, link }: Pick<ScreenAsked, "viewer"> & { link: string }) {
  return (
    <section>
      <h1>{TITLE}</h1>
      <p>
        Paste a click link, a pixel or a token: is it valid, where does it lead, would it count? It is only looked at;
        nothing is clicked and nothing is counted.
      </p>
      <form method="post" action="/try" class="form">
        <FormToken viewer={viewer} />
        <Field name="link" label="Link or token" value={link} rows={4} isRequired />
        <p>
          <button type="submit">Look at it</button>
        </p>
      </form>
    </section>
  );
}

/** The answer in one sentence, and what follows from it. */
function Sentence({ now, firstClaim, click, signer }: TokenExplanation) {
  const isBilled = now.verdict === "valid";
  const title = now.redirects
    ? `It works, and a click now would ${isBilled ? "count" : "not be billed"}`
    : "It does not work now";
  return (
    <section class={isBilled ? "note" : "trouble"} role="status">
      <h2>{title}</h2>
      {now.problem === null ? null : (
        <p>
          <Said text={`${now.problem.title} ${now.problem.detail}`} />
        </p>
      )}
      {now.landingUrl === null ? null : (
        <p>
          A person who clicks is sent to <bdi class="code">{now.landingUrl}</bdi>, with macros filled and the click id
          added.
        </p>
      )}
      {now.verdict === null ? null : (
        <p>
          The click would be <b>{verdictWord(now.verdict)}</b>
          {now.reason === null ? "" : ` (${now.reason})`}:{" "}
          {now.reason === null ? verdictMeaning(now.verdict) : reasonMeaning(now.reason)} A click of a program may be
          invalid all the same.
        </p>
      )}
      <p>The signature{signedBy(signer)} is right.</p>
      <Claimed firstClaim={firstClaim} isFound={click !== null} />
    </section>
  );
}

function Claimed({ firstClaim, isFound }: { firstClaim: TokenExplanation["firstClaim"]; isFound: boolean }) {
  if (firstClaim === null) {
    return <p>No click has claimed its impression yet, as far as has been counted: a click takes seconds.</p>;
  }
  return (
    <p>
      Its impression is claimed by{" "}
      {isFound ? (
        <a href={`/clicks?id=${firstClaim.eventId}`}>
          the click <bdi class="code">{firstClaim.eventId}</bdi>
        </a>
      ) : (
        <>
          the click <bdi class="code">{firstClaim.eventId}</bdi>, which is not kept any more
        </>
      )}
      : every further click on it is a duplicate.
    </p>
  );
}

function Recipe() {
  return (
    <details class="behind">
      <summary>Nothing to paste? Make a link</summary>
      <p>
        An ad server makes a token for each impression with a key of scope <code>mint</code>:{" "}
        <code>POST /v1/tokens</code> (<a href="/docs">reference</a>). The link is <code>/c/</code> and the token behind
        it.
      </p>
    </details>
  );
}
