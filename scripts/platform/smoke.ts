/**
 * Whether a deployment counts: mints a token of test traffic, clicks it, and looks until the report shows the click.
 *
 * Keeps: the click is `tst`, so it is `invalid: test` and billed to nobody; each run has an ad of its own, so that what
 * is seen is this click. A new address takes a while until it answers everywhere, so refusals of the first minutes count
 * for nothing.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const LANDING = "https://example.com/clickledger-smoke";
const ADVERTISER = "clickledger-smoke";

export type SmokeOptions = {
  readonly url: string;
  readonly adminKey: string;
  /** Until the address answers, and then until the click is in the report. */
  readonly timeoutMs?: number;
  readonly pollMs?: number;
};

/** It does not count; the message says which step failed and what it saw. */
export class SmokeError extends Error {}

/** Resolves with the milliseconds from click to report. Throws SmokeError. */
export async function smoke(options: SmokeOptions): Promise<number> {
  const { timeoutMs = 180_000, pollMs = 1_000 } = options;
  const adId = `smoke-${randomBytes(8).toString("hex")}`;
  const link = await until("minting a token", timeoutMs, pollMs, () => mint(options, adId));
  const clickedAtMs = Date.now();
  await click(link);
  await until("the click in the report", timeoutMs, pollMs, () => isCounted(options, adId));
  return Date.now() - clickedAtMs;
}

type Looked<T> = { readonly found: T } | { readonly saw: string };

async function until<T>(what: string, timeoutMs: number, pollMs: number, look: () => Promise<Looked<T>>): Promise<T> {
  const endsAtMs = Date.now() + timeoutMs;
  for (;;) {
    const looked = await look().catch((cause: Error) => {
      if (cause instanceof SmokeError) throw cause;
      return { saw: cause.message };
    });
    if ("found" in looked) return looked.found;
    if (Date.now() >= endsAtMs) throw new SmokeError(`${what}: ${looked.saw}`);
    await sleep(pollMs);
  }
}

async function mint({ url, adminKey }: SmokeOptions, adId: string): Promise<Looked<string>> {
  const claims = { adv: ADVERTISER, cmp: ADVERTISER, ad: adId, pub: ADVERTISER, url: LANDING, cpc: 0, tst: 1 };
  const response = await fetch(`${url}/v1/tokens`, {
    method: "POST",
    headers: { Authorization: `Bearer ${adminKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({ tokens: [claims] }),
  });
  const text = await response.text();
  if (!response.ok) return { saw: saidBy(response.status, text) };
  const { tokens } = JSON.parse(text) as { tokens: { token?: string }[] };
  const token = tokens[0]?.token;
  return token === undefined ? { saw: saidBy(response.status, text) } : { found: `${url}/c/${token}` };
}

async function click(link: string): Promise<void> {
  const response = await fetch(link, { redirect: "manual" });
  const location = response.headers.get("location");
  const isRight = response.status === 302 && location?.startsWith(LANDING) === true;
  if (!isRight) throw new SmokeError(`the click: ${saidBy(response.status, await response.text())}`);
}

async function isCounted({ url, adminKey }: SmokeOptions, adId: string): Promise<Looked<true>> {
  const nowMs = Date.now();
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const query = new URLSearchParams({
    ...{
      from: day(nowMs - 86_400_000),
      to: day(nowMs),
      granularity: "day",
      group_by: "ad_id",
      metrics: "gross_clicks,invalid_clicks",
    },
    ...{ ad_id: adId },
  });
  const response = await fetch(`${url}/v1/reports/clicks?${query}`, {
    headers: { Authorization: `Bearer ${adminKey}` },
  });
  const text = await response.text();
  if (!response.ok) return { saw: saidBy(response.status, text) };
  const { rows } = JSON.parse(text) as { rows: { grossClicks: number; invalidClicks: number }[] };
  const [row, other] = rows;
  if (row === undefined) return { saw: "no row yet; what is clicked is counted later, so look at queues and shards" };
  if (row.grossClicks === 1 && row.invalidClicks === 1 && other === undefined) return { found: true };
  throw new SmokeError(`one click of test traffic is reported as ${JSON.stringify(rows)}`);
}

/** A problem's own words (RFC 9457), or the beginning of what else was answered. */
function saidBy(status: number, text: string): string {
  const { title, detail } = (text.startsWith("{") ? JSON.parse(text) : {}) as { title?: string; detail?: string };
  const said = `HTTP ${status}${title === undefined ? ` ${text.slice(0, 200)}` : ` ${title}: ${detail ?? ""}`}`;
  // Asked wrongly: asking again changes nothing.
  if (status === 400 || status === 422) throw new SmokeError(said);
  return said;
}
