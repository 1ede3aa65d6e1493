/**
 * The route of `/status`, a part of the table of routes (routes.ts): JSON, and where a browser asks a page of it.
 */
import type { Asked } from "../access/asked.ts";
import { wantsPage } from "../dashboard/wants-page.ts";
import type { Route } from "./routes.ts";

export const STATUS_ROUTE: Route = {
  ...{ method: "GET", path: "/status", needs: null, isOpen: true },
  load: async () => {
    const { answerStatus } = await import("../canary/status.ts");
    const { drawStatus } = await import("../dashboard/status.tsx");
    return async (asked: Asked) =>
      wantsPage(asked.request) ? drawStatus(await answerStatus(asked)) : answerStatus(asked);
  },
};
