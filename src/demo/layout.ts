/**
 * The pages of the demonstration: the publisher's, the shop's, and the shop's thanks. Text and structure only; looks
 * are in style.ts, movement in browser-script.ts.
 */
import type { CatalogAd, Publisher } from "./catalog.ts";
import { type Html, html } from "./html.ts";
import type { ShownAd } from "./impressions.ts";
import { type Purchase, priceMicrosOf, THANKS_PATH } from "./purchase.ts";

const MICROS = 1_000_000;

/** The publisher's page: its masthead, the ads, the figures. */
export function publisherPage(publisher: Publisher, ads: readonly ShownAd[]): Html {
  return pageOf(
    publisher.name,
    html`<header class="masthead" data-publisher="${publisher.publisher_id}">
  <p class="kicker">A publisher's page, for trying out Clickledger</p>
  <h1>${publisher.name}</h1>
</header>
<main>
  <section class="ads" aria-labelledby="ads-title">
    <h2 id="ads-title">On this page</h2>
    <p class="lead">Each ad is one impression: its pixel counts it as shown, and its signed link counts the first click.
      A second one, a double click or the way back and another click, is a duplicate. Reload for new impressions.</p>
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
  /** Of the order that is not placed yet. */
  readonly orderId: string;
};

/** Where every ad leads: says which click arrived, and offers what was advertised. */
export function landingPage({ ad, publisher, impressionId, clickId, orderId }: Visit): Html {
  const name = ad?.name ?? "An ad that is not in the catalogue";
  return pageOf(
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
    ${ad === null ? html`` : buyForm(ad, clickId, orderId)}
    <p class="lead">The browser's Back shows the same impressions again: another click on this ad is a duplicate.</p>
    <p><a class="link" href="/demo">New impressions</a></p>
  </section>
  ${ad === null ? html`` : figures([ad])}
</main>`,
  );
}

/** After the purchase: carries the pixel by which the shop reports the order. */
export function thanksPage({ ad, orderId, clickId, valueMicros, pixelPath }: Purchase): Html {
  return pageOf(
    `Thank you · ${ad.name}`,
    html`<header class="masthead shop">
  <p class="kicker">The advertiser's thank-you page</p>
  <h1>Thank you for your order</h1>
</header>
<main>
  <section aria-labelledby="order-title">
    <h2 id="order-title">${ad.name}</h2>
    <dl class="facts">
      <div><dt>Order</dt><dd><code id="order-id">${orderId}</code></dd></div>
      <div><dt>Value</dt><dd>${price(valueMicros)}</dd></div>
      <div><dt>Click</dt><dd><code>${clickId}</code></dd></div>
    </dl>
    <p class="lead">A signed pixel on this page reports the order as a conversion of the click. Load the page again: the
      same order is reported again, and counted once. The report has it within a few seconds.</p>
    <p><a class="link" href="/demo">New impressions</a></p>
    <img class="pixel" id="conversion" src="${pixelPath}" alt="" width="1" height="1">
  </section>
  ${figures([ad])}
</main>`,
  );
}

function buyForm(ad: CatalogAd, clickId: string, orderId: string): Html {
  return html`<form action="${THANKS_PATH}" method="get">
      <input type="hidden" name="click_id" value="${clickId}">
      <input type="hidden" name="order" value="${orderId}">
      <button class="button" type="submit">Buy for ${price(priceMicrosOf(ad))}</button>
    </form>`;
}

function adCard({ ad_id, name, campaign, cpc_micros, impressionId, pixelPath, clickPath }: ShownAd): Html {
  return html`
      <li><img class="pixel" src="${pixelPath}" alt="" width="1" height="1">
      <a class="ad" href="${clickPath}" data-ad="${ad_id}">
        <span class="art" data-ad="${ad_id}" aria-hidden="true"></span>
        <span class="campaign">Ad · ${campaign}</span>
        <span class="name">${name}</span>
        <span class="small">${price(cpc_micros)} a click · impression <code>${impressionId}</code></span>
      </a></li>`;
}

/** Columns of the figures: name of the count, heading, and what the heading stands for. */
const COLUMNS = [
  ["impressions", "Impr.", "Impressions"],
  ["valid", "Clicks", "Valid clicks"],
  ["duplicate", "Dupl.", "Duplicate clicks"],
  ["invalid", "Inval.", "Invalid clicks"],
  ["ctr", "CTR", "Click-through rate"],
  ["conversions", "Conv.", "Conversions"],
  ["spend", "Spend", "Spend"],
] as const;

function figures(ads: readonly CatalogAd[]): Html {
  const heads = COLUMNS.map(([, short, long]) => html`<th scope="col"><abbr title="${long}">${short}</abbr></th>`);
  const cells = COLUMNS.map(([count]) => html`<td data-count="${count}">–</td>`);
  const row = ({ ad_id, name }: CatalogAd) => html`
        <tr data-ad="${ad_id}">
          <th scope="row">${name} <code>${ad_id}</code></th>
          ${cells}
        </tr>`;
  return html`<section class="figures" aria-labelledby="figures-title">
    <h2 id="figures-title">Counted today</h2>
    <div class="scroll"><table>
      <thead><tr><th scope="col">Ad</th>${heads}</tr></thead>
      <tbody>${ads.map(row)}
      </tbody>
      <tfoot><tr data-ad="">
        <th scope="row">Sum</th>
        ${cells}
      </tr></tfoot>
    </table></div>
    <p class="small"><span id="value"></span><span id="freshness">Waiting for the first figures.</span></p>
    <p class="sr-only" role="status" id="announcement"></p>
  </section>`;
}

function price(micros: number): string {
  return `€${(micros / MICROS).toFixed(2)}`;
}

/** A page of the demonstration around some content. */
export function pageOf(title: string, body: Html): Html {
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
<footer class="small">Local demonstration. Days are UTC; impressions and clicks are counted within a few seconds,
  conversions within ten.</footer>
</body>
</html>
`;
}
