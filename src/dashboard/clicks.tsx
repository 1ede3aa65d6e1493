/**
 * Clicks: one click found by its event id, its click id or its token, and its whole story.
 *
 *   GET  /clicks?id=…          GET /v1/clicks/{id}
 *   POST /clicks   what=…      a token: POST /v1/explain, and on to the click that counts; else on to the address above
 *
 * Keeps: a token stands in no address, since whoever has it can click. What is not found is told with what it could be;
 * an id of another tenant and one that never was are the same.
 */
import { CLICK_ID_LENGTH_MAX } from "../core/click-id.ts";
import { Curl, RawJson } from "./behind.tsx";
import { ClaimsFacts } from "./claims-facts.tsx";
import { ClickStory, VerdictLine } from "./click-story.tsx";
import type { Explanation, TokenExplanation } from "./explained.ts";
import { Writer } from "./figures.ts";
import { Field, FormToken, Refused, seeOther } from "./forms.tsx";
import type { Act, ScreenAsked } from "./screens.ts";
import { type Section, sendPage, Trouble } from "./shell.tsx";
import { tokenInText } from "./token-in-text.ts";

const TITLE = "Clicks";

export function drawClicks({ asked, viewer, api }: ScreenAsked): Response {
  const { searchParams } = new URL(asked.request.url);
  const id = (searchParams.get("id") ?? "").trim();
  const sections: Section[] = [<Question viewer={viewer} what={id} />];
  if (searchParams.has("by_token")) {
    sections.push(<p class="note">This is the click that counts for the impression of that token.</p>);
  }
  if (id !== "") sections.push(story(id, { viewer, api }));
  return sendPage({ title: TITLE, path: "/clicks", viewer, sections });
}

/** Goes to the click that was asked for. */
export const actOnClicks: Act = async ({ viewer, api, form }) => {
  const what = (form.get("what") ?? "").trim();
  const token = tokenInText(what);
  // An event id and a click id hold no full stop between base64url; a token has two.
  if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) return seeOther("/clicks", { id: what });
  const answer = await api.send<TokenExplanation>("POST", "/v1/explain", { token });
  if (answer.ok && answer.value.click !== null) {
    return seeOther("/clicks", { id: answer.value.click.eventId, by_token: "1" });
  }
  const sections: Section[] = [<Question viewer={viewer} what={what} />];
  if (answer.ok) {
    const writer = new Writer(viewer.locale, viewer.zone);
    sections.push(
      <Trouble
        title="No click of this token is counted"
        detail={
          answer.value.firstClaim === null
            ? "The token is signed and yours. A click on it may still be on its way: it takes seconds. " +
              "Clicks that were invalid claim nothing, and are found by their own ids."
            : `The click ${answer.value.firstClaim.eventId} counted for it, and is not kept any more.`
        }
      >
        <p>
          <a href="/try">Try the link</a>
        </p>
      </Trouble>,
      ClaimsFacts({ claims: answer.value.claims, viewer, api, writer }),
      <RawJson answer={answer.value} />,
    );
  } else if (answer.error.status === 404) sections.push(<NotFound what="this token" />);
  else sections.push(<Refused problem={answer.error} />);
  return sendPage({ title: TITLE, path: "/clicks", viewer, sections });
};

/** The click of an id, or what became of it. */
async function story(id: string, { viewer, api }: Pick<ScreenAsked, "viewer" | "api">) {
  // Dots alone are steps in a path, and what is longer than any id is not asked for.
  if (/^\.+$/.test(id) || id.length > CLICK_ID_LENGTH_MAX) return <NotFound what="this text" />;
  const path = `/v1/clicks/${encodeURIComponent(id)}`;
  const answer = await api.get<Explanation>(path);
  if (!answer.ok) return answer.error.status === 404 ? <NotFound what="this id" /> : <Refused problem={answer.error} />;
  const writer = new Writer(viewer.locale, viewer.zone);
  const click = answer.value;
  return (
    <article>
      <h2>
        Click <bdi class="code">{click.eventId}</bdi>
      </h2>
      <VerdictLine click={click} />
      <div class="two">
        <section>
          <h3>What happened</h3>
          <ClickStory {...{ click, viewer, writer, api }} />
          <p class="soft">Times are in {viewer.zone}.</p>
        </section>
        <section>
          <h3>What it is about</h3>
          {await ClaimsFacts({ claims: click.claims, viewer, api, writer })}
        </section>
      </div>
      <Curl path={path} />
      <RawJson answer={click} />
    </article>
  );
}

function Question({ viewer, what }: Pick<ScreenAsked, "viewer"> & { what: string }) {
  return (
    <section>
      <h1>{TITLE}</h1>
      <form method="post" action="/clicks" class="form">
        <FormToken viewer={viewer} />
        <Field
          name="what"
          label="Event id, click id or token"
          value={what}
          hint={
            "The click id is what the landing page was given in its address. " +
            "A token is the part of a link behind /c/; a whole link does too."
          }
          rows={2}
          isRequired
        />
        <p>
          <button type="submit">Find the click</button>
        </p>
      </form>
    </section>
  );
}

/** What it could be that is not there. */
function NotFound({ what }: { what: string }) {
  return (
    <Trouble title="No click is found" detail={`No click of yours has ${what}. It may be:`}>
      <ul>
        <li>
          on its way: a click is found seconds after it was made; if the queue is behind,{" "}
          <a href="/">the report says so</a>
        </li>
        <li>cut or changed: an id is found whole or not at all, so copy all of it</li>
        <li>of another account: nothing is said of those, not even that they exist</li>
        <li>older than what is kept, or a request that was refused and so never was a click</li>
      </ul>
    </Trouble>
  );
}
