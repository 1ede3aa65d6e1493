/**
 * Sets the stage by the administration's own API: advertisers with a key for their reports and conversions and one for
 * their statements, and an ad server with one for the impressions that it counts.
 */
import type { Advertiser } from "./conversions.ts";
import { ADVERTISERS } from "./plan.ts";

/** One of the plan's publishers. */
const PUBLISHER = "pub_0";

export type Tenants = {
  readonly advertisers: ReadonlyMap<string, Advertiser>;
  readonly adServerKey: string;
  /** Of scope bill, by advertiser: what a stranger is given to check its statements. */
  readonly billKeys: ReadonlyMap<string, string>;
  /** The same of a publisher, for what it earned. */
  readonly earningKeys: ReadonlyMap<string, string>;
};

export async function makeTenants({ url, apiKey }: { url: string; apiKey: string }): Promise<Tenants> {
  const post = async <T>(path: string, body: object): Promise<T> => {
    const headers = { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" };
    const answer = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const ids = Array.from({ length: ADVERTISERS }, (_, index) => `adv_${index}`);
  const advertisers = new Map<string, Advertiser>();
  const billKeys = new Map<string, string>();
  for (const id of ids) {
    await post("/v1/admin/advertisers", { id, name: `Advertiser ${id}`, currency: "EUR" });
    const spec = { label: `shop of ${id}`, advertiserId: id, scopes: ["report", "convert"] };
    const { key } = await post<{ key: string }>("/v1/admin/keys", spec);
    const answer = await fetch(`${url}/v1/conversions/secret`, { headers: { Authorization: `Bearer ${key}` } });
    const { kid, secret } = (await answer.json()) as { kid: string; secret: string };
    const bills = { label: `bookkeeping of ${id}`, advertiserId: id, scopes: ["bill"] };
    billKeys.set(id, (await post<{ key: string }>("/v1/admin/keys", bills)).key);
    advertisers.set(id, { apiKey: key, kid, secret: Buffer.from(secret, "base64url") });
  }
  await post("/v1/admin/publishers", { id: PUBLISHER, name: `Publisher ${PUBLISHER}` });
  const earns = { label: `bookkeeping of ${PUBLISHER}`, publisherId: PUBLISHER, scopes: ["bill"] };
  const earningKeys = new Map([[PUBLISHER, (await post<{ key: string }>("/v1/admin/keys", earns)).key]]);
  const spec = { label: "ad server", scopes: ["mint"], mint: { advertisers: ids } };
  const { key: adServerKey } = await post<{ key: string }>("/v1/admin/keys", spec);
  return { advertisers, adServerKey, billKeys, earningKeys };
}
