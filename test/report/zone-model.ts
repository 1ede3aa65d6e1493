/**
 * The windows of a time zone by another way than the report's: Intl.DateTimeFormat alone, asked minute by minute.
 *
 *   day     label of the first minute that has the local date; week and month: of the date on which they start
 *   hour    back from the instant as long as local hour and offset stay the same
 */
const MINUTE = 60_000;
const DAY_MS = 1_440 * MINUTE;

type Local = { readonly date: string; readonly hour: number; readonly minute: number; readonly offset: string };

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-CA", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      timeZoneName: "longOffset",
    });
    formats.set(zone, format);
  }
  return format;
}

const locals = new Map<string, Local>();

function localOf(instantMs: number, zone: string): Local {
  const key = `${zone} ${instantMs}`;
  let local = locals.get(key);
  if (local === undefined) {
    const parts = formatOf(zone).formatToParts(instantMs);
    const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
    const offset = part("timeZoneName").replace("GMT", "");
    local = {
      date: `${part("year")}-${part("month")}-${part("day")}`,
      hour: Number(part("hour")),
      minute: Number(part("minute")),
      offset: zone === "UTC" ? "Z" : offset === "" ? "+00:00" : offset,
    };
    locals.set(key, local);
  }
  return local;
}

function spell(instantMs: number, zone: string): string {
  const { date, hour, minute, offset } = localOf(instantMs, zone);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date}T${two(hour)}:${two(minute)}:00${offset}`;
}

const starts = new Map<string, number>();

/** The first minute whose local date is this one or later: found in steps of half an hour, then of a minute. */
function startOfDate(date: string, zone: string): number {
  const key = `${zone} ${date}`;
  let startMs = starts.get(key);
  if (startMs === undefined) {
    const isThere = (instantMs: number) => localOf(instantMs, zone).date >= date;
    startMs = Date.parse(`${date}T00:00Z`) - 16 * 60 * MINUTE;
    while (!isThere(startMs)) startMs += 30 * MINUTE;
    while (isThere(startMs - MINUTE)) startMs -= MINUTE;
    starts.set(key, startMs);
  }
  return startMs;
}

function startOfHour(instantMs: number, zone: string): number {
  const { hour, offset } = localOf(instantMs, zone);
  let startMs = instantMs;
  for (;;) {
    const before = localOf(startMs - MINUTE, zone);
    if (before.hour !== hour || before.offset !== offset) return startMs;
    startMs -= MINUTE;
  }
}

/** The label of the window that holds a whole minute. */
export function windowLabel(instantMs: number, granularity: string, zone: string): string {
  if (granularity === "minute") return spell(instantMs, zone);
  if (granularity === "hour") return spell(startOfHour(instantMs, zone), zone);
  const { date } = localOf(instantMs, zone);
  const dayMs = Date.parse(`${date}T00:00Z`);
  const backDays = granularity === "week" ? (new Date(dayMs).getUTCDay() + 6) % 7 : 0;
  const first = new Date(dayMs - backDays * DAY_MS).toISOString().slice(0, 10);
  return spell(startOfDate(granularity === "month" ? `${date.slice(0, 8)}01` : first, zone), zone);
}
