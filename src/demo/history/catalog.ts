/**
 * Who and what the demonstration is about: advertisers with campaigns, ad groups, ads and creatives, and the publishers
 * that show them. Names say that they are a demonstration's.
 *
 * The history (traffic.ts) needs all of it; without one (`npm start -- --empty`) there is the part that is clicked
 * live: what is not `isOfHistory`.
 */

export const DEMO_ADVERTISER = "adv_northwind";
const COFFEE = "adv_harbour";

/** Appended to every name that stands for a business, so that nobody takes its figures for somebody's. */
const MARK = " (demo)";

type Part = { readonly id: string; readonly name: string; readonly isOfHistory: boolean };

export const DEMO_ADVERTISERS: readonly Part[] = [
  { id: DEMO_ADVERTISER, name: `Northwind${MARK}`, isOfHistory: false },
  { id: COFFEE, name: `Harbour Coffee${MARK}`, isOfHistory: true },
];

/** How a campaign's clicks go over the days; `daysAgo` counts from the end of the history. */
export type Course = "steady" | "weather" | "growing" | "stopped";

export type DemoCampaign = Part & { readonly advertiserId: string; readonly course: Course };

export const DEMO_CAMPAIGNS: readonly DemoCampaign[] = [
  { id: "cmp_7", advertiserId: DEMO_ADVERTISER, name: `City bikes${MARK}`, course: "steady", isOfHistory: false },
  { id: "cmp_8", advertiserId: DEMO_ADVERTISER, name: `Rain gear${MARK}`, course: "weather", isOfHistory: false },
  { id: "cmp_cargo", advertiserId: DEMO_ADVERTISER, name: `Cargo bikes${MARK}`, course: "growing", isOfHistory: true },
  { id: "cmp_tours", advertiserId: DEMO_ADVERTISER, name: `Autumn tours${MARK}`, course: "stopped", isOfHistory: true },
  { id: "cmp_beans", advertiserId: COFFEE, name: `Beans by post${MARK}`, course: "steady", isOfHistory: true },
];

export type DemoAdGroup = Part & { readonly campaignId: string };

export const DEMO_AD_GROUPS: readonly DemoAdGroup[] = [
  { id: "grp_commuters", campaignId: "cmp_7", name: "Commuters", isOfHistory: true },
  { id: "grp_families", campaignId: "cmp_7", name: "Families", isOfHistory: true },
  { id: "grp_outer", campaignId: "cmp_8", name: "Outer layers", isOfHistory: true },
  { id: "grp_shoes", campaignId: "cmp_8", name: "Shoes", isOfHistory: true },
  { id: "grp_cargo", campaignId: "cmp_cargo", name: "Loads", isOfHistory: true },
  { id: "grp_tours", campaignId: "cmp_tours", name: "Weekends", isOfHistory: true },
  { id: "grp_beans", campaignId: "cmp_beans", name: "Subscribers", isOfHistory: true },
];

export type DemoAd = Part & {
  readonly campaignId: string;
  readonly adGroupId: string;
  /** The first is what the demonstration page shows. */
  readonly creativeIds: readonly [string, ...string[]];
  readonly cpcMicros: number;
  /** People's clicks on an ordinary day of the history. */
  readonly clicksOfDay: number;
  /** Clicks for one impression. */
  readonly rate: number;
  /** Orders for one click, and what they come to. */
  readonly orders: number;
  readonly orderEuros: readonly [from: number, to: number];
};

type AdRow = readonly [
  ids: readonly [adId: string, adGroupId: string],
  name: string,
  creativeIds: readonly [string, ...string[]],
  clicks: readonly [ofDay: number, rate: number, cpcMicros: number],
  orders: readonly [rate: number, fromEuros: number, toEuros: number],
];

/** Those that are clicked live, too. */
const LIVE_ADS: readonly AdRow[] = [
  [
    ["ad_9", "grp_commuters"],
    "Seven speeds, zero parking tickets",
    ["crt_seven_speed", "crt_seven_speed_wide"],
    [58, 0.011, 420_000],
    [0.028, 480, 920],
  ],
  [["ad_10", "grp_commuters"], "Folds in eleven seconds", ["crt_folding"], [44, 0.012, 380_000], [0.031, 690, 1_150]],
  [
    ["ad_11", "grp_families"],
    "Room for one more: child seats",
    ["crt_child_seat"],
    [22, 0.009, 250_000],
    [0.042, 79, 149],
  ],
  [
    ["ad_12", "grp_outer"],
    "A jacket for every forecast",
    ["crt_jacket", "crt_jacket_red"],
    [36, 0.01, 310_000],
    [0.035, 99, 189],
  ],
  [["ad_13", "grp_shoes"], "Boots that stay dry inside", ["crt_boots"], [24, 0.008, 190_000], [0.026, 69, 129]],
];

const HISTORY_ADS: readonly AdRow[] = [
  [
    ["ad_17", "grp_cargo"],
    "A car’s boot on two wheels",
    ["crt_cargo", "crt_cargo_video"],
    [62, 0.014, 610_000],
    [0.022, 2_900, 4_800],
  ],
  [["ad_23", "grp_cargo"], "Try one for a week", ["crt_trial"], [34, 0.013, 540_000], [0.051, 89, 119]],
  [["ad_24", "grp_tours"], "Three days along the river", ["crt_river"], [38, 0.012, 270_000], [0.018, 249, 420]],
  [
    ["ad_29", "grp_tours"],
    "Uphill by train, downhill by bike",
    ["crt_downhill"],
    [24, 0.01, 240_000],
    [0.021, 119, 180],
  ],
  [
    ["ad_36", "grp_beans"],
    "Roasted on Monday, in your kitchen by Thursday",
    ["crt_roast"],
    [21, 0.009, 160_000],
    [0.047, 14, 42],
  ],
];

export const DEMO_ADS: readonly DemoAd[] = [
  ...LIVE_ADS.map((row) => toAd(row, false)),
  ...HISTORY_ADS.map((row) => toAd(row, true)),
];

function toAd(
  [[id, adGroupId], name, creativeIds, clicks, [orders, ...orderEuros]]: AdRow,
  isOfHistory: boolean,
): DemoAd {
  const [clicksOfDay, rate, cpcMicros] = clicks;
  const campaignId = DEMO_AD_GROUPS.find((group) => group.id === adGroupId)?.campaignId ?? "";
  return {
    id,
    name,
    campaignId,
    adGroupId,
    creativeIds,
    cpcMicros,
    clicksOfDay,
    rate,
    orders,
    orderEuros,
    isOfHistory,
  };
}

export type DemoPublisher = Part & {
  readonly host: string;
  /** Its part of the traffic. */
  readonly weight: number;
  /** Of its events, so many are no person's, or nobody's to pay for. */
  readonly invalid: number;
  readonly placements: readonly { readonly id: string; readonly format: string; readonly weight: number }[];
};

export const DEMO_PUBLISHERS: readonly DemoPublisher[] = [
  {
    ...{ id: "pub_1", name: `The Morning Ledger${MARK}`, host: "morning-ledger.example", isOfHistory: false },
    ...{ weight: 36, invalid: 0.05 },
    placements: [
      { id: "front-top", format: "display", weight: 5 },
      { id: "article-end", format: "native", weight: 4 },
      { id: "newsletter", format: "newsletter", weight: 2 },
    ],
  },
  {
    ...{ id: "pub_2", name: `Slow Roads${MARK}`, host: "slow-roads.example", isOfHistory: false },
    ...{ weight: 28, invalid: 0.035 },
    placements: [
      { id: "route-map", format: "native", weight: 5 },
      { id: "sidebar", format: "display", weight: 3 },
      { id: "film-start", format: "video", weight: 2 },
    ],
  },
  {
    ...{ id: "pub_3", name: `Weatherwise${MARK}`, host: "weatherwise.example", isOfHistory: false },
    ...{ weight: 22, invalid: 0.06 },
    placements: [
      { id: "radar", format: "display", weight: 4 },
      { id: "app-feed", format: "native", weight: 5 },
    ],
  },
  {
    ...{ id: "pub_4", name: `Clickmart Network${MARK}`, host: "clickmart.example", isOfHistory: true },
    ...{ weight: 14, invalid: 0.58 },
    placements: [
      { id: "pop-1", format: "display", weight: 6 },
      { id: "pop-2", format: "display", weight: 5 },
      { id: "rewarded", format: "video", weight: 3 },
    ],
  },
];

/** The advertiser of an ad. */
export function advertiserOf({ campaignId }: Pick<DemoAd, "campaignId">): string {
  return campaignOf({ campaignId }).advertiserId;
}

export function campaignOf({ campaignId }: Pick<DemoAd, "campaignId">): DemoCampaign {
  const campaign = DEMO_CAMPAIGNS.find(({ id }) => id === campaignId);
  if (campaign === undefined) throw new Error(`the demonstration has no campaign ${campaignId}`);
  return campaign;
}
