/**
 * The routes of erasures, a part of the table of routes (routes.ts).
 */
import type { Route } from "./routes.ts";

const ERASURES = "/v1/admin/erasures";
/** An advertiser and a user, or a click id. */
const SUBJECT_BYTES_MAX = 8_192;

const operator = () => import("../operator/app.ts");

export const ERASURE_ROUTES: readonly Route[] = [
  {
    ...{ method: "POST", path: ERASURES, needs: "admin", body: { bytesMax: SUBJECT_BYTES_MAX } },
    load: async () => (await operator()).erase,
  },
  { method: "GET", path: `${ERASURES}/:id`, needs: "admin", load: async () => (await operator()).readErasure },
];
