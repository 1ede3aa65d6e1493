/**
 * Measurements as a Markdown page: medians and ratios first, the raw rounds after them.
 */
import type { LossResult, Lost } from "./loss.ts";
import { type EndToEndResult, type IngestResult, REDIRECTS, type RedirectResult, type Round } from "./scenarios.ts";
import type { Size } from "./sizes.ts";

export type Measured = {
  readonly redirect: RedirectResult | null;
  readonly ingest: IngestResult | null;
  readonly endToEnd: readonly EndToEndResult[];
  readonly rows: EndToEndResult | null;
  readonly loss: LossResult | null;
  readonly size: Size;
};

type Line = readonly [what: string, value: string, expected: string];

export function toMarkdown(measured: Measured, machine: readonly string[]): string {
  const lines = [
    ...redirectLines(measured),
    ...ingestLines(measured),
    ...endToEndLines(measured),
    ...rowLines(measured),
    ...lossLines(measured),
  ];
  return [
    "# Benchmark results",
    "",
    ...machine.map((line) => `- ${line}`),
    `- parameters: ${JSON.stringify(measured.size)}`,
    "",
    "| what | measured | expected |",
    "|---|---|---|",
    ...lines.map(([what, value, expected]) => `| ${what} | ${value} | ${expected} |`),
    "",
    "Raw rounds:",
    "",
    "```",
    ...rawLines(measured),
    "```",
    "",
    "```json",
    JSON.stringify(benchFigures(measured)),
    "```",
    "",
  ].join("\n");
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = Number.NaN, high = Number.NaN] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (low + high) / 2;
}

/** The median of the ratios of neighbouring rounds: a machine that slows down meanwhile slows down both. */
function pairedRatio(ours: readonly number[], bare: readonly number[]): string {
  return medianOf(ours.map((value, round) => value / (bare[round] ?? Number.NaN))).toFixed(2);
}

/** Ratios and medians from which README's table is made (scripts/readme-figures.ts); null where a scenario did not run. */
export type BenchFigures = {
  readonly redirect: { readonly ofBare: number; readonly perSecond: number; readonly naiveOfBare: number } | null;
  readonly alone: { readonly cpuOfNaive: number; readonly micros: number; readonly naiveMicros: number } | null;
  readonly ingestPerSecond: number | null;
  readonly endToEnd: { readonly ofBare: number; readonly perSecond: number; readonly naivePerSecond: number } | null;
  readonly loss: LossResult | null;
};

export function benchFigures({ redirect, ingest, endToEnd, loss }: Measured): BenchFigures {
  const of = (kind: (typeof REDIRECTS)[number], what: (round: Round) => number) =>
    (redirect?.rounds[kind] ?? []).map(what);
  const ratio = (left: readonly number[], right: readonly number[]) => Number(pairedRatio(left, right));
  const median = (values: readonly number[]) => Math.round(medianOf(values));
  const counted = endToEnd.map((result) => result.countedPerSecond);
  return {
    redirect:
      redirect === null
        ? null
        : {
            ofBare: ratio(of("redirect", speed), of("bare", speed)),
            perSecond: median(of("redirect", speed)),
            naiveOfBare: ratio(of("naive", speed), of("bare", speed)),
          },
    alone:
      redirect === null
        ? null
        : {
            cpuOfNaive: ratio(of("redirect alone", cpu), of("naive alone", cpu)),
            micros: median(of("redirect alone", cpu)),
            naiveMicros: median(of("naive alone", cpu)),
          },
    ingestPerSecond: ingest === null ? null : median(ingest.perSecond),
    endToEnd:
      endToEnd.length === 0
        ? null
        : {
            ofBare: ratio(
              counted,
              endToEnd.map((result) => result.barePerSecond),
            ),
            perSecond: median(counted),
            naivePerSecond: median(endToEnd.map((result) => result.naivePerSecond ?? Number.NaN)),
          },
    loss,
  };
}

function redirectLines({ redirect }: Measured): Line[] {
  if (redirect === null) return [];
  const { rounds } = redirect;
  const bare = { speed: rounds.bare.map(speed), cpu: rounds.bare.map(cpu) };
  const against = (kind: (typeof REDIRECTS)[number], what: "speed" | "cpu", unit: string) => {
    const values = rounds[kind].map(what === "speed" ? speed : cpu);
    const [median, of] = [whole(medianOf(values)), whole(medianOf(bare[what]))];
    return `${pairedRatio(values, bare[what])} × (${median}${unit}, bare ${of}${unit})`;
  };
  const aloneOf = pairedRatio(rounds["redirect alone"].map(cpu), rounds["naive alone"].map(cpu));
  return [
    ["redirect, against a bare 302", against("redirect", "speed", "/s"), "≥ 0.50 ×"],
    ["the naive Worker's, against a bare 302", against("naive", "speed", "/s"), ""],
    ["redirect without its queue, against a bare 302", against("redirect alone", "speed", "/s"), ""],
    ["the naive Worker's without its queue", against("naive alone", "speed", "/s"), ""],
    ["CPU per redirect, against a bare 302", against("redirect", "cpu", " µs"), "≤ 1 ms"],
    ["CPU per redirect of the naive Worker", against("naive", "cpu", " µs"), ""],
    ["CPU without its queue", against("redirect alone", "cpu", " µs"), ""],
    ["CPU of the naive Worker without its queue", against("naive alone", "cpu", " µs"), ""],
    ["CPU without queue, ours against the naive Worker's", `${aloneOf} ×`, "≤ 1.15 ×"],
  ];
}

function lossLines({ loss }: Measured): Line[] {
  if (loss === null) return [];
  const line = (who: string, what: string, { sent, counted, failed, kills }: Lost): Line => {
    const after = kills > 0 ? `${kills} kills` : `${failed} writes of D1 that failed`;
    const [lost, twice] = [Math.max(0, sent - counted), Math.max(0, counted - sent)];
    return [
      `${who}, ${what}`,
      `${lost} of ${sent} lost, ${twice} counted twice, after ${after}`,
      who === "ours" ? "0" : "",
    ];
  };
  return [
    line("ours", "D1 fails", loss.ours.errors),
    line("the naive Worker", "D1 fails", loss.naive.errors),
    line("ours", "SIGKILL", loss.ours.killed),
    line("the naive Worker", "SIGKILL", loss.naive.killed),
  ];
}

function ingestLines({ ingest, size }: Measured): Line[] {
  if (ingest === null) return [];
  const perCall = `${size.ingest.messages} messages × ${size.ingest.events} events a call`;
  return [[`shard ingest, ${perCall}`, `${whole(medianOf(ingest.perSecond))} events/s`, "≥ 60 000 events/s"]];
}

function endToEndLines({ endToEnd }: Measured): Line[] {
  if (endToEnd.length === 0) return [];
  const counted = endToEnd.map((result) => result.countedPerSecond);
  const accepted = endToEnd.map((result) => result.acceptedPerSecond);
  const bare = endToEnd.map((result) => result.barePerSecond);
  return [
    ["clicks accepted while everything runs", `${whole(medianOf(accepted))}/s`, ""],
    [
      "end to end, everything counted, against a bare 302",
      `${pairedRatio(counted, bare)} × (${whole(medianOf(counted))} clicks/s, bare ${whole(medianOf(bare))}/s)`,
      "≥ 0.33 ×",
    ],
    [
      "the naive Worker, every click counted",
      `${whole(medianOf(endToEnd.map((result) => result.naivePerSecond ?? Number.NaN)))} clicks/s`,
      "",
    ],
  ];
}

function rowLines({ rows, size }: Measured): Line[] {
  if (rows?.counters == null) return [];
  const { shardRows, reportRows, postings, messages, events } = rows.counters;
  const per = (count: number) => (count / rows.clicks).toFixed(3);
  return [
    [
      `rows written per click, ${size.rows.ads} active ads`,
      `${per(shardRows + reportRows)} (shard ${per(shardRows)}, report ${per(reportRows)})`,
      "see npm run cost",
    ],
    ["clicks per posting", whole(rows.clicks / postings), ""],
    ["events per queue message", (events / messages).toFixed(1), ""],
  ];
}

function rawLines({ redirect, ingest, endToEnd, rows, loss }: Measured): string[] {
  const list = (values: readonly number[]) => values.map(whole).join("  ");
  const line = (name: string, values: readonly number[]) => `${name.padEnd(22)}${list(values)}`;
  return [
    ...(redirect === null
      ? []
      : [
          ...REDIRECTS.map((kind) => line(`${kind}/s`, redirect.rounds[kind].map(speed))),
          ...REDIRECTS.map((kind) => line(`${kind} CPU µs`, redirect.rounds[kind].map(cpu))),
          line("redirects checked", [redirect.redirects]),
        ]),
    ...(ingest === null ? [] : [line("ingest events/s", ingest.perSecond), line("events counted", [ingest.counted])]),
    ...(endToEnd.length === 0 ? [] : endToEndRaw(endToEnd, line)),
    ...(rows === null ? [] : [`counters              ${JSON.stringify(rows.counters)}`]),
    ...(loss === null ? [] : [`loss                  ${JSON.stringify(loss)}`]),
  ];
}

function endToEndRaw(results: readonly EndToEndResult[], line: (name: string, values: number[]) => string): string[] {
  return [
    line(
      "bare before/s",
      results.map((result) => result.barePerSecond),
    ),
    line(
      "counted/s",
      results.map((result) => result.countedPerSecond),
    ),
    line(
      "naive counted/s",
      results.map((result) => result.naivePerSecond ?? Number.NaN),
    ),
    line(
      "accepted/s",
      results.map((result) => result.acceptedPerSecond),
    ),
    line(
      "clicks counted",
      results.map((result) => result.clicks),
    ),
  ];
}

function speed({ perSecond }: { perSecond: number }): number {
  return perSecond;
}

function cpu({ cpuMicros }: { cpuMicros: number }): number {
  return cpuMicros;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US").replaceAll(",", " ");
}
