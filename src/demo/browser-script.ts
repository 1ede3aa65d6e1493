/**
 * The script of the demonstration pages, as the text that the browser gets. It asks for today's figures every second and
 * writes them into the table, as `textContent`. And it gives each click on an ad a query parameter of its own, as ad
 * tags do against caches: browsers drop a second navigation to the same address while the first is under way, so
 * without it a double click would be one request. The click link ignores the parameter.
 */
export const BROWSER_SCRIPT = `
document.addEventListener("click", (event) => {
  const ad = event.target.closest("a.ad");
  if (ad !== null) ad.search = "?cb=" + Math.random().toString(36).slice(2);
}, { capture: true });

const PERIOD_MS = 1000;
const COUNTS = ["valid", "duplicate", "invalid", "gross"];
const rows = [...document.querySelectorAll("tr[data-ad]")].filter((row) => row.dataset.ad !== "");
const sum = document.querySelector('tr[data-ad=""]');
const freshness = document.getElementById("freshness");
const announcement = document.getElementById("announcement");
const spend = document.getElementById("spend");
let isFirst = true;

function write(row, totals) {
  for (const count of COUNTS) {
    const cell = row.querySelector('[data-count="' + count + '"]');
    const text = String(totals[count] ?? 0);
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
  const shown = rows.map((row) => byAd.get(row.dataset.ad) ?? {});
  rows.forEach((row, index) => write(row, shown[index]));
  const add = (count) => shown.reduce((total, ad) => total + (ad[count] ?? 0), 0);
  const before = sum.textContent;
  write(sum, Object.fromEntries(COUNTS.map((count) => [count, add(count)])));
  spend.textContent = "Spend €" + (add("spend_micros") / 1e6).toFixed(2) + ". ";
  freshness.textContent = postedAgoMs === null
    ? "Nothing has been counted yet."
    : "Last posting " + ago(postedAgoMs) + ".";
  if (!isFirst && sum.textContent !== before) {
    announcement.textContent = add("valid") + " valid clicks, " + add("duplicate") + " duplicates today";
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
poll();
`;
