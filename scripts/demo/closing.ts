/**
 * The end of a demonstration: its day is closed before it is over, audited, and, since somebody tampered with it,
 * mended and audited until it is clean.
 *
 *   events, figures and archive are tampered with ─▶ audit names each ─▶ segments are brought back, a letter is replayed;
 *   one line is tampered with ─▶ audit names it ─▶ one object is accepted as lost, the line brought back ─▶ audit ─▶
 *   mended over the API by revisions and repairs ─▶ audit ─▶ clean
 *
 * Keeps: who mends uses the API alone. Auditing a day before its end is no part of it: this Worker has an address of
 * its own for that.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { rollAll } from "../../src/facts/roll.ts";
import type { LocalRuntime } from "../local-runtime.ts";
import type { Tallies } from "./figures.ts";
import type { ReportSource } from "./report.ts";
import {
  bringBack,
  type Tampering,
  tamperWithArchive,
  tamperWithEvents,
  tamperWithFigures,
  tamperWithLine,
} from "./tampering.ts";
import type { SigningKey } from "./tokens.ts";

/** What was done behind the system's back, and how many of its kind an audit named first. */
export type Tampered = Tampering & { readonly found: number };
export type Round = {
  readonly id: string;
  readonly outcome: string;
  readonly found: Readonly<Record<string, number>>;
  readonly tookMs: number;
};
export type Mended = { readonly kind: string; readonly mended: number; readonly left: number };
export type ClosingResult = {
  readonly day: string;
  readonly tampered: readonly Tampered[];
  readonly rounds: readonly Round[];
  readonly broughtBack: number;
  /** Letters that were counted after all. */
  readonly replayed: number;
  readonly accepted: readonly string[];
  readonly mended: readonly Mended[];
};

type Report = Round & { readonly losses: readonly string[] };
type DayAnswer = {
  readonly audits: readonly {
    readonly id: string;
    readonly outcome: string;
    readonly found: readonly {
      readonly kind: string;
      readonly count: number;
      readonly examples: readonly { readonly where: string }[];
    }[];
  }[];
};

const DAY_MS = 86_400_000;
const AUDITED_MAX_MS = 180_000;
const POLL_MS = 500;
const ROUNDS_MAX = 6;

export function isClosed({ tampered, rounds, mended }: ClosingResult): boolean {
  const isNamed = tampered.every(({ found }) => found > 0);
  return isNamed && mended.every(({ left }) => left === 0) && rounds.at(-1)?.outcome === "clean";
}

/** Tampers with the day, and closes it. What is counted anew goes into the tallies as what it is. */
export async function closeDay(
  runtime: LocalRuntime,
  source: ReportSource,
  { key, tallies }: { key: SigningKey; tallies: Tallies },
): Promise<ClosingResult> {
  const { bindings } = runtime;
  const day = new Date().toISOString().slice(0, 10);
  const events = await tamperWithEvents(bindings as never, key, tallies);
  await runtime.waitUntilCarried(AUDITED_MAX_MS);
  // Hours, days and sums of the day are there as if it were long over.
  await rollAll(bindings.REPORT_DB as never, Date.now() + 3 * DAY_MS);
  const figures = await tamperWithFigures(bindings.REPORT_DB);
  const archive = await tamperWithArchive(bindings.ARCHIVE, day);
  const first = await auditDay(source, day);
  await bringBack(bindings.ARCHIVE, archive.changed);
  const replayed = await replayLetters(source);
  await runtime.waitUntilCarried(AUDITED_MAX_MS);
  const line = await tamperWithLine(bindings.ARCHIVE, day);
  const second = await auditDay(source, day);
  const reason = "A copy of a segment that stands elsewhere, under the name of no shard's life.";
  for (const object of second.losses) await ask(source, "POST", `/v1/admin/audits/${day}/losses`, { object, reason });
  await bringBack(bindings.ARCHIVE, line.changed);
  const rounds = [first, second, await auditDay(source, day)];
  const mended: Mended[] = [];
  // Sums of days are compared once the days that they are made of are right.
  while (rounds.at(-1)?.outcome !== "clean" && rounds.length < ROUNDS_MAX) {
    const { found } = await ask<{ found: Mended[] }>(source, "POST", `/v1/admin/audits/${day}/mend`, {});
    mended.push(...found);
    rounds.push(await auditDay(source, day));
  }
  return {
    day,
    tampered: [...archive.done, ...line.done, ...events, ...figures].map((one) => ({
      ...one,
      found: rounds.find(({ found }) => found[one.kind])?.found[one.kind] ?? 0,
    })),
    rounds: rounds.map(({ losses: _, ...round }) => round),
    broughtBack: archive.changed.length,
    replayed,
    accepted: second.losses,
    mended,
  };
}

/** Has counted what queues gave up; how many letters. */
async function replayLetters(source: ReportSource): Promise<number> {
  const path = "/v1/admin/dead-letters";
  const { letters } = await ask<{ letters: { key: string }[] }>(source, "GET", path);
  if (letters.length === 0) return 0;
  const keys = letters.map(({ key }) => key);
  const { results } = await ask<{ results: { outcome: string }[] }>(source, "POST", `${path}/replay`, { keys });
  return results.filter(({ outcome }) => outcome === "replayed").length;
}

/** Has the day audited, closed or not, and waits for the report. */
export async function auditDay(source: ReportSource, day: string): Promise<Report> {
  const beganAtMs = Date.now();
  const { id: started } = await ask<{ id: string }>(source, "POST", `/demo/audit?day=${day}`, {});
  while (Date.now() < beganAtMs + AUDITED_MAX_MS) {
    const audits = await reportsOf(source, day);
    const report = audits.find(({ id }) => id === started);
    if (report === undefined) {
      await sleep(POLL_MS);
      continue;
    }
    const { id, outcome } = report;
    const found = Object.fromEntries(report.found.map(({ kind, count }) => [kind, count]));
    const late = report.found.filter(({ kind }) => kind === "late_segment");
    const losses = late.flatMap(({ examples }) => examples.map(({ where }) => where));
    return { id, outcome, found, losses, tookMs: Date.now() - beganAtMs };
  }
  throw new Error(`the audit ${started} has no report after ${AUDITED_MAX_MS / 1_000} s`);
}

/** A day whose first audit runs is unknown at first. */
async function reportsOf({ url, apiKey }: ReportSource, day: string): Promise<DayAnswer["audits"]> {
  const answer = await fetch(`${url}/v1/admin/audits/${day}`, { headers: { Authorization: `Bearer ${apiKey}` } });
  return answer.ok ? ((await answer.json()) as DayAnswer).audits : [];
}

export async function ask<T>({ url, apiKey }: ReportSource, method: string, path: string, body?: object): Promise<T> {
  const headers = { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(`${url}${path}`, { method, headers, ...sent });
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}
