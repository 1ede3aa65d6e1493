/**
 * What stands where nothing was counted up to now: how a click gets here, with the ids of who looks.
 *
 * Keeps: the ids are those of the catalogue, where it has any; what only the ad server knows stands in angle brackets.
 * No request of reports.
 */
import type { ApiClient } from "./api-client.ts";
import { dayIn, daysBetween } from "./calendar.ts";
import type { Look } from "./look.tsx";
import { figureIn } from "./report-answer.ts";
import type { ScreenAsked } from "./screens.ts";
import type { SeriesRead } from "./series.ts";
import { tenantsPath } from "./tenant-kinds.ts";
import type { Viewer } from "./viewer.ts";

type Ids = { readonly adv: string; readonly cmp: string; readonly ad: string; readonly pub: string };
const SOME_URL = "https://shop.example/";
const SOME_CPC = 250_000;
const COUNTED = ["gross_clicks", "clicks", "impressions", "gross_impressions", "conversions"] as const;

/** A shorter period may have nothing where a longer one has. */
const DAYS_MIN = 7;

/** Whether a view of some days up to now has nothing. */
export function isNothingYet({ view, nowMs }: Look, { answer }: SeriesRead): boolean {
  const { from, to } = view.days;
  const today = dayIn(view.zone, nowMs);
  const isUpToNow = from <= today && today <= to && daysBetween(from, to) >= DAYS_MIN;
  const counts = (answer.series[0]?.points ?? []).some((point) =>
    COUNTED.some((name) => Number(figureIn(point, name) ?? 0) > 0),
  );
  return isUpToNow && view.filters.length === 0 && !counts;
}

export async function FirstClick({ asked, viewer, api }: ScreenAsked) {
  const ids = await readIds(api, viewer);
  const { origin } = new URL(asked.request.url);
  const claims = JSON.stringify({ ...ids, url: SOME_URL, cpc: SOME_CPC });
  const mint = [
    "export KEY=clk_…",
    `curl -sS -H "Authorization: Bearer $KEY" '${origin}/v1/tokens' -d '{"tokens":[`,
    `  ${claims}]}'`,
  ].join("\n");
  return (
    <section class="teach" aria-label="The first click">
      <h2>How the first click gets here</h2>
      <ol>
        {viewer.kind === "operator" ? (
          <li>
            <b>Make the tenants.</b> <a href={tenantsPath({ kind: "advertisers", new: "1" })}>An advertiser</a>,{" "}
            <a href={tenantsPath({ kind: "publishers", new: "1" })}>a publisher</a>, and{" "}
            <a href={tenantsPath({ kind: "keys", new: "1" })}>a key with the scope mint</a>.
          </li>
        ) : (
          <li>
            <b>Take a key with the scope mint;</b> the operator makes it.
          </li>
        )}
        <li>
          <b>Sign a link</b> for each time that an ad is shown. 0.25 in the advertiser’s currency is{" "}
          <code>{SOME_CPC}</code> micros; an ad server with a signing key does it without any call.
          <pre>
            <code>{mint}</code>
          </pre>
        </li>
        <li>
          <b>Look at the link</b> that comes back as <code>click_url</code>: <a href="/try">try it</a>, which counts
          nothing.
        </li>
        <li>
          <b>Click on it.</b> The click is here within seconds, and <a href="/live">live</a> at once.
        </li>
      </ol>
    </section>
  );
}

async function readIds(api: ApiClient, { kind, ownerId }: Viewer): Promise<Ids> {
  const unknown: Ids = { adv: "<advertiser>", cmp: "<campaign>", ad: "<ad>", pub: "<publisher>" };
  if (kind === "publisher") return { ...unknown, pub: ownerId ?? unknown.pub };
  if (kind === "operator") return unknown;
  const answer = await api.get<{ readonly ads: readonly { readonly id: string; readonly campaignId: string }[] }>(
    "/v1/catalog/ads",
    { limit: "1" },
  );
  const ad = answer.ok ? answer.value.ads[0] : undefined;
  return { ...unknown, adv: ownerId ?? unknown.adv, ...(ad === undefined ? {} : { cmp: ad.campaignId, ad: ad.id }) };
}
