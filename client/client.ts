/**
 * A typed client of the API: paths, parameters, bodies and answers are those of the OpenAPI document.
 *
 *   const api = makeClient("https://ads.example", { key: "clk_…" });
 *   const { data, error } = await api.GET("/v1/reports/clicks", { params: { query: { from, to, group_by: ["ad_id"] } } });
 *
 * Keeps: nothing is written twice: `schema.d.ts` is generated (`npm run client`), and a test fails when it is stale.
 */
import createClient, { type Client } from "openapi-fetch";
import type { paths } from "./schema.d.ts";

export type { components, paths } from "./schema.d.ts";

/** Of an answer that comes in several forms, this one is read. */
type Json = "application/json" | "application/problem+json";

export type ClientOptions = {
  readonly key?: string;
  /** Takes the place of `fetch`. */
  readonly fetch?: (request: Request) => Promise<Response>;
};

/** A client of the Worker at an origin. Lists are comma separated, as the document says of each. */
export function makeClient(origin: string, { key, fetch }: ClientOptions = {}): Client<paths, Json> {
  return createClient<paths, Json>({
    baseUrl: origin,
    headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
    querySerializer: { array: { style: "form", explode: false } },
    ...(fetch === undefined ? {} : { fetch }),
  });
}
