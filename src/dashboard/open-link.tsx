/**
 * The way from a row to the page of what it names: a campaign or an ad.
 */
import type { Dimension } from "../report/query/fields.ts";
import { addressOf, type View } from "./view.ts";

const PAGES: Readonly<Partial<Record<Dimension, string>>> = { campaign_id: "/campaign", ad_id: "/ad" };

type Props = {
  readonly view: View;
  readonly dimension: Dimension;
  readonly value: string;
  readonly name: string;
};

export function OpenLink({ view, dimension, value, name }: Props) {
  const path = PAGES[dimension];
  if (path === undefined || value === "") return null;
  return (
    <a class="open" href={pageOf(view, { path, dimension, value })} title={`The page of ${name === "" ? value : name}`}>
      <span class="for-ears">Open</span>
      <span aria-hidden="true">→</span>
    </a>
  );
}

/** The page of one campaign or ad, over the same period; what only the page before it knows stays there. */
function pageOf(view: View, { path, dimension, value }: { path: string; dimension: Dimension; value: string }): string {
  const own = Object.fromEntries(Object.keys(view.own).map((name) => [name, null]));
  return addressOf({ ...view, subject: null }, { path, filters: [{ dimension, isExcluded: false, value }], own });
}
