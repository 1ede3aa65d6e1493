/**
 * The history of one click in sentences, in the order in which it happened.
 *
 *   the ad was shown · the click · when it reached us · the verdict and why · where it is counted · who decided late ·
 *   where it is archived
 *
 * Keeps: says what `GET /v1/clicks/{id}` says, in words. Whatever is text of others stands isolated (`bdi`).
 */
import type { Child } from "hono/jsx";
import { When } from "./behind.tsx";
import { type Explanation, reasonMeaning, verdictMeaning, verdictWord } from "./explained.ts";
import type { Writer } from "./figures.ts";
import type { Viewer } from "./viewer.ts";
import { valueLabel } from "./words.ts";

const SECOND_MS = 1_000;

/** What the click is worth, and why. */
export function VerdictLine({ click }: { click: Explanation }) {
  const { verdict, reason } = click;
  const original = click.impression.firstClaim?.eventId ?? null;
  return (
    <p class={verdict === "valid" ? "note" : "trouble"}>
      <b>{verdictWord(verdict)}</b>
      {reason === null ? ". " : ` (${reason}). `}
      {reason === null ? verdictMeaning(verdict) : reasonMeaning(reason)}
      {verdict === "duplicate" && original !== null && original !== click.eventId ? (
        <>
          {" "}
          Its impression was claimed by <ClickLink id={original} />.
        </>
      ) : null}
      {click.joins === null ? null : (
        <>
          {" "}
          It is counted and decided with <ClickLink id={click.joins} />.
        </>
      )}
    </p>
  );
}

export function ClickLink({ id }: { id: string }) {
  return (
    <a href={`/clicks?id=${encodeURIComponent(id)}`}>
      <bdi class="code">{id}</bdi>
    </a>
  );
}

type Props = { readonly click: Explanation; readonly viewer: Viewer; readonly writer: Writer };

/** Each step with its instant. */
export function ClickStory(props: Props) {
  const { click, writer } = props;
  const { claims, impression } = click;
  return (
    <ol class="story">
      <Step at={new Date(claims.iat * SECOND_MS).toISOString()} writer={writer}>
        The ad server signed the token of impression <bdi class="code">{claims.jti}</bdi>.
      </Step>
      <Step at={click.occurredAt} writer={writer}>
        <Came {...props} />
      </Step>
      <Step at={click.receivedAt} writer={writer}>
        The edge received it, verified the signature and sent the click on.
        {click.lateByMs > 0
          ? ` That was ${writer.count(Math.round(click.lateByMs / SECOND_MS))} seconds after its minute had ended.`
          : ""}
        <Durable {...props} />
      </Step>
      <Step at={click.loggedAt} writer={writer}>
        Judged and written to the log{" "}
        {click.foundIn.shard === null ? "" : <>of shard {<bdi class="code">{click.foundIn.shard}</bdi>}</>}, by rules of
        version {click.rulesVersion}: {judged(click)}
      </Step>
      {click.review === null ? null : (
        <Step at={click.review.at} writer={writer}>
          Decided by <bdi class="code">{click.review.by}</bdi>: {click.reason ?? click.verdict}.
        </Step>
      )}
      {click.countedInMinute === null ? (
        <Step at={null} writer={writer}>
          Not counted in any minute.
        </Step>
      ) : (
        <Step at={click.countedInMinute} writer={writer}>
          Counted in this minute
          {impression.firstClaim?.eventId === click.eventId ? ", as the click that claims its impression" : ""}.
        </Step>
      )}
      <Step at={null} writer={writer}>
        {click.foundIn.archiveObject === null ? (
          "In the log of its shard; the archive takes it within the hour."
        ) : (
          <>
            Archived in <bdi class="code">{click.foundIn.archiveObject}</bdi>.
          </>
        )}
      </Step>
    </ol>
  );
}

function Step({ at, writer, children }: { at: string | null; writer: Writer; children?: Child }) {
  return (
    <li>
      <span class="soft">{at === null ? "" : <When at={at} writer={writer} />}</span>
      <span>{children}</span>
    </li>
  );
}

function Came({ click: { facts } }: Props) {
  const from = facts.country === null ? "an unknown country" : valueLabel("country", facts.country);
  return (
    <>
      {facts.count > 1 ? `${facts.count} equal requests came together: ` : ""}
      {facts.method} from {from}, {valueLabel("device", facts.device).toLowerCase()}
      {facts.referrerHost === null ? (
        ""
      ) : (
        <>
          , on <bdi>{facts.referrerHost}</bdi>
        </>
      )}
      {facts.gpc ? ", asking not to be tracked" : ""}
      {facts.clock === "server" ? "" : facts.clock === "client" ? ", by the client’s clock" : ", its own clock refused"}
      . Agent: {facts.userAgent === "" ? "none" : <bdi class="code">{facts.userAgent}</bdi>}
    </>
  );
}

function Durable({ click, writer }: Props) {
  if (click.durable === null) return null;
  const { redirectBy, wasBeforeRedirect } = click.durable;
  return wasBeforeRedirect ? (
    <> The redirect waited until the click was stored.</>
  ) : (
    <>
      {" "}
      The click was not stored in time: the redirect waited until <When at={redirectBy} writer={writer} /> and went out.
    </>
  );
}

/** The rules that apply, or that none does. */
function judged({ rules, verdict, rulesVersion, rulesShownVersion }: Explanation): string {
  const applied = rules.filter(({ applies }) => applies).map(({ rule, means }) => `${rule}: ${means}`);
  const said = applied.length === 0 ? "no rule on invalid traffic applies." : applied.join(" ");
  const since = rulesVersion === rulesShownVersion ? "" : ` (as the rules of version ${rulesShownVersion} see it)`;
  return verdict === "late" ? `${said}${since} It waits for a decision.` : `${said}${since}`;
}
