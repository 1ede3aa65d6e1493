/**
 * The two pages of the demonstration. Text and structure only; looks are in style.ts, movement in browser-script.ts.
 */
import type { CatalogAd, Publisher } from "./catalog.ts";
import { type Html, html } from "./html.ts";
import type { ShownAd } from "./impressions.ts";

const MICROS = 1_000_000;

/** The publisher's page: its masthead, the ads, the figures. */
export function publisherPage(publisher: Publisher, ads: readonly ShownAd[]): Html {
  return document(
    publisher.name,
    html`<header class="masthead" data-publisher="${publisher.publisher_id}">
  <p class="kicker">A publisher's page, for trying out Clickledger</p>
  <h1>${publisher.name}</h1>
</header>
<main>
  <section class="ads" aria-labelledby="ads-title">
    <h2 id="ads-title">On this page</h2>
    <p class="lead">Each ad is one impression with its own signed link. The first click on it counts. A second one, a
      double click or the way back and another click, is a duplicate. Reload for new impressions.</p>
    <ul class="grid">${ads.map(adCard)}</ul>
  </section>
  ${figures(ads)}
</main>`,
  );
}

export type Visit = {
  readonly ad: CatalogAd | null;
  readonly publisher: Publisher | null;
  readonly impressionId: string;
  readonly clickId: string;
};

/** Where every ad leads: says which click arrived. */
export function landingPage({ ad, publisher, impressionId, clickId }: Visit): Html {
  const name = ad?.name ?? "An ad that is not in the catalogue";
  return document(
    name,
    html`<header class="masthead shop">
  <p class="kicker">The advertiser's landing page</p>
  <h1>${name}</h1>
</header>
<main>
  <section aria-labelledby="arrival-title">
    <h2 id="arrival-title">Your click arrived</h2>
    <dl class="facts">
      <div><dt>Ad</dt><dd>${ad?.ad_id ?? "unknown"}</dd></div>
      <div><dt>Campaign</dt><dd>${ad?.campaign ?? "unknown"}</dd></div>
      <div><dt>Publisher</dt><dd>${publisher?.name ?? "unknown"}</dd></div>
      <div><dt>Impression</dt><dd><code>${impressionId}</code></dd></div>
      <div><dt>Click</dt><dd><code id="click-id">${clickId}</code></dd></div>
    </dl>
    <p class="lead">The browser's Back shows the same impressions again: another click on this ad is a duplicate.</p>
    <p><a class="button" href="/demo">New impressions</a></p>
  </section>
  ${ad === null ? html`` : figures([ad])}
</main>`,
  );
}

function adCard({ ad_id, name, campaign, cpc_micros, impressionId, clickPath }: ShownAd): Html {
  return html`
      <li><a class="ad" href="${clickPath}" data-ad="${ad_id}">
        <span class="art" data-ad="${ad_id}" aria-hidden="true"></span>
        <span class="campaign">Ad · ${campaign}</span>
        <span class="name">${name}</span>
        <span class="small">${price(cpc_micros)} a click · impression <code>${impressionId}</code></span>
      </a></li>`;
}

function figures(ads: readonly CatalogAd[]): Html {
  const row = ({ ad_id, name }: CatalogAd) => html`
        <tr data-ad="${ad_id}">
          <th scope="row">${name} <code>${ad_id}</code></th>
          <td data-count="valid">0</td><td data-count="duplicate">0</td><td data-count="invalid">0</td><td data-count="gross">0</td>
        </tr>`;
  return html`<section class="figures" aria-labelledby="figures-title">
    <h2 id="figures-title">Counted today</h2>
    <table>
      <thead><tr><th scope="col">Ad</th><th scope="col">Valid</th><th scope="col"><abbr title="Duplicate">Dupl.</abbr></th><th scope="col"><abbr title="Invalid">Inval.</abbr></th><th scope="col">Gross</th></tr></thead>
      <tbody>${ads.map(row)}
      </tbody>
      <tfoot><tr data-ad="">
        <th scope="row">Sum</th>
        <td data-count="valid">0</td><td data-count="duplicate">0</td><td data-count="invalid">0</td><td data-count="gross">0</td>
      </tr></tfoot>
    </table>
    <p class="small"><span id="spend"></span><span id="freshness">Waiting for the first figures.</span></p>
    <p class="sr-only" role="status" id="announcement"></p>
  </section>`;
}

function price(micros: number): string {
  return `€${(micros / MICROS).toFixed(2)}`;
}

function document(title: string, body: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · Clickledger demonstration</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/demo/style.css">
<script type="module" src="/demo/browser.js"></script>
</head>
<body>
${body}
<footer class="small">Local demonstration. Days are UTC; a click is in the report within a few seconds.</footer>
</body>
</html>
`;
}
