/**
 * What a click or a token is about: the ids with their names, each a way to the figures of it, and the price.
 *
 * Keeps: one request of reports, for the names and the currency, and only where figures may be looked at; without them
 * the ids stand alone. Where a link leads is shown and never followed: a landing page may be anywhere.
 */
import type { Claims } from "../core/claims.ts";
import type { ApiClient } from "./api-client.ts";
import { When } from "./behind.tsx";
import { dayIn } from "./calendar.ts";
import type { Writer } from "./figures.ts";
import { type TableAnswer, textOf } from "./report-answer.ts";
import type { Viewer } from "./viewer.ts";
import { dimensionLabel } from "./words.ts";

const SECOND_MS = 1_000;

type Props = { readonly claims: Claims; readonly viewer: Viewer; readonly api: ApiClient; readonly writer: Writer };

const IDS = [
  ["advertiser_id", "adv"],
  ["campaign_id", "cmp"],
  ["ad_group_id", "grp"],
  ["ad_id", "ad"],
  ["creative_id", "crt"],
  ["publisher_id", "pub"],
  ["placement_id", "plc"],
  ["ad_format", "fmt"],
] as const;

/** The ids of a token, its price and its life. */
export async function ClaimsFacts(props: Props) {
  const { claims, viewer, writer } = props;
  const known = await readNames(props);
  return (
    <dl class="facts">
      {IDS.map(([dimension, member]) => {
        const id = claims[member];
        // A tenant's own figures are of itself anyway.
        const isOwn = id !== null && id === viewer.ownerId;
        return id === null ? null : (
          <>
            <dt>{dimensionLabel(dimension)}</dt>
            <dd>
              <Named name={known.names.get(dimension) ?? null} id={id} href={isOwn ? null : `/?${dimension}=${id}`} />
            </dd>
          </>
        );
      })}
      <dt>Impression</dt>
      <dd>
        <bdi class="code">{claims.jti}</bdi>
      </dd>
      <dt>Price of a valid click</dt>
      <dd>{writer.money(claims.cpc, viewer.currency ?? known.currency)}</dd>
      <dt>Leads to</dt>
      <dd>
        <bdi class="code">{claims.url}</bdi>
      </dd>
      <dt>Signed</dt>
      <dd>
        <When at={instantOf(claims.iat)} writer={writer} />
      </dd>
      <dt>Valid until</dt>
      <dd>
        <When at={instantOf(claims.exp)} writer={writer} />
      </dd>
      {claims.tst ? (
        <>
          <dt>Test traffic</dt>
          <dd>yes: the ad server marked it, and it is never billed</dd>
        </>
      ) : null}
    </dl>
  );
}

function Named({ name, id, href }: { name: string | null; id: string; href: string | null }) {
  const shown = name === null || name === "" ? null : <bdi>{name}</bdi>;
  return (
    <>
      {href === null ? (shown ?? null) : <a href={href}>{shown ?? <bdi class="code">{id}</bdi>}</a>}{" "}
      {shown === null && href !== null ? null : <bdi class="code soft">{id}</bdi>}
    </>
  );
}

type Known = { readonly names: ReadonlyMap<string, string>; readonly currency: string };
const NAMED = ["campaign_id", "ad_group_id", "ad_id", "publisher_id"] as const;

/** The names of the ids, where a report of the day of issue has them; nothing where it has not. */
async function readNames({ claims, viewer, api, writer }: Props): Promise<Known> {
  const day = dayIn(writer.zone, claims.iat * SECOND_MS);
  const answer = await api.get<TableAnswer>("/v1/reports/clicks", {
    ...{ from: day, to: day, group_by: NAMED.join(","), metrics: "clicks", names: "true", limit: "1" },
    ...{ ad_id: claims.ad, campaign_id: claims.cmp, publisher_id: claims.pub },
    ...(viewer.kind === "advertiser" ? {} : { advertiser_id: claims.adv }),
    timezone: writer.zone,
  });
  const row = answer.ok ? answer.value.rows[0] : undefined;
  if (!answer.ok || row === undefined) return { names: new Map(), currency: "" };
  const named = NAMED.map((dimension) => [dimension, textOf(row, dimension.replace(/_id$/, "_name"))] as const);
  return { names: new Map(named), currency: answer.value.meta.currency ?? "" };
}

function instantOf(seconds: number): string {
  const ms = seconds * SECOND_MS;
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : "";
}
