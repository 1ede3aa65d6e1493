/**
 * EvidenceLog, the one Durable Object that sequences the evidence log: woken by cron each hour, and by an operator. It
 * keeps on disk what it has signed last and how its last run ended; everything else is in R2.
 *
 * Keeps: one run at a time; where more is left to do, an alarm goes on a second later, which is also how often R2 takes
 * one object's next version. A run that fails leaves what it began to the next one.
 * Relies on: there being one of it, by its name; with two, nothing breaks (sequence.ts).
 */
import { DurableObject } from "cloudflare:workers";
import { type Config, readConfig } from "../config.ts";
import type { TreeHead } from "../core/checkpoint.ts";
import { MINUTE_MS } from "../core/limits.ts";
import type { LogKeys } from "../core/log-key.ts";
import { err, type Result } from "../core/result.ts";
import { type NoteSigner, noteSigner } from "../core/signed-note.ts";
import { logFault, logInfo } from "../log.ts";
import { type Memory, type Sequenced, type StopReason, sequence } from "./sequence.ts";

/** Why there was no run, or it ended early. */
export type NotSequenced = StopReason | "off";
export type LogRun = { readonly endedAtMs: number; readonly outcome: Result<Sequenced, NotSequenced> };

/** The object's name. */
export const EVIDENCE_LOG_NAME = "log";
const MORE_MS = 1_000;
const SIGNED = "signed";
const LAST_RUN = "last_run";

/** In each hour, when cron wakes it: not when hours are rolled. */
const WAKE_MINUTE = 7;

/** Runs the sequencer where its time has come. */
export async function wakeEvidenceLog(env: Pick<Env, "EVIDENCE_LOG">, config: Config, nowMs: number): Promise<void> {
  if (config.evidenceLog === null || Math.floor(nowMs / MINUTE_MS) % 60 !== WAKE_MINUTE) return;
  await env.EVIDENCE_LOG.getByName(EVIDENCE_LOG_NAME).sequence();
}

export class EvidenceLog extends DurableObject<Env> {
  #running: Promise<LogRun> | null = null;
  #signers: Promise<readonly NoteSigner[]> | null = null;

  /** Runs once, or joins the run that is under way. */
  async sequence(): Promise<LogRun> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return await this.#running;
  }

  /** How the last run ended; null before the first. */
  async lastRun(): Promise<LogRun | null> {
    return (await this.ctx.storage.get<LogRun>(LAST_RUN)) ?? null;
  }

  override async alarm(): Promise<void> {
    try {
      await this.sequence();
    } catch (fault) {
      // Cron comes within the hour.
      logFault("evidence_log_failed", fault);
    }
  }

  async #run(): Promise<LogRun> {
    const { evidenceLog } = readConfig(this.env);
    const outcome = evidenceLog === null ? err("off" as const) : await this.#sequence(evidenceLog);
    const run: LogRun = { endedAtMs: Date.now(), outcome };
    await this.ctx.storage.put(LAST_RUN, run);
    if (!outcome.ok && outcome.error !== "off") {
      logFault("evidence_log_stopped", new Error(outcome.error), { reason: outcome.error });
    }
    if (outcome.ok && outcome.value.added > 0) logInfo("evidence_sequenced", { ...outcome.value });
    if (outcome.ok && outcome.value.isMore) await this.ctx.storage.setAlarm(Date.now() + MORE_MS);
    return run;
  }

  async #sequence({ origin, seeds }: LogKeys): Promise<Result<Sequenced, StopReason>> {
    this.#signers ??= Promise.all(seeds.map((seed) => noteSigner(origin, seed)));
    const signers = await this.#signers;
    return sequence({ bucket: this.env.ARCHIVE, origin, signers, memory: this.#memory(), nowMs: Date.now() });
  }

  #memory(): Memory {
    return {
      read: async () => (await this.ctx.storage.get<TreeHead>(SIGNED)) ?? null,
      write: async ({ size, root }) => this.ctx.storage.put(SIGNED, { size, root }),
    };
  }
}
