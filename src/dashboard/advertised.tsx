/**
 * The pages of one campaign and of one ad: its settings, and the overview's figures, chart and cards of it alone.
 *
 *   /campaign?campaign_id=cmp_7&period=7d        /ad?ad_id=ad_9
 *
 * Keeps: an id of another tenant, one that does not exist and one that is none have the same page. An id exists for
 * whoever looks if the catalogue has it or anything was ever counted for it. Four requests of reports at most, one more
 * where the period has nothing and no catalogue names the id.
 */
import { isId } from "../core/claims.ts";
import type { Dimension } from "../report/query/fields.ts";
import type { ApiClient } from "./api-client.ts";
import { cardsOf, TABLE_PATH } from "./breakdown.tsx";
import { addDays, dayIn } from "./calendar.ts";
import { Controls } from "./controls.tsx";
import type { Writer } from "./figures.ts";
import { cardSections, FiguresAndChart, lookOf } from "./look.tsx";
import { notThere } from "./not-there.tsx";
import { figureIn, type TableAnswer } from "./report-answer.ts";
import type { Draw, ScreenAsked } from "./screens.ts";
import { readSeries, type SeriesRead } from "./series.ts";
import { readCurrencyOf, readNamed, readSettings, type Settings } from "./settings.ts";
import { sendPage } from "./shell.tsx";
import { addressOf, type View } from "./view.ts";

type Kind = {
  readonly path: "/campaign" | "/ad";
  readonly title: "Campaign" | "Ad";
  readonly dimension: Dimension;
  readonly list: "campaigns" | "ads";
  /** What its cards do not split by, since it is one of them. */
  readonly above: readonly Dimension[];
};

const CAMPAIGN: Kind = {
  ...{ path: "/campaign", title: "Campaign", dimension: "campaign_id", list: "campaigns" },
  above: ["advertiser_id", "campaign_id"],
};
const AD: Kind = {
  ...{ path: "/ad", title: "Ad", dimension: "ad_id", list: "ads" },
  above: ["advertiser_id", "campaign_id", "ad_group_id", "ad_id"],
};
/** As far back as a report reaches. */
const EVER_DAYS = 1_825;

export const drawCampaign: Draw = (screen) => draw(screen, CAMPAIGN);
export const drawAd: Draw = (screen) => draw(screen, AD);

async function draw(screen: ScreenAsked, kind: Kind): Promise<Response> {
  const { viewer, api } = screen;
  const look = lookOf(screen, { about: kind.dimension });
  const { view, writer, nowMs } = look;
  const id = view.subject?.value ?? "";
  if (!isId(id)) return notThere(viewer);
  const series = readSeries(api, view, look);
  const settings = await readSettings(api, viewer, { list: kind.list, id });
  if (settings === null && !(await hasFigures(series)) && !(await wasEverCounted(api, { kind, id, nowMs, view }))) {
    return notThere(viewer);
  }
  return sendPage({
    ...{ title: `${kind.title} ${settings?.name ?? id}`, path: kind.path, viewer },
    sections: [
      <Head {...{ kind, id, settings }} />,
      settings === null ? null : SettingsList({ api, viewer, settings, view, writer, kind }),
      Controls({ ...look, viewer, api }),
      FiguresAndChart({ series, look }),
      ...cardSections(api, look, tabsOf(viewer, kind)),
    ],
  });
}

/** A publisher has two cards, since no catalogue answers whether the id is its own. */
function tabsOf(viewer: ScreenAsked["viewer"], { above }: Kind): readonly (readonly Dimension[])[] {
  const [first = [], second = [], ...more] = cardsOf(viewer);
  const cards = viewer.kind === "publisher" ? [[...first, ...second], ...more] : [first, second, ...more];
  return cards.map((card) => card.filter((dimension) => !above.includes(dimension))).filter((card) => card.length > 0);
}

type SeriesAsked = ReturnType<typeof readSeries>;

async function hasFigures(series: SeriesAsked): Promise<boolean> {
  const read = await series;
  // A refusal is told in its place, to whoever asks.
  if (!read.ok) return false;
  return someFigure(read.value);
}

function someFigure({ answer: { series } }: SeriesRead): boolean {
  const names = ["clicks", "gross_clicks", "impressions", "conversions"];
  return series.some(({ points }) =>
    points.some((point) => names.some((name) => Number(figureIn(point, name) ?? 0) > 0)),
  );
}

type Ever = { readonly kind: Kind; readonly id: string; readonly nowMs: number; readonly view: View };

async function wasEverCounted(api: ApiClient, { kind, id, nowMs, view }: Ever): Promise<boolean> {
  const to = dayIn(view.zone, nowMs);
  const metrics = "gross_clicks,gross_impressions,conversions";
  const query = { from: addDays(to, -EVER_DAYS), to, metrics, [kind.dimension]: id, limit: "1" };
  const found = await api.get<TableAnswer>(TABLE_PATH, query);
  return found.ok && found.value.rows.length > 0;
}

function Head({ kind, id, settings }: { kind: Kind; id: string; settings: Settings | null }) {
  const name = settings?.name ?? "";
  return (
    <header>
      <p class="soft">{kind.title}</p>
      <h1 dir="auto" class="named">
        {name === "" ? id : name}
      </h1>
    </header>
  );
}

type ListProps = Pick<ScreenAsked, "api" | "viewer"> & {
  readonly settings: Settings;
  readonly view: View;
  readonly writer: Writer;
  readonly kind: Kind;
};

/** The settings as the catalogue, or to the operator the administration, says them. */
async function SettingsList({ api, viewer, settings, view, writer, kind }: ListProps) {
  const { campaignId, adGroupId, creativeId, advertiserId } = settings;
  const isOwn = viewer.kind === "advertiser";
  const [campaign, group, creative, currency] = await Promise.all([
    isOwn && campaignId !== undefined ? readNamed(api, { list: "campaigns", id: campaignId }) : null,
    isOwn && typeof adGroupId === "string" ? readNamed(api, { list: "ad-groups", id: adGroupId, campaignId }) : null,
    isOwn && creativeId !== undefined ? readNamed(api, { list: "creatives", id: creativeId }) : null,
    settings.cpcMicros === undefined ? "" : readCurrencyOf(api, viewer, settings),
  ]);
  const day = (at: string | null | undefined) =>
    at === null || at === undefined ? null : writer.moment(Date.parse(at));
  const facts: [string, unknown][] = [
    ["Id", <code>{settings.id}</code>],
    ["Status", settings.status],
    ["Advertiser", advertiserId === undefined || isOwn ? null : <code>{advertiserId}</code>],
    ["Campaign", campaignId === undefined ? null : <CampaignLink view={view} id={campaignId} of={campaign} />],
    ["Ad group", kind === AD ? <NameAndId id={adGroupId ?? null} of={group} none="none" /> : null],
    ["Creative", creativeId === undefined ? null : <NameAndId id={creativeId} of={creative} none="none" />],
    [
      "Price of a click",
      settings.cpcMicros === undefined
        ? null
        : `${writer.money(settings.cpcMicros, currency)} unless its token says another`,
    ],
    ["Made", day(settings.createdAt)],
    ["Changed", day(settings.updatedAt)],
  ];
  return (
    <dl class="facts in-line">
      {facts
        .filter(([, value]) => value !== null)
        .map(([label, value]) => (
          <div>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

function CampaignLink({ view, id, of }: { view: View; id: string; of: Settings | null }) {
  const term = { dimension: "campaign_id", isExcluded: false, value: id } as const;
  return (
    <a href={addressOf({ ...view, subject: null }, { path: "/campaign", filters: [term] })}>
      <NameAndId id={id} of={of} none="" />
    </a>
  );
}

function NameAndId({ id, of, none }: { id: string | null; of: Settings | null; none: string }) {
  if (id === null) return <>{none}</>;
  return (
    <>
      {of === null ? null : <bdi>{of.name} </bdi>}
      <code>{id}</code>
    </>
  );
}
