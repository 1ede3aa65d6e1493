/**
 * Impressions of the demonstration page: one signed token per ad, new at every page load, as an ad server would make
 * them. The landing page is served by the same Worker.
 */
import { encodeBase64url } from "../core/base64url.ts";
import { SECOND_MS } from "../core/limits.ts";
import { mintToken } from "../core/token.ts";
import type { Edge } from "../track/edge.ts";
import type { CatalogAd, Publisher } from "./catalog.ts";

const LIFE_S = 3_600;
const JTI_BYTES = 9;

export const LANDING_PATH = "/demo/landing";

/** An ad as shown: its pixel and its click link carry the impression. */
export type ShownAd = CatalogAd & {
  readonly impressionId: string;
  readonly pixelPath: string;
  readonly clickPath: string;
};

/** Mints one impression of each ad on the publisher's page. Throws when the configuration refuses the landing URL. */
export async function showAds(
  ads: readonly CatalogAd[],
  { publisher, origin, edge, nowMs }: { publisher: Publisher; origin: string; edge: Edge; nowMs: number },
): Promise<ShownAd[]> {
  const { ring, config } = edge;
  return Promise.all(
    ads.map(async (ad) => {
      const impressionId = encodeBase64url(crypto.getRandomValues(new Uint8Array(JTI_BYTES)));
      const payload = {
        jti: impressionId,
        iat: Math.floor(nowMs / SECOND_MS),
        exp: Math.floor(nowMs / SECOND_MS) + Math.min(LIFE_S, config.token.tokenTtlMaxS),
        adv: ad.advertiser_id,
        cmp: ad.campaign_id,
        ad: ad.ad_id,
        pub: publisher.publisher_id,
        crt: ad.creative_id,
        plc: "demo",
        url: `${origin}${LANDING_PATH}?ad={ad_id}&publisher={publisher_id}&impression={impression_id}`,
        cpc: ad.cpc_micros,
      };
      const minted = await mintToken(payload, { ring, policy: config.token, nowMs });
      if (!minted.ok) throw new Error(`the demonstration cannot mint: ${minted.error.reason}`);
      return { ...ad, impressionId, pixelPath: `/i/${minted.value}`, clickPath: `/c/${minted.value}` };
    }),
  );
}
