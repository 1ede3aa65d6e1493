/**
 * What a view is about, to see and to change: period, zone, comparison, filters. All of it is links and forms.
 *
 * Keeps: every control is an address, so it works without scripts and can be shared; `data-key` names the key that
 * follows it where scripts run.
 */
import type { ApiClient } from "./api-client.ts";
import { addDays, dayIn } from "./calendar.ts";
import type { Writer } from "./figures.ts";
import { neighbourHour, toHour } from "./hours.ts";
import { neighbourOf, PERIODS, type PeriodName } from "./periods.ts";
import { type Names, nameKey, readNames } from "./settings.ts";
import { addressOf, type FilterTerm, type View, type ViewChange, withFilter, withoutFilter } from "./view.ts";
import type { Viewer } from "./viewer.ts";
import { dimensionLabel, valueLabel } from "./words.ts";

type Asked = {
  readonly view: View;
  readonly writer: Writer;
  readonly nowMs: number;
  readonly viewer: Pick<Viewer, "kind">;
  readonly api: ApiClient;
};
type Props = Asked & { readonly names: Names };

/** Waits for the names of what is filtered by, and for nothing else. */
export async function Controls(asked: Asked) {
  const { view, api, viewer } = asked;
  const props = { ...asked, names: await readNames(api, viewer, view) };
  return (
    <section class="controls" aria-label="Period and filters">
      {view.misread.map((sentence) => (
        <p class="note" role="status">
          {sentence}
        </p>
      ))}
      <div class="control-row">
        <PeriodPicker {...props} />
        <NearPeriods view={view} />
        <Comparison {...props} />
      </div>
      <Filters {...props} />
    </section>
  );
}

function PeriodPicker({ view, writer, nowMs, viewer }: Props) {
  const { days, period, zone } = view;
  const today = dayIn(zone, nowMs);
  const [before, after] = neighboursOf(view, nowMs);
  const label = typeof period === "string" ? PERIODS[period].label : writer.days(days);
  const shown = view.hour === null ? writer.days(days) : writer.hour(view.hour);
  return (
    <div class="period">
      {before === null ? null : (
        <a class="step" href={addressOf(view, before)} data-key="ArrowLeft" rel="prev">
          <span class="for-ears">The period before</span>
          <span aria-hidden="true">‹</span>
        </a>
      )}
      <details class="menu">
        <summary>
          <strong>{view.hour === null ? label : "An hour"}</strong>{" "}
          {label === shown ? null : <span class="soft">{shown}</span>}
        </summary>
        <div class="panel">
          <ul class="choices">
            {(Object.keys(PERIODS) as PeriodName[]).map((name) => (
              <li>
                <a
                  href={addressOf(view, { period: name })}
                  data-key={PERIODS[name].key}
                  aria-current={name === period ? "true" : undefined}
                >
                  {PERIODS[name].label} <kbd aria-hidden="true">{PERIODS[name].key.toUpperCase()}</kbd>
                </a>
              </li>
            ))}
            <li>
              <a href="/live" data-key="r">
                The last 60 minutes, live <kbd aria-hidden="true">R</kbd>
              </a>
            </li>
          </ul>
          <form method="get" action={view.path} class="dates">
            <Kept view={view} except={["from", "to", "period", "timezone", "granularity", "at"]} />
            <label>
              From <input type="date" name="from" value={days.from} max={addDays(today, 366)} required />
            </label>
            <label>
              To, included <input type="date" name="to" value={days.to} max={addDays(today, 366)} required />
            </label>
            <label>
              Time zone <input type="text" name="timezone" value={zone} size={18} spellcheck={false} required />
            </label>
            <button type="submit">Show</button>
          </form>
        </div>
      </details>
      {after === null ? null : (
        <a class="step" href={addressOf(view, after)} data-key="ArrowRight" rel="next">
          <span class="for-ears">The period after</span>
          <span aria-hidden="true">›</span>
        </a>
      )}
      <span class="zone">
        in {zone}
        {view.isZoneChosen || viewer.kind !== "advertiser" ? "" : ", the zone of the account"}
      </span>
    </div>
  );
}

/** The periods, or the hours, just before and after the one that is shown. */
function neighboursOf({ hour, days, zone }: View, nowMs: number): readonly (ViewChange | null)[] {
  return ([-1, 1] as const).map((step) => {
    const next = hour === null ? null : neighbourHour(hour, step, { zone, nowMs });
    if (hour !== null) return next === null ? null : toHour(next, zone);
    const period = neighbourOf(days, step, dayIn(zone, nowMs));
    return period === null ? null : { period };
  });
}

const NEAR: readonly PeriodName[] = ["day", "7d", "last_week", "30d"];

/** The periods that are asked for most, each in one step. */
function NearPeriods({ view }: Pick<Props, "view">) {
  return (
    <ul class="comparison" aria-label="Periods">
      {NEAR.map((name) => (
        <li>
          <a
            class="toggle"
            href={addressOf(view, { period: name })}
            aria-current={name === view.period ? "true" : undefined}
          >
            {PERIODS[name].label}
          </a>
        </li>
      ))}
    </ul>
  );
}

const COMPARISONS = {
  previous_period: { label: "beside the period before", key: "x" },
  previous_year: { label: "the year before", key: "v" },
} as const;

function Comparison({ view }: Props) {
  const chosen = view.isCompared ? view.comparison : null;
  return (
    <ul class="comparison" aria-label="Comparison">
      {(Object.keys(COMPARISONS) as (keyof typeof COMPARISONS)[]).map((name) => (
        <li>
          <a
            class="toggle"
            href={addressOf(view, { isCompared: true, comparison: name })}
            data-key={COMPARISONS[name].key}
            aria-current={name === chosen ? "true" : undefined}
          >
            {COMPARISONS[name].label}
          </a>
        </li>
      ))}
      <li>
        <a
          class="toggle"
          href={addressOf(view, { isCompared: false })}
          data-key="w"
          aria-current={chosen === null ? "true" : undefined}
        >
          without
        </a>
      </li>
    </ul>
  );
}

/** A form that keeps the rest of its view. */
export function Kept({ view, except }: { view: View; except: readonly string[] }) {
  const url = new URL(addressOf(view), "https://kept.invalid");
  return (
    <>
      {[...url.searchParams]
        .filter(([name]) => !except.includes(name))
        .map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
    </>
  );
}

function Filters({ view, names }: Props) {
  if (view.filters.length === 0) return null;
  return (
    <ul class="chips" aria-label="Filters">
      {view.filters.map((term) => (
        <li class="chip">
          <Chip
            {...{
              view,
              term,
              shown: valueLabel(term.dimension, term.value, names.get(nameKey(term.dimension, term.value)) ?? null),
            }}
          />
        </li>
      ))}
      {view.filters.length > 1 ? (
        <li>
          <a class="soft" href={addressOf(view, { filters: [] })}>
            Clear all
          </a>
        </li>
      ) : null}
    </ul>
  );
}

function Chip({ view, term, shown }: { view: View; term: FilterTerm; shown: string }) {
  const { dimension, isExcluded, value } = term;
  const without = withoutFilter(view.filters, term);
  const inverted = withFilter(without, { ...term, isExcluded: !isExcluded });
  const name = `${dimensionLabel(dimension)} ${isExcluded ? "is not" : "is"} ${shown}`;
  return (
    <>
      <span class="term" title={value}>
        {dimensionLabel(dimension)} {isExcluded ? "is not" : "is"}{" "}
        <b>
          <bdi>{shown}</bdi>
        </b>
      </span>
      <a href={addressOf(view, { filters: inverted })} title={isExcluded ? "Only this" : "All but this"}>
        <span class="for-ears">Invert: {name}</span>
        <span aria-hidden="true">{isExcluded ? "=" : "≠"}</span>
      </a>
      <a href={addressOf(view, { filters: without })} title="Remove">
        <span class="for-ears">Remove: {name}</span>
        <span aria-hidden="true">×</span>
      </a>
    </>
  );
}
