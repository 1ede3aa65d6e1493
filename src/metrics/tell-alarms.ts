/**
 * Tells of alarms that were raised or cleared, once a change, to the operator alone.
 *
 *   alarms(alarm, changes)     0, 2, … cleared      1, 3, … raised
 *
 * Keeps: the change and its event are one transaction, and the event is named by the number of the change. Two crons
 * that see the same tell it once; one that is late with what is over tells nothing.
 */
import { ALARMS, type Alarm, runbookOf } from "../core/alarms.ts";
import { type NewEvent, TO_OPERATOR } from "../core/outbox-event.ts";
import { insertEvents } from "../facts/outbox-sql.ts";
import { logFault, logInfo } from "../log.ts";
import { changeAlarm, readAlarmChanges } from "./metrics-sql.ts";

const isRaisedAfter = (changes: number) => changes % 2 === 1;

/** Makes the table say which are raised. Throws DatabaseFault. */
export async function tellAlarms(primary: D1Database, raised: ReadonlySet<string>, nowMs: number): Promise<void> {
  const known = await readAlarmChanges(primary);
  const alarms: readonly Alarm[] = ALARMS;
  const changed = alarms.filter(
    ({ alarm, isOfScraper }) => isOfScraper !== true && isRaisedAfter(known.get(alarm) ?? 0) !== raised.has(alarm),
  );
  for (const one of changed) {
    const changes = (known.get(one.alarm) ?? 0) + 1;
    const event = eventOf(one, changes);
    await primary.batch([
      changeAlarm(primary, { alarm: one.alarm, changes }, nowMs),
      insertEvents(primary, [event], nowMs),
    ]);
    if (event.type === "alarm.raised") logFault("alarm_raised", new Error(one.summary), { alarm: one.alarm });
    else logInfo("alarm_cleared", { alarm: one.alarm });
  }
}

function eventOf({ alarm, severity, summary }: Alarm, changes: number): NewEvent {
  return {
    fact: `alarm:${alarm}:${changes}`,
    audience: TO_OPERATOR,
    type: isRaisedAfter(changes) ? "alarm.raised" : "alarm.cleared",
    data: { alarm, severity, summary, runbook: runbookOf(alarm) },
  };
}
