/**
 * The traffic of one run, and what is true of it: impressions, the requests for their pixels and links, what is bought
 * after their clicks, and what ad servers count themselves. Made from the seed before anything runs, and never told what
 * the system decides.
 *
 *   impression   claims, token, who it is for        request.ts     when, on which isolate, by whom, and what it is
 *   purchase     purchase.ts                         upload         upload-plan.ts
 *
 * Keeps: each impression draws from streams of its own, so that leaving others out does not change it.
 */
import type { Claims } from "../../src/core/claims.ts";
import { HOUR_MS, SECOND_MS } from "../../src/core/limits.ts";
import { Chance } from "./chance.ts";
import { ClickStory } from "./click-story.ts";
import { tellPixelStory } from "./pixel-story.ts";
import { type Purchase, planPurchase } from "./purchase.ts";
import { type Impression, type Request, TOKEN_LIFE_MS } from "./request.ts";
import { planUpload, type UploadPlan } from "./upload-plan.ts";

const SESSION_MS = 12 * SECOND_MS;
const IMPRESSIONS_PER_SESSION = 24;
const SESSIONS_PER_HOUR = 7;

export type WorkloadOptions = {
  readonly seed: number;
  readonly startMs: number;
  readonly hours: number;
  /** Only impressions of these indexes click; null for all. */
  readonly only: ReadonlySet<number> | null;
};

export type Workload = {
  /** In the order of their time. */
  readonly requests: readonly Request[];
  readonly purchases: readonly Purchase[];
  readonly uploads: readonly UploadPlan[];
};

export function makeWorkload({ seed, startMs, hours, only }: WorkloadOptions): Workload {
  const chance = new Chance(seed, "workload");
  const requests: Request[] = [];
  const purchases: Purchase[] = [];
  const uploads: UploadPlan[] = [];
  const sessions = Math.max(1, Math.round(hours * SESSIONS_PER_HOUR));
  for (let session = 0; session < sessions; session++) {
    const sessionMs = startMs + Math.floor(chance.unit() * hours * HOUR_MS);
    for (let each = 0; each < IMPRESSIONS_PER_SESSION; each++) {
      const index = session * IMPRESSIONS_PER_SESSION + each;
      const own = new Chance(seed, `impression ${index}`);
      const impression = mint(own, index, sessionMs + own.between(0, SESSION_MS));
      if (only !== null && !only.has(index)) continue;
      requests.push(...tellPixelStory(new Chance(seed, `pixel ${index}`), impression));
      const clicks = new ClickStory(own, impression).tell();
      requests.push(...clicks);
      const purchase = planPurchase(new Chance(seed, `purchase ${index}`), impression, clicks);
      if (purchase !== null) purchases.push(purchase);
      const upload = each === 0 ? planUpload(new Chance(seed, `upload ${index}`), impression) : null;
      if (upload !== null) uploads.push(upload);
    }
  }
  return { requests: requests.sort((a, b) => a.atMs - b.atMs), purchases, uploads };
}

function mint(chance: Chance, index: number, mintedMs: number): Impression {
  const ad = chance.between(0, 6);
  // Now and then an ad server mints the same id again: another `iat`, another impression.
  const isAgain = chance.is(0.03);
  const second = Math.floor(mintedMs / SECOND_MS);
  const iat = isAgain ? second + index / 1e5 : chance.is(0.5) ? second : mintedMs / SECOND_MS;
  const claims: Claims = {
    jti: isAgain ? "again" : `i${index}`,
    iat,
    exp: iat + TOKEN_LIFE_MS / SECOND_MS,
    adv: `adv_${ad % 3}`,
    cmp: `cmp_${ad % 4}`,
    ad: `ad_${ad}`,
    pub: `pub_${chance.between(0, 3)}`,
    url: "https://shop.example/",
    cpc: 1_000 + chance.between(0, 500) * 100,
    grp: null,
    crt: chance.is(0.3) ? "crt_1" : null,
    plc: index % 3 === 0 ? `plc_${index % 5}` : null,
    fmt: index % 2 === 0 ? "banner" : null,
    uid: index % 4 === 1 ? `user-${index % 13}` : null,
    fwd: false,
    dur: chance.is(0.08),
    tst: chance.is(0.03),
  };
  return { index, claims, token: `token-${index}` };
}
