/**
 * The script of the demonstration pages, as the text that the browser gets. It asks for today's figures every second
 * and writes them into the table, as `textContent`. And it gives each click on an ad a query parameter of its own, as
 * ad tags do against caches: browsers drop a second navigation to the same address while the first is under way, so
 * without it a double click would be one request. The click link ignores the parameter.
 */
export const BROWSER_SCRIPT = `
document.addEventListener("click", (event) => {
  const ad = event.target.closest("a.ad");
  if (ad !== null) ad.search = "?cb=" + Math.random().toString(36).slice(2);
}, { capture: true });

const PERIOD_MS = 1000;
const SUMS = ["impressions", "valid", "duplicate", "invalid", "conversions", "spend_micros", "conversion_value_micros"];
const rows = [...document.querySelectorAll("tr[data-ad]")].filter((row) => row.dataset.ad !== "");
const sum = document.querySelector('tr[data-ad=""]');
const freshness = document.getElementById("freshness");
const announcement = document.getElementById("announcement");
const value = document.getElementById("value");
let isFirst = true;

function money(micros) {
  return "€" + (micros / 1e6).toFixed(2);
}

function shownOf(totals) {
  return {
    ...totals,
    ctr: totals.impressions > 0 ? ((100 * totals.valid) / totals.impressions).toFixed(1) + " %" : "–",
    spend: money(totals.spend_micros),
  };
}

function write(row, totals) {
  const shown = shownOf(totals);
  for (const cell of row.querySelectorAll("[data-count]")) {
    const text = String(shown[cell.dataset.count]);
    if (cell.textContent === text) continue;
    cell.textContent = text;
    if (isFirst) continue;
    cell.classList.remove("moved");
    void cell.offsetWidth;
    cell.classList.add("moved");
  }
}

function show({ totals, postedAgoMs }) {
  const byAd = new Map(totals.map((total) => [total.ad_id, total]));
  const none = Object.fromEntries(SUMS.map((name) => [name, 0]));
  const shown = rows.map((row) => byAd.get(row.dataset.ad) ?? none);
  rows.forEach((row, index) => write(row, shown[index]));
  const add = (name) => shown.reduce((total, ad) => total + ad[name], 0);
  const before = sum.textContent;
  write(sum, Object.fromEntries(SUMS.map((name) => [name, add(name)])));
  const worth = add("conversion_value_micros");
  value.textContent = worth > 0 ? "Conversions worth " + money(worth) + ". " : "";
  freshness.textContent = postedAgoMs === null
    ? "Nothing has been counted yet."
    : "Last posting " + ago(postedAgoMs) + ".";
  if (!isFirst && sum.textContent !== before) {
    announcement.textContent = add("impressions") + " impressions, " + add("valid") + " valid clicks, "
      + add("duplicate") + " duplicates, " + add("conversions") + " conversions today";
  }
  isFirst = false;
}

function ago(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return seconds + " s ago";
  return seconds < 3600 ? Math.round(seconds / 60) + " min ago" : Math.round(seconds / 3600) + " h ago";
}

async function poll() {
  try {
    if (!document.hidden) {
      const response = await fetch("/demo/figures");
      if (!response.ok) throw new Error("status " + response.status);
      show(await response.json());
    }
  } catch {
    freshness.textContent = "The figures cannot be reached at the moment.";
  }
  setTimeout(poll, PERIOD_MS);
}
// Not every page of the demonstration has figures.
if (freshness !== null) poll();
`;
