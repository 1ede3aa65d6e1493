/** An answer of the API as one file: what is asked of it page by page, and what the file is called. */
import { expect, it } from "vitest";
import type { ApiClient, Query } from "../../../src/dashboard/api-client.ts";
import { exportFile } from "../../../src/dashboard/export-file.ts";

const ASKED = "https://clicks.example/export/v1/reports/clicks";

type Page = { readonly body: string; readonly headers?: Readonly<Record<string, string>> };

/** An API that answers these pages, one after the other, and notes what it was asked. */
function apiOf(pages: readonly Page[]): { readonly api: ApiClient; readonly asked: Query[] } {
  const asked: Query[] = [];
  const fetch = async (_: string, query: Query = {}) => {
    const { body = "", headers = {} } = pages[asked.push(query) - 1] ?? {};
    return new Response(body, { headers });
  };
  return { api: { fetch } as unknown as ApiClient, asked };
}

const FIRST = {
  "Content-Disposition": 'attachment; filename="clicks_2026-04-01_2026-04-30_UTC_first-50000-rows.csv"',
  "X-Report-Warnings": '[{"code":"dead_letters","detail":"Not counted: 2"}]',
};

it("is named after all that it holds, and says what is not counted", async () => {
  const next = { Link: '</v1/reports/clicks?cursor=c2>; rel="next"' };
  const { api, asked } = apiOf([
    { body: "ad_id,clicks\r\nad_1,1\r\n", headers: { ...FIRST, ...next } },
    { body: "ad_id,clicks\r\nad_2,2\r\n", headers: FIRST },
  ]);
  const file = await exportFile({ request: new Request(`${ASKED}?group_by=ad_id`) }, api);
  expect(await file.text()).toBe("ad_id,clicks\r\nad_1,1\r\nad_2,2\r\n");
  expect(asked.map(({ cursor }) => cursor)).toEqual([undefined, "c2"]);
  expect(file.headers.get("Content-Disposition")).toBe('attachment; filename="clicks_2026-04-01_2026-04-30_UTC.csv"');
  expect(file.headers.get("X-Report-Warnings")).toBe(FIRST["X-Report-Warnings"]);
});

it("says in its name that rows are missing where no page follows one that is cut", async () => {
  const { api } = apiOf([{ body: "ad_id,clicks\r\n", headers: FIRST }]);
  const file = await exportFile({ request: new Request(`${ASKED}?order=-clicks`) }, api);
  expect(file.headers.get("Content-Disposition")).toBe(FIRST["Content-Disposition"]);
});

it("asks for every value of a list that the address repeats", async () => {
  const { api, asked } = apiOf([{ body: "ad_id,clicks\r\n" }]);
  await exportFile({ request: new Request(`${ASKED}?ad_id=ad_1&ad_id=ad_2&metrics=clicks&ad_id=ad_3,ad_4`) }, api);
  expect(asked).toEqual([{ ad_id: "ad_1,ad_2,ad_3,ad_4", metrics: "clicks", format: "csv", limit: "50000" }]);
});
