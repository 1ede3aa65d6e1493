/**
 * The history of one click in sentences, in the order in which it happened.
 *
 *   the ad was shown · the click · when it reached us · the verdict and why · where it is counted · who decided late ·
 *   where it is archived · its receipts · what was bought after it
 *
 * Keeps: says what `GET /v1/clicks/{id}` says, in words, and of conversions what a report of its minute says, since
 * orders are kept by order and not by click. Whatever is text of others stands isolated (`bdi`).
 */
import type { Child } from "hono/jsx";
import { MINUTE_MS, SECOND_MS } from "../core/limits.ts";
import { isoSecond } from "../core/time.ts";
import type { ApiClient } from "./api-client.ts";
import { When } from "./behind.tsx";
import { TABLE_PATH } from "./breakdown.tsx";
import { type Explanation, reasonMeaning, signedBy, verdictMeaning, verdictWord } from "./explained.ts";
import { receiptName } from "./export-file.ts";
import type { Writer } from "./figures.ts";
import { figureIn, type TableAnswer } from "./report-answer.ts";
import { VerifyCommand } from "./verify-command.tsx";
import type { Viewer } from "./viewer.ts";
import { valueLabel } from "./words.ts";

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

type Props = {
  readonly click: Explanation;
  readonly viewer: Viewer;
  readonly writer: Writer;
  readonly api: ApiClient;
};

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
        The edge received it, verified the signature{signedBy(click.signer)} and sent the click on.
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
      <Step at={null} writer={writer}>
        <Receipts click={click} api={props.api} />
      </Step>
      {props.viewer.kind === "publisher" ? null : <Conversions {...props} />}
    </ol>
  );
}

/** A receipt of each decision, and the command that verifies one. */
function Receipts({ click: { eventId, history }, api }: Pick<Props, "click" | "api">) {
  return (
    <>
      Its receipt, once its log day is audited:{" "}
      {history.map(({ verdict, reason }, decision) => (
        <>
          {decision === 0 ? "" : ", "}
          <a href={`/export/v1/clicks/${eventId}/receipt${decision === 0 ? "" : `?decision=${decision}`}`} download>
            {reason ?? verdict}
          </a>
        </>
      ))}
      .
      <VerifyCommand
        {...{ api, words: ["receipt", receiptName(eventId)], origin: null }}
        said="Check it yourself, without a network, beside the file and the verifier’s tarball:"
      />
    </>
  );
}

/** What was bought after it: conversions count in the minute of their click, for its ad. */
async function Conversions({ click, writer, api }: Props) {
  const { claims, facts, occurredAt } = click;
  const minuteMs = Math.floor(Date.parse(occurredAt) / MINUTE_MS) * MINUTE_MS;
  const answer = await api.get<TableAnswer>(TABLE_PATH, {
    ...{ from: isoSecond(minuteMs), to: isoSecond(minuteMs + MINUTE_MS), totals: "true", limit: "1" },
    metrics: "gross_clicks,conversions,conversion_value_micros",
    ...{ advertiser_id: claims.adv, campaign_id: claims.cmp, ad_id: claims.ad, publisher_id: claims.pub },
  });
  if (!answer.ok) return null;
  const { totals, currency = null } = answer.value.meta;
  const conversions = Number(figureIn(totals, "conversions") ?? 0);
  const clicks = Number(figureIn(totals, "gross_clicks") ?? 0);
  const worth = writer.money(figureIn(totals, "conversion_value_micros"), currency ?? "");
  const many = `${writer.count(conversions)} ${conversions === 1 ? "conversion" : "conversions"}, worth ${worth},`;
  return (
    <Step at={null} writer={writer}>
      {conversions === 0
        ? "No conversion is credited to it."
        : clicks <= facts.count
          ? `${many} credited to it.`
          : `${many} credited to the ${writer.count(clicks)} clicks on this ad in this minute; your orders say which.`}
    </Step>
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
