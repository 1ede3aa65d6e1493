/**
 * Figures as both sides of the comparison spell them: by the dimensions and metrics of a report, each number exact.
 *
 *   {"advertiser_id":"adv_1", …, "ad_format":"", "window":29610720, "clicks":"3", "spend_micros":"840000", …}
 *
 * Keeps: names and columns are those that docs/REPORTS.md and docs/STORAGE.md state; nothing of src is imported.
 */

/** What settles lateness, as /.well-known/ad-measurement.json states it in `settings.latePolicy`. */
export type LatePolicy = { readonly mode: string; readonly allowedLatenessSeconds: number };

/** One row of somebody's figures or reasons; numbers as texts where they may be large. */
export type FigureRow = Readonly<Record<string, string | number>>;

/** An archive, and the figures that the system made of it. */
export type ArchivedLog = {
  /** Key → lines. */
  readonly segments: ReadonlyMap<string, string>;
  readonly latePolicy: LatePolicy;
  readonly cells: readonly FigureRow[];
  readonly reasons: readonly FigureRow[];
};

export const DIMENSIONS = [
  ...["advertiser_id", "campaign_id", "ad_group_id", "ad_id", "publisher_id", "country", "device", "creative_id"],
  ...["placement_id", "ad_format"],
];
export const METRICS = [
  ...["impressions", "gross_impressions", "clicks", "gross_clicks", "duplicate_clicks", "invalid_clicks"],
  ...["late_clicks", "givt_clicks", "clicks_with_user", "conversions", "conversions_by_time", "spend_micros"],
  ...["conversion_value_micros", "conversion_value_by_time_micros"],
];
/** Metric → column of the report database. Money is `…_hundreds` · 10^8 + `…_micros` there. */
const COLUMNS: Readonly<Record<string, string>> = {
  ...{ clicks: "valid", gross_clicks: "gross", duplicate_clicks: "duplicate", invalid_clicks: "invalid" },
  ...{ late_clicks: "late", givt_clicks: "givt", clicks_with_user: "valid_with_user" },
};
/** Windows that figures may be of, in minutes. */
export const WINDOWS = { minute: 1, hour: 60, day: 1_440 } as const;
export type FigureWindow = keyof typeof WINDOWS;

/** The cells of a report database's window, each number as text. */
export function cellsSql(window: FigureWindow): string {
  const counts = METRICS.map((metric) => {
    const hundreds = metric.replace("_micros", "_hundreds");
    const sum = metric.endsWith("_micros") ? `${metric} + 100000000 * ${hundreds}` : (COLUMNS[metric] ?? metric);
    return `CAST(${sum} AS TEXT) AS ${metric}`;
  });
  return `SELECT ${DIMENSIONS}, ${window} AS "window", ${counts} FROM cells_${window}`;
}

/** The reasons of its minutes. */
export const REASONS_SQL = `
SELECT advertiser_id, minute, campaign_id, ad_group_id, ad_id, reason.key AS reason, CAST(reason.value AS TEXT) AS requests
FROM facts_minute, json_each(facts_minute.reasons) AS reason`;

/** Counts by the columns of a report database, as figures. */
export function figuresOf(counts: Readonly<Record<string, number>>): FigureRow {
  return Object.fromEntries(
    METRICS.map((metric) => {
      const hundreds = metric.endsWith("_micros") ? BigInt(counts[metric.replace("_micros", "_hundreds")] ?? 0) : 0n;
      return [metric, String(BigInt(counts[COLUMNS[metric] ?? metric] ?? 0) + 100_000_000n * hundreds)];
    }),
  );
}
