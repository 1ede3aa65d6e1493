/**
 * The administration: tenants, keys and the audit log for the operator, and the catalogue of names for tenants; what
 * the routes of src/api/routes.ts do.
 *
 * Keeps: parse, then act; the same problems as reports. The catalogue shows a tenant its own, `/v1/me` tells any key
 * what it is. Answers are never cached:
 * one of them holds a secret.
 */
import * as z from "zod";
import type { Keyed } from "../access/asked.ts";
import { ReadScope } from "../access/read-scope.ts";
import { assert } from "../core/result.ts";
import { toProblemResponse } from "../report/problems.ts";
import { CATALOG, passPrimaryRead } from "../report/read/read-pass.ts";
import { listAuditLog } from "./audit-log.ts";
import { listAdGroups, listAds, listCampaigns, listCreatives } from "./catalog.ts";
import { createKey, listKeys, revokeKey, rotateKey, showKey } from "./keys.ts";
import { showMe } from "./me.ts";
import { parseSearch } from "./parse.ts";
import { endPostbackSecret } from "./postback-secret.ts";
import { type Answer, createRecord, listRecords, patchRecord, showRecord } from "./records.ts";
import { RESOURCES } from "./resources.ts";

type Handler = (asked: Keyed) => Promise<Response>;

/** The operator's own records are few, and are the way in when reports are busy: no budget is asked for. */
const act =
  (does: (asked: Keyed & { database: D1Database; id: string; given: object }) => Promise<Answer>): Handler =>
  async (asked) => {
    const given = (asked.body ?? {}) as object;
    return toResponse(await does({ ...asked, database: asked.env.REPORT_DB, id: asked.param("id"), given }));
  };

/** The handlers of a resource, by the last part of its path. */
export function resource(name: string): Record<"create" | "list" | "show" | "patch", Handler> {
  const found = RESOURCES.find(({ path }) => path === `/v1/admin/${name}`);
  assert(found !== undefined, "the table of routes names resources that there are");
  return {
    create: act((asked) => createRecord(found, asked.given, asked)),
    list: act(({ search, database }) => listRecords(found, search(), database)),
    show: act(({ id, database, whose }) => {
      if (name === "advertisers") whose.note({ advertiserId: id });
      if (name === "publishers") whose.note({ publisherId: id });
      return showRecord(found, id, database);
    }),
    patch: act((asked) => patchRecord(found, { ofId: asked.id, body: asked.given }, asked)),
  };
}

export const makeKey = act((asked) => createKey(asked.given, asked));
export const readKeys = act(({ search, database }) => listKeys(search(), database));
export const readKey = act(({ id, database }) => showKey(id, database));
export const endKey = act((asked) => revokeKey(asked.id, asked.given, asked));
export const replaceKey = act((asked) => rotateKey(asked.id, asked.given, asked));
export const endSecret = act((asked) => endPostbackSecret(asked.id, asked.given, asked));
export const readAuditLog = act(({ search, database }) => listAuditLog(search(), database));
export const readCampaigns = catalog(listCampaigns);
export const readAds = catalog(listAds);
export const readAdGroups = catalog(listAdGroups);
export const readCreatives = catalog(listCreatives);

/** What the key is that asks; no budget is asked for, so that who is in debt can see it. */
export const readMe: Handler = async (asked) => {
  const parsed = parseSearch(asked.search(), z.strictObject({}));
  return toResponse(parsed.ok ? await showMe(asked) : parsed);
};

/** A list of names within the budget of the key's owner. */
function catalog(list: (search: URLSearchParams, database: D1Database, scope: ReadScope) => Promise<Answer>): Handler {
  return async ({ env, principal, search }) => {
    const way = { gates: env.READ_GATE, principal };
    const scope = ReadScope.of(principal);
    const passed = await passPrimaryRead(env.REPORT_DB, way, CATALOG, (database) => list(search(), database, scope));
    return passed.ok ? toResponse(passed.value) : passed.error;
  };
}

function toResponse(result: Answer): Response {
  if (!result.ok) return toProblemResponse(result.error);
  return Response.json(result.value.body, {
    status: result.value.status,
    headers: { "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff" },
  });
}
