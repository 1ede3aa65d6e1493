/** How large the parts of packed keys are; tests and the simulation have smaller ones. */
import { CLAIM_BYTES } from "../core/claim-page.ts";
import { REPEAT_PAGE_BYTES_MAX, REPEAT_PAGES_GATHERED } from "../core/limits.ts";
import type { PageSizes } from "./repeat-pages.ts";

export type KeySizes = {
  /** Claims and repeats in memory. */
  readonly freshMax: number;
  readonly pageClaims: number;
  /** Pages under one filter. */
  readonly stretchPages: number;
  /** Pages that one transaction merges at most. */
  readonly stepPages: number;
  /** Runs of one level that become one. */
  readonly fanIn: number;
  readonly filterBytesMax: number;
  readonly repeats: PageSizes;
};

/**
 * A page of 24 480 bytes fills six pages of SQLite, less what a row costs beside its content. A filter of 8 such pages
 * is 12 kB: one of an older hour costs no more to read than the page that it spares.
 */
export const KEY_SIZES: KeySizes = {
  freshMax: 16_384,
  pageClaims: Math.floor(24_480 / CLAIM_BYTES),
  stretchPages: 8,
  stepPages: 64,
  fanIn: 4,
  filterBytesMax: 4_000_000,
  repeats: { bytesMax: REPEAT_PAGE_BYTES_MAX, gathered: REPEAT_PAGES_GATHERED },
};
