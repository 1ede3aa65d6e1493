/**
 * `/export/v1/reports/clicks?…`: an answer of a report as one CSV file, all pages of it, streamed while they are read;
 * the lines of a statement; the receipt of a click; and a statement or a manifest as it is stored.
 *
 * Keeps: the lines are those of the API, its header once. Where a page fails after the first, the file ends with a
 * broken transfer and never looks whole.
 */
import type { Asked } from "../access/asked.ts";
import { logFault } from "../log.ts";
import { problemResponse } from "../problem.ts";
import type { ApiClient, Query } from "./api-client.ts";

const EXPORTED = /^\/v1\/(reports\/clicks|metrics\/clicks|statements\/\d{1,6})$/;
const RECEIPT = /^\/v1\/clicks\/([^/]+)\/receipt$/;
const EVIDENCE = /^\/v1\/evidence\/(\d{4}-\d{2}-\d{2})$/;
const PAGE_ROWS = "50000";
const PASSED = [
  ...["Content-Type", "Content-Disposition", "X-Report-Watermark", "X-Report-Timezone", "X-Report-Complete"],
  ...["X-Report-State", "X-Report-Currency", "X-Report-Warnings"],
];
/** What the name of a page says that others follow. */
const FIRST_ROWS = /_first-\d+-rows(?=\.csv)/;

export async function exportFile({ request }: Pick<Asked, "request">, api: ApiClient): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const path = pathname.slice("/export".length);
  const [, click] = RECEIPT.exec(path) ?? [];
  if (click !== undefined) return exportReceipt(api, { path, click, query: queryOf(searchParams) });
  const [, day] = EVIDENCE.exec(path) ?? [];
  if (day !== undefined) return exportManifest(api, { path, day, query: queryOf(searchParams) });
  if (!EXPORTED.test(path)) return problemResponse({ reason: "not_found" });
  const { cursor: _, format: __, ...query } = queryOf(searchParams);
  const isPaged = path === "/v1/reports/clicks" && query["limit"] === undefined;
  const asked = { ...query, format: "csv", ...(isPaged ? { limit: PAGE_ROWS } : {}) };
  const first = await api.fetch(path, asked);
  if (!first.ok || first.body === null || !isPaged) return first;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const send = async () => {
    let page: Response = first;
    let isFirst = true;
    while (true) {
      const body = isFirst ? page.body : (page.body?.pipeThrough(withoutFirstLine()) ?? null);
      await body?.pipeTo(writable, { preventClose: true, preventAbort: true });
      const next = nextOf(page);
      if (next === null) break;
      page = await api.fetch(path, { ...asked, cursor: next });
      if (!page.ok) throw new Error(`page refused: ${page.status}`);
      isFirst = false;
    }
    await writable.close();
  };
  send().catch(async (fault: unknown) => {
    const writer = writable.getWriter();
    // Null where the file's reader has gone away, which is no fault.
    if (writer.desiredSize !== null) logFault("export_failed", fault);
    await writer.abort(fault).catch(() => undefined);
  });
  const headers = new Headers({ "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff" });
  for (const name of PASSED) {
    const value = first.headers.get(name);
    if (value !== null) headers.set(name, nextOf(first) === null ? value : value.replace(FIRST_ROWS, ""));
  }
  return new Response(readable, { headers });
}

/** Parameters as they are given; what is given several times as one list, which only lists may be. */
function queryOf(search: URLSearchParams): Query {
  return Object.fromEntries([...new Set(search.keys())].map((name) => [name, search.getAll(name).join(",")]));
}

/** The receipt as a file; why there is none as it is. */
async function exportReceipt(
  api: ApiClient,
  { path, click, query }: { path: string; click: string; query: Query },
): Promise<Response> {
  const answer = await api.fetch(path, query);
  if (!answer.ok) return answer;
  const headers = new Headers(answer.headers);
  headers.set("Content-Disposition", `attachment; filename="${receiptName(click, query["decision"])}"`);
  return new Response(answer.body, { headers });
}

/** A day's manifest as a file, byte for byte. */
async function exportManifest(
  api: ApiClient,
  { path, day, query }: { path: string; day: string; query: Query },
): Promise<Response> {
  const answer = await api.fetch(path, query);
  if (!answer.ok) return answer;
  const headers = new Headers(answer.headers);
  const revision = (query["revision"] ?? "").replaceAll(/\D/g, "");
  headers.set(
    "Content-Disposition",
    `attachment; filename="manifest-${day}${revision === "" ? "" : `-${revision}`}.json"`,
  );
  return new Response(answer.body, { headers });
}

/** The name of a receipt's file. */
export function receiptName(click: string, decision = "0"): string {
  const id = click.replaceAll(/[^0-9A-Za-z_-]/g, "_");
  return `receipt-${id}${decision === "0" ? "" : `-${decision}`}.json`;
}

function nextOf(page: Response): string | null {
  const link = /<([^>]+)>; rel="next"/.exec(page.headers.get("Link") ?? "")?.[1];
  return link === undefined ? null : new URL(link, "https://next.invalid").searchParams.get("cursor");
}

/** Drops everything up to the first end of a line. */
function withoutFirstLine(): TransformStream<Uint8Array, Uint8Array> {
  const LINE_FEED = 10;
  let isPast = false;
  return new TransformStream({
    transform(chunk, controller) {
      if (isPast) return controller.enqueue(chunk);
      const at = chunk.indexOf(LINE_FEED);
      if (at === -1) return;
      isPast = true;
      controller.enqueue(chunk.subarray(at + 1));
    },
  });
}
