/** Empties everything that postings, rolls and moves write into a report database. */
const TABLES = [
  ...["ledger", "open_postings", "advertisers", "late_clicks"],
  ...["facts_minute", "facts_hour", "facts_day", "roll_marks", "day_sums", "day_sum_marks"],
  ...["hour_sums", "hour_sum_marks"],
  ...["cold_objects", "cold_marks"],
  ...["change_clock", "changed_days", "outbox", "outbox_published"],
];

export async function wipeFacts(database: D1Database): Promise<void> {
  await database.batch(TABLES.map((table) => database.prepare(`DELETE FROM ${table}`)));
}
