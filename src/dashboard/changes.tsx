/**
 * Changes: the days and ads of which any figure has moved since the reader last noted that it was seen.
 *
 *   GET  /changes           what moved behind the cursor of the browser's cookie; without one, it begins now
 *   GET  /changes?after=…   further pages, and for who keeps a cursor       POST /changes   notes what was seen
 *
 * Keeps: the cookie holds the cursor of GET /v1/changes alone, which is of the account and opens nothing else. One that
 * is too old, or of another account, is begun anew and told.
 */
import { isLoopback } from "../access/session.ts";
import { CHANGES_KEPT_DAYS, DAY_MS, SECOND_MS } from "../core/limits.ts";
import { pathOf } from "./addresses.ts";
import type { ChangePage } from "./answers.ts";
import { Curl } from "./behind.tsx";
import { Writer } from "./figures.ts";
import { Done, FormToken, Pages, Refused, seeOther } from "./forms.tsx";
import type { Act, ScreenAsked } from "./screens.ts";
import { type Section, sendPage } from "./shell.tsx";
import { Table } from "./table.tsx";
import type { Viewer } from "./viewer.ts";

const TITLE = "Changes";
const PATH = "/changes";
const API = "/v1/changes";
const PAGE = "500";
/** Refusals of a cursor that begin anew. */
const BEGUN_ANEW: readonly string[] = ["/problems/stale-cursor", "/problems/tampered-cursor"];

export async function drawChanges({ asked, viewer, api }: ScreenAsked): Promise<Response> {
  const { searchParams } = new URL(asked.request.url);
  const seen = seenOf(asked.request, viewer);
  const after = searchParams.get("after") ?? seen?.cursor;
  if (after === undefined) return begin({ asked, viewer, api }, null);
  const query = { after, limit: PAGE, timezone: viewer.zone };
  const answer = await api.get<ChangePage>(API, query);
  if (!answer.ok && BEGUN_ANEW.some((type) => answer.error.type.endsWith(type))) {
    return begin({ asked, viewer, api }, "What was noted before is too old, or of another account. It begins anew.");
  }
  const first = searchParams.has("after") ? PATH : null;
  return page(viewer, [
    searchParams.has("noted") ? <Done>Noted: from now on, only what moves later stands here.</Done> : null,
    answer.ok ? (
      <Moved {...{ answer: answer.value, viewer, sinceMs: first === null ? (seen?.atMs ?? null) : null, first }} />
    ) : (
      <Refused problem={answer.error} back={{ href: PATH, label: "Again" }} />
    ),
    <Curl path={pathOf(API, query)} />,
  ]);
}

/** Notes what was seen: from its cursor on, or where there is none from now. */
export const actOnChanges: Act = ({ asked, viewer, form }) => {
  const answer = seeOther(PATH, { noted: "1" });
  answer.headers.set("Set-Cookie", noted({ asked, viewer }, form.get("cursor") ?? ""));
  return answer;
};

async function begin({ asked, viewer, api }: ScreenAsked, said: string | null): Promise<Response> {
  const answer = await api.get<ChangePage>(API, { timezone: viewer.zone });
  if (!answer.ok) return page(viewer, [<Refused problem={answer.error} back={{ href: PATH, label: "Again" }} />]);
  const sections = [
    said === null ? null : <Done>{said}</Done>,
    <p class="nothing">
      It is noted that you have seen everything up to now. Come back later: the days and ads whose figures have moved
      since then will stand here, for {CHANGES_KEPT_DAYS} days.
    </p>,
    <Curl path={API} />,
  ];
  return page(viewer, sections, { "Set-Cookie": noted({ asked, viewer }, answer.value.cursor) });
}

function page(viewer: Viewer, sections: readonly Section[], headers: Readonly<Record<string, string>> = {}): Response {
  return sendPage({ title: TITLE, path: PATH, viewer, sections: [<Head />, ...sections], headers });
}

function Head() {
  return (
    <>
      <h1>{TITLE}</h1>
      <p>
        Figures of a day move after it has ended: a late click is accepted, an order is corrected, counts are uploaded.
      </p>
    </>
  );
}

type MovedProps = {
  readonly answer: ChangePage;
  readonly viewer: Viewer;
  readonly sinceMs: number | null;
  readonly first: string | null;
};

function Moved({ answer: { changes, cursor, hasMore, timezone }, viewer, sinceMs, first }: MovedProps) {
  const writer = new Writer(viewer.locale, timezone);
  const isOperator = viewer.kind === "operator";
  const sorted = changes.toSorted((left, right) => (left.day < right.day ? 1 : left.day > right.day ? -1 : 0));
  return (
    <section>
      <p class="soft">
        {sinceMs === null ? "" : `Since ${writer.moment(sinceMs)}. `}Days are in {timezone}; what moved within five
        minutes of a note may stand here twice.
      </p>
      {changes.length === 0 ? (
        <p class="nothing">Nothing has moved{first === null ? " since then" : " further on"}.</p>
      ) : (
        <Table label={TITLE} class="ids" of={["day", ...(isOperator ? ["advertiser"] : []), "campaign", "ad"]}>
          {sorted.map(({ day, advertiserId, campaignId, adId }) => (
            <tr>
              <th scope="row">
                <a href={pathOf("/", { from: day, to: day })}>{writer.day(day)}</a>
              </th>
              {isOperator ? (
                <td>
                  <bdi>{advertiserId}</bdi>
                </td>
              ) : null}
              <td>
                <a href={pathOf("/campaign", { campaign_id: campaignId, from: day, to: day })}>
                  <bdi class="code">{campaignId}</bdi>
                </a>
              </td>
              <td>
                <a href={pathOf("/ad", { ad_id: adId, from: day, to: day })}>
                  <bdi class="code">{adId}</bdi>
                </a>
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Pages first={first} next={hasMore ? pathOf(PATH, { after: cursor }) : null} />
      {hasMore ? null : (
        <form method="post" action={PATH} class="acts">
          <FormToken viewer={viewer} />
          <input type="hidden" name="cursor" value={cursor} />
          <button type="submit">I have seen this</button>
        </form>
      )}
    </section>
  );
}

type Seen = { readonly atMs: number; readonly cursor: string };

/** What the browser noted for this account; null where it has not. */
function seenOf(request: Request, viewer: Viewer): Seen | null {
  const cookies = (request.headers.get("Cookie") ?? "").split(/; */);
  const name = `${cookieName(viewer)}=`;
  const value = cookies.find((one) => one.startsWith(name))?.slice(name.length) ?? "";
  const [, at = "", cursor = ""] = /^(\d{1,15})\.(.+)$/.exec(value) ?? [];
  return cursor === "" ? null : { atMs: Number(at), cursor };
}

function noted({ asked, viewer }: Pick<ScreenAsked, "asked" | "viewer">, cursor: string): string {
  const value = `${asked.nowMs}.${cursor.replaceAll(/[^\w.~-]/g, "")}`;
  const maxAgeS = (CHANGES_KEPT_DAYS * DAY_MS) / SECOND_MS;
  const secure = isLoopback(asked.request.url) ? "" : "; Secure";
  return `${cookieName(viewer)}=${value}; Path=${PATH}; Max-Age=${maxAgeS}; HttpOnly; SameSite=Lax${secure}`;
}

/** One for each account of a browser. */
function cookieName({ ownerId }: Viewer): string {
  return `clickledger-seen-${ownerId ?? "all"}`;
}
