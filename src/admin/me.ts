/**
 * What the key is that asks: whose, for what, in which currency and zone its reports are, and what is left of its
 * limits.
 *
 *   GET /v1/me → {"keyId":"key_…","scopes":["report"],"owner":{"kind":"advertiser","id":"adv_1",…},"currency":"EUR",
 *                 "timezone":"Europe/Berlin",…,"reading":{"rowsLeft":1980000,…}}
 *
 * Keeps: any key that is in force may ask, whatever its scopes, and learns of its own owner alone. It costs nothing of
 * the budget that it tells of: who is in debt can still see it. What the databases' gates do not tell is null.
 */
import type { Principal } from "../access/api-keys.ts";
import { CONFIGURED_KEY_ID, isAuditor, isOperator } from "../access/api-keys.ts";
import { fromDatabase } from "../access/database.ts";
import type { ReadGates } from "../access/read-pass.ts";
import { budgetOf } from "../access/read-rules.ts";
import { ok } from "../core/result.ts";
import { isoSecond } from "../core/time.ts";
import { logFault } from "../log.ts";
import { databaseNames } from "../report/read/read-pass.ts";
import { defaultZoneOf, readScopeOf } from "../report/tenancy.ts";
import type { Answer } from "./records.ts";

const SELECT_ME = `
SELECT api_keys.label, api_keys.revoked_at_ms AS endsAtMs, advertiser_profiles.name AS advertiserName,
  advertiser_profiles.status AS advertiserStatus, attribution_window_days AS attributionWindowDays,
  publishers.name AS publisherName, publishers.status AS publisherStatus
FROM api_keys
LEFT JOIN advertiser_profiles USING (advertiser_id)
LEFT JOIN publishers USING (publisher_id)
WHERE key_id = ?1`;

type Row = {
  readonly label: string;
  readonly endsAtMs: number | null;
  readonly advertiserName: string | null;
  readonly advertiserStatus: string | null;
  readonly attributionWindowDays: number | null;
  readonly publisherName: string | null;
  readonly publisherStatus: string | null;
};

type Ports = {
  readonly env: { readonly REPORT_DB: D1Database; readonly READ_GATE: ReadGates };
  readonly principal: Principal;
};

/** The holder of a key, as the holder may see it. */
export async function showMe({ env, principal }: Ports): Promise<Answer> {
  const { keyId, scopes, account, mintLimits } = principal;
  const row =
    keyId === CONFIGURED_KEY_ID
      ? null
      : await fromDatabase(() => env.REPORT_DB.prepare(SELECT_ME).bind(keyId).first<Row>());
  const listOf = (ids: ReadonlySet<string> | null) => (ids === null ? null : [...ids]);
  const limits = {
    advertisers: listOf(mintLimits.advertisers),
    publishers: listOf(mintLimits.publishers),
    cpcMicrosMax: mintLimits.cpcMicrosMax,
  };
  const body = {
    keyId,
    label: row?.label ?? "",
    scopes: [...scopes],
    endsAt: row === null || row.endsAtMs === null ? null : isoSecond(row.endsAtMs),
    owner: ownerOf(principal, row),
    currency: account?.currency ?? null,
    timezone: defaultZoneOf(principal).zone.name,
    attributionWindowDays: row?.attributionWindowDays ?? null,
    mint: scopes.has("mint") || isOperator(principal) ? limits : null,
    reading: readScopeOf(principal).ok ? await readingOf(env, principal) : null,
  };
  return ok({ status: 200, body });
}

function ownerOf(principal: Principal, row: Row | null): Record<string, string | null> {
  const { advertiserId, publisherId } = principal;
  if (advertiserId !== null) {
    const { advertiserName: name = null, advertiserStatus: status = null } = row ?? {};
    return { kind: "advertiser", id: advertiserId, name, status };
  }
  if (publisherId !== null) {
    const { publisherName: name = null, publisherStatus: status = null } = row ?? {};
    return { kind: "publisher", id: publisherId, name, status };
  }
  const kind = isOperator(principal) ? "operator" : isAuditor(principal) ? "auditor" : "none";
  return { kind, id: null, name: null, status: null };
}

/** The budget of the key's owner, which all its keys share; of several databases, the least that is left. */
async function readingOf({ READ_GATE, ...env }: Ports["env"], principal: Principal): Promise<Record<string, unknown>> {
  const ask = budgetOf(principal);
  const { rowsMax, rowsPerS, readsMax, streamsMax } = ask.rules;
  const names = await databaseNames(env, principal);
  const known = { rowsMax, rowsPerSecond: rowsPerS, readsMax, streamsMax };
  try {
    const left = await Promise.all(names.map((name) => READ_GATE.getByName(name).left(ask)));
    const rowsLeft = Math.min(...left.map(({ rows }) => rows));
    return { ...known, rowsLeft, streamsOpen: left.reduce((sum, { streams }) => sum + streams, 0) };
  } catch (fault) {
    logFault("read_gate_failed", fault);
    return { ...known, rowsLeft: null, streamsOpen: null };
  }
}
