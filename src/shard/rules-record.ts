/**
 * The rules that a log's lines name, brought into R2 before the first segment that names them.
 *
 *   1 the mark "rules" has their text          before the first append of a session under them, in the shard's storage
 *   2 rules/v1/<id>.json, put if absent        before a segment is archived
 *   3 the mark has their id alone              → again from 2, which changes nothing
 *
 * Keeps: counting never waits for it, since what is archived later is noted here. While R2 does not take the rules no
 * segment is written either, and the log is held until both are; then ingest refuses as it does whenever R2 is down.
 */
import type { ArchiveStore } from "../archive/archive.ts";
import type { Config } from "../config.ts";
import { encodeRuleSet, type RuleSet, ruleSetOf } from "../core/rules.ts";
import type { RulesMark, ShardLog } from "./shard-log.ts";

/** The rules under which events are judged here (core/rules.ts). */
export function rulesInForce({ late, token }: Pick<Config, "late" | "token">): RuleSet {
  return ruleSetOf({ late, tokenTtlMaxS: token.tokenTtlMaxS });
}

const NOTHING_RECORDED: RulesMark = { recorded: [], waiting: {} };

/** Notes the rules under which a session goes on; a write the first time only. */
export function noteRules(log: ShardLog, rules: RuleSet): void {
  const { recorded, waiting } = log.rules().read() ?? NOTHING_RECORDED;
  if (recorded.includes(rules.id) || Object.hasOwn(waiting, rules.id)) return;
  log.rules().write({ recorded, waiting: { ...waiting, [rules.id]: encodeRuleSet(rules) } });
}

/** Puts into R2 what is not recorded there yet. */
export async function recordRules(log: ShardLog, archive: Pick<ArchiveStore, "putRules">): Promise<void> {
  for (const [id, text] of Object.entries(log.rules().read()?.waiting ?? {})) {
    await archive.putRules(id, text);
    const { recorded, waiting } = log.rules().read() ?? NOTHING_RECORDED;
    const { [id]: _, ...left } = waiting;
    log.rules().write({ recorded: [...recorded, id], waiting: left });
  }
}
