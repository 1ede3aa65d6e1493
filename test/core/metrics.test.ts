import { describe, expect, it } from "vitest";
import {
  METRIC_NAMES,
  METRICS,
  type MetricName,
  renderMetrics,
  type Sample,
  SERIES_MAX,
} from "../../src/core/metrics.ts";

const aSample = (name: MetricName, value = 1): Sample => ({
  name,
  value,
  ...("by" in METRICS[name] ? { of: "x" } : {}),
});

describe("metrics as text", () => {
  it("are families with type, unit and help, each once, and end with EOF", () => {
    const text = renderMetrics([
      { name: "clickledger_clicks", of: "valid", value: 3 },
      { name: "clickledger_lag_seconds", value: 1.5 },
      { name: "clickledger_clicks", of: "late", value: 1 },
    ]);
    expect(text).toBe(
      [
        "# TYPE clickledger_lag_seconds gauge",
        "# UNIT clickledger_lag_seconds seconds",
        "# HELP clickledger_lag_seconds Age of the watermark: what arrived before it is in reports.",
        "clickledger_lag_seconds 1.5",
        "# TYPE clickledger_clicks counter",
        "# HELP clickledger_clicks Clicks that were posted to report databases, as they were first judged.",
        'clickledger_clicks_total{verdict="valid"} 3',
        'clickledger_clicks_total{verdict="late"} 1',
        "# EOF",
        "",
      ].join("\n"),
    );
  });

  it("hold every metric by the grammar of OpenMetrics, whatever a label says", () => {
    const odd = ['a"b', "a\\b", "a\nb", "", "ü"];
    const samples = METRIC_NAMES.flatMap((name) =>
      "by" in METRICS[name] ? odd.map((of) => ({ name, of, value: 1e15 })) : [aSample(name, 0.1)],
    );
    const line =
      /^(# (TYPE|UNIT|HELP) [a-z0-9_]+ .+|[a-z0-9_]+(_total)?(\{[a-z]+="([^"\\\n]|\\["\\n])*"\})? -?\d+(\.\d+)?(e[+-]?\d+)?)$/;
    const lines = renderMetrics(samples).trimEnd().split("\n");
    expect(lines.pop()).toBe("# EOF");
    expect(lines.filter((one) => !line.test(one))).toEqual([]);
    const families = lines.filter((one) => one.startsWith("# TYPE")).map((one) => one.split(" ")[2]);
    expect(families).toEqual(METRIC_NAMES);
  });

  it("are 500 at most, and the first of the catalogue are kept", () => {
    const many = Array.from(
      { length: 2_000 },
      (_, at): Sample => ({ name: "clickledger_refused", of: `r${at}`, value: 1 }),
    );
    const text = renderMetrics([...many, aSample("clickledger_lag_seconds", 7)]);
    expect(text.split("\n").filter((one) => one !== "" && !one.startsWith("#"))).toHaveLength(SERIES_MAX);
    expect(text).toContain("clickledger_lag_seconds 7");
  });
});
