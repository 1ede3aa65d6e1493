/**
 * The resources of tenants as forms: what each is made of, which of it may change, and where it belongs.
 *
 *   advertisers → campaigns → ad groups → ads        advertisers → creatives        publishers
 *
 * Keeps: fields have the API's names, so its problems find them. What the API checks is not checked here.
 */
import { pathOf } from "./addresses.ts";

const ID = { name: "id", label: "Id", isFixed: true } as const;
const NAME = { name: "name", label: "Name" } as const;
const STATUS = { name: "status", label: "Status" } as const;
const ADVERTISER = { name: "advertiserId", label: "Advertiser", isFixed: true } as const;
const CAMPAIGN = { name: "campaignId", label: "Campaign", isFixed: true } as const;
/** To whom campaigns and creatives belong, and ads and ad groups. */
const OF_ADVERTISER = { query: "advertiser_id", field: "advertiserId", kind: "advertisers" } as const;
const OF_CAMPAIGN = { query: "campaign_id", field: "campaignId", kind: "campaigns" } as const;

export const KINDS = {
  advertisers: {
    ...{ title: "Advertisers", one: "advertiser", list: "advertisers", dimension: "advertiser_id", parent: null },
    fields: [
      ID,
      NAME,
      {
        name: "currency",
        label: "Currency",
        mayBeUnset: true,
        hint: "ISO 4217, like EUR. It is fixed once the advertiser has had a click.",
      },
      {
        name: "timeZone",
        label: "Time zone",
        hint: "An IANA name, like Europe/Berlin: days of reports end there.",
        unless: "UTC",
      },
      { name: "attributionWindowDays", label: "Attribution window, in days", type: "number", unless: "30" },
      STATUS,
    ],
  },
  campaigns: {
    ...{ title: "Campaigns", one: "campaign", list: "campaigns", dimension: "campaign_id" },
    parent: OF_ADVERTISER,
    fields: [ID, ADVERTISER, NAME, STATUS],
  },
  "ad-groups": {
    ...{ title: "Ad groups", one: "ad group", list: "adGroups", dimension: "ad_group_id" },
    parent: OF_CAMPAIGN,
    fields: [ID, CAMPAIGN, NAME, STATUS],
  },
  ads: {
    ...{ title: "Ads", one: "ad", list: "ads", dimension: "ad_id" },
    parent: OF_CAMPAIGN,
    fields: [
      ID,
      CAMPAIGN,
      { name: "adGroupId", label: "Ad group, if any", isOptional: true },
      { name: "creativeId", label: "Creative" },
      NAME,
      {
        ...{ name: "cpcMicros", label: "Price of a click, in micros", type: "number" },
        hint: "Micros of the advertiser’s currency: 250000 is 0.25. What is billed is the price in the token.",
      },
      STATUS,
    ],
  },
  creatives: {
    ...{ title: "Creatives", one: "creative", list: "creatives", dimension: "creative_id" },
    parent: OF_ADVERTISER,
    fields: [ID, ADVERTISER, NAME, STATUS],
  },
  publishers: {
    ...{ title: "Publishers", one: "publisher", list: "publishers", dimension: "publisher_id", parent: null },
    fields: [ID, NAME, STATUS],
  },
} as const satisfies Readonly<Record<string, Kind>>;

export type KindField = {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  /** Said at creation and never changed. */
  readonly isFixed?: boolean;
  /** Sent as null where it is left empty. */
  readonly isOptional?: boolean;
  /** Not sent where it is left empty: an old record may lack it. */
  readonly mayBeUnset?: boolean;
  readonly type?: "number";
  /** What stands in a new form. */
  readonly unless?: string;
};

export type KindName = "advertisers" | "campaigns" | "ad-groups" | "ads" | "creatives" | "publishers";

export type Kind = {
  readonly title: string;
  readonly one: string;
  /** Name of the list in the API's answers. */
  readonly list: string;
  /** Of reports. */
  readonly dimension: string;
  readonly parent: { readonly query: string; readonly field: string; readonly kind: KindName } | null;
  readonly fields: readonly KindField[];
};

export const KIND_NAMES = Object.keys(KINDS) as readonly KindName[];
export const RECORD_STATUSES = ["active", "paused", "archived"] as const;

export function kindNamed(name: string | null): KindName | null {
  return KIND_NAMES.find((one) => one === name) ?? null;
}

export function kindOf(name: KindName): Kind {
  return KINDS[name];
}

/** What a form says, as the API takes it; of a new record all fields, of an old one those that may change. */
export function bodyOf(name: KindName, form: URLSearchParams, isNew: boolean): Record<string, string | number | null> {
  const typed = (field: KindField) => (form.get(field.name) ?? "").trim();
  const fields = kindOf(name).fields.filter(
    (field) => (isNew || field.isFixed !== true) && !(field.mayBeUnset === true && typed(field) === ""),
  );
  return Object.fromEntries(fields.map((field) => [field.name, sentOf(field, typed(field))]));
}

function sentOf({ type, isOptional }: KindField, text: string): string | number | null {
  if (text === "" && isOptional === true) return null;
  // What is no number goes as it is, so that the API says what it takes.
  return type === "number" && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

export function tenantsPath(query: Readonly<Record<string, string | null>>): string {
  return pathOf("/tenants", query);
}
