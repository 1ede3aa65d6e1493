/**
 * Sends what advertisers report about their orders, each with a key and a secret of its own, and keeps the answers.
 *
 *   rows that follow each other in an order share a call, and a call holds the rows of many orders of one advertiser;
 *   a postback or a pixel is a request by itself, signed as the contract says and with nothing of src/
 *
 * Keeps: what is said of one order is said in its order, one answer after the other.
 */
import { createHmac } from "node:crypto";
import { count } from "./figures.ts";
import type { Refusals } from "./ledger.ts";
import type { Fields, Order, Report } from "./orders.ts";
import { problemOf } from "./traffic.ts";

/** What an advertiser signs in with. */
export type Advertiser = { readonly apiKey: string; readonly kid: string; readonly secret: Buffer };
export type Advertisers = ReadonlyMap<string, Advertiser>;

/** Orders whose rows share a call. */
const ORDERS_PER_CALL = 20;
/** The answer that tells nothing. */
const PIXEL = "pixel";

/** Sends everything that is said of the orders; an answer that is no acknowledgement goes to `refusals`. */
export async function sendOrders(
  orders: readonly Order[],
  { url, advertisers }: { url: string; advertisers: Advertisers },
  refusals: Refusals,
): Promise<void> {
  const waiting = orders.map(toErrands);
  for (let turn = 0; waiting.some((errands) => turn < errands.length); turn++) {
    const errands = waiting.flatMap((all) => all.slice(turn, turn + 1));
    const alone = errands.filter(([first]) => first?.way !== "row").flat();
    await Promise.all([
      ...callsOf(errands).map(async (reports) =>
        settle(reports, await sendRows(reports, { url, advertisers }), refusals),
      ),
      ...alone.map(async (one) => settle([one], [await sendAlone(one, { url, advertisers })], refusals)),
    ]);
  }
}

/** Splits an order's reports where rows end: rows that follow each other go together, all else alone. */
function toErrands(order: Order): Report[][] {
  const errands: Report[][] = [];
  for (const report of order) {
    const last = errands.at(-1);
    if (report.way === "row" && last?.[0]?.way === "row") last.push(report);
    else errands.push([report]);
  }
  return errands;
}

/** The rows of errands by advertiser, in calls of bounded size. */
function callsOf(errands: readonly Report[][]): Report[][] {
  const byAdvertiser = Map.groupBy(
    errands.filter(([first]) => first?.way === "row"),
    ([first]) => first?.click.ids.advertiserId,
  );
  return Array.from(byAdvertiser.values()).flatMap((rows) =>
    Array.from({ length: Math.ceil(rows.length / ORDERS_PER_CALL) }, (_, call) =>
      rows.slice(call * ORDERS_PER_CALL, (call + 1) * ORDERS_PER_CALL).flat(),
    ),
  );
}

function settle(reports: readonly Report[], answers: readonly string[], { expected, answered }: Refusals): void {
  for (const [index, { expect, way }] of reports.entries()) {
    count(expected, `orders: ${way === "pixel" ? PIXEL : expect}`);
    count(answered, `orders: ${answers[index] ?? "no answer"}`);
  }
}

type Desk = { readonly url: string; readonly advertisers: Advertisers };

/** Sends rows in one call; one answer each. */
async function sendRows(reports: readonly Report[], { url, advertisers }: Desk): Promise<string[]> {
  const advertiser = advertisers.get(reports[0]?.click.ids.advertiserId ?? "");
  const conversions = reports.map(({ click, fields }) => ({ click_id: click.clickId, ...fields }));
  const answer = await fetch(`${url}/v1/conversions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${advertiser?.apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({ conversions }),
  });
  if (!answer.ok) return reports.map(() => String(answer.status));
  type Result = { readonly status?: string; readonly problem?: { readonly status: number } };
  const { results } = (await answer.json()) as { results: Result[] };
  return results.map(({ status, problem }) => status ?? `${problem?.status} ${problemOf(JSON.stringify(problem))}`);
}

/** Sends one signed URL. */
async function sendAlone({ click, fields, way }: Report, { url, advertisers }: Desk): Promise<string> {
  const advertiser = advertisers.get(click.ids.advertiserId);
  if (advertiser === undefined) throw new Error(`no advertiser ${click.ids.advertiserId}`);
  const format: Fields = way === "pixel" ? { format: "gif" } : {};
  const query = signed({ click_id: click.clickId, kid: advertiser.kid, ...fields, ...format }, advertiser.secret);
  const answer = await fetch(`${url}/v1/conversions?${query}`);
  const body = await answer.text();
  if (answer.headers.get("Content-Type") === "image/gif") return PIXEL;
  return answer.ok ? (JSON.parse(body) as { status: string }).status : `${answer.status} ${problemOf(body)}`;
}

/** The query with its signature, unless the fields bring one. */
function signed(fields: Fields, secret: Buffer): string {
  const encode = (text: string) =>
    encodeURIComponent(text).replaceAll(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = Object.entries(fields)
    .filter(([name]) => name !== "sig")
    .map(([name, value]) => `${encode(name)}=${encode(String(value))}`)
    .sort()
    .join("&");
  const sig = fields["sig"] ?? createHmac("sha256", secret).update(query).digest("base64url");
  return `${query}&sig=${sig}`;
}
