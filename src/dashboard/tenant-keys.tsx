/**
 * API keys: listed by owner, made, replaced, revoked.
 *
 *   /tenants?kind=keys&advertiser_id=…    the keys of an owner     &id=key_…    one     &new=1    a new one
 *
 * Keeps: a key is on the one page that answers its making, which no cache may keep; no address, no log and no second
 * page has it. What ends a key is asked about first.
 */
import type { ProblemJson } from "../problem.ts";
import { givenIn, pathOf } from "./addresses.ts";
import type { ApiKey, KeyPage, NewKey } from "./answers.ts";
import { readOne } from "./api-client.ts";
import { Curl, RawJson, When } from "./behind.tsx";
import { NOTHING, Writer } from "./figures.ts";
import { Confirm, NoSuch, Pages, Refused, seeOther } from "./forms.tsx";
import { KeyActs, KeyFacts } from "./key-facts.tsx";
import { KeyForm, keyOf } from "./key-form.tsx";
import type { Act, ListAsked, ScreenAsked } from "./screens.ts";
import type { Section } from "./shell.tsx";
import { Table } from "./table.tsx";
import { tenantsPath } from "./tenant-kinds.ts";
import { OVERLAPS } from "./tenant-overlap.tsx";
import { tenantsPage } from "./tenants-page.tsx";
import type { Viewer } from "./viewer.ts";

const KEYS = "/v1/admin/keys";
const ALL = { href: tenantsPath({ kind: "keys" }), label: "All keys" } as const;
const FILTERS = ["advertiser_id", "publisher_id", "after"] as const;

export function KeySections({ viewer, api, search }: ListAsked): Section[] {
  const id = search.get("id");
  if (search.get("new") !== null) {
    const owner = search.get("publisher_id") === null ? "advertiser" : "publisher";
    const ownerId = search.get("publisher_id") ?? search.get("advertiser_id") ?? "";
    const given = new URLSearchParams({ owner, owner_id: ownerId, scopes: "report" });
    return [<KeyForm viewer={viewer} given={given} />];
  }
  if (id !== null && id !== "") return [onePage(id, { viewer, api })];
  const query = givenIn(search, FILTERS);
  return [list(query, { viewer, api }), <Curl path={pathOf(KEYS, query)} />];
}

/** Makes, replaces or revokes a key. */
export const actOnKeys: Act = async (given) => {
  const { viewer, api, form } = given;
  const page = (...sections: Section[]) => tenantsPage({ viewer, kind: "keys", sections });
  const act = form.get("act");
  if (act === "make") {
    const answer = await api.send<NewKey>("POST", KEYS, keyOf(form));
    if (answer.ok) return page(<Made made={answer.value} />);
    return page(<KeyForm viewer={viewer} given={form} problem={answer.error} />);
  }
  const id = form.get("id") ?? "";
  const path = `${KEYS}/${encodeURIComponent(id)}`;
  if (act === "rotate") {
    const overlap = form.get("overlapSeconds") ?? "0";
    if (form.get("confirmed") !== "yes") return page(sure("rotate", id, { viewer, overlap }));
    const body = { overlapSeconds: Number(overlap) };
    const answer = await api.send<NewKey>("POST", `${path}/rotate`, body);
    return page(
      answer.ok ? <Made made={answer.value} /> : sure("rotate", id, { viewer, overlap, problem: answer.error }),
    );
  }
  if (act !== "revoke") return seeOther("/tenants", { kind: "keys" });
  if (form.get("confirmed") !== "yes") return page(sure("revoke", id, { viewer }));
  const answer = await api.send("POST", `${path}/revoke`, {});
  if (!answer.ok) return page(sure("revoke", id, { viewer, problem: answer.error }));
  return seeOther("/tenants", { kind: "keys", id, done: "revoked" });
};

function sure(
  act: "rotate" | "revoke",
  id: string,
  { viewer, overlap = "0", problem = null }: { viewer: Viewer; overlap?: string; problem?: ProblemJson | null },
): Section {
  const isRotation = act === "rotate";
  return (
    <Confirm
      title={isRotation ? `Replace the key ${id}?` : `Revoke the key ${id}?`}
      text={
        isRotation
          ? "A new key with the same owner, scopes and limits is made and shown once. " +
            `The old one ends ${OVERLAPS[overlap] ?? "at once"}.`
          : "Requests with it are refused at once, and its sessions end within thirty seconds. " +
            "This cannot be taken back."
      }
      fields={[
        ["kind", "keys"],
        ["act", act],
        ["id", id],
        ["overlapSeconds", overlap],
      ]}
      back={{ href: tenantsPath({ kind: "keys", id }), label: "Leave it" }}
      {...{ viewer, problem, action: "/tenants", button: isRotation ? "Replace it" : "Revoke it" }}
    />
  );
}

/** A new key: the only page that ever shows it. */
function Made({ made }: { made: NewKey }) {
  return (
    <section>
      <h2>The new key</h2>
      <p class="note" role="status">
        Copy it now: it is shown on this page and never again. Only its hash is kept.
      </p>
      <pre class="secret" tabindex={0}>
        <code>{made.key}</code>
      </pre>
      <p>
        <bdi>{made.label}</bdi>, with {made.scopes.join(", ")}. It is known as{" "}
        <a href={tenantsPath({ kind: "keys", id: made.id })}>
          <bdi class="code">{made.id}</bdi>
        </a>
        . Loading this page again would make another one.
      </p>
    </section>
  );
}

async function list(query: Readonly<Record<string, string>>, { viewer, api }: Pick<ScreenAsked, "viewer" | "api">) {
  const answer = await api.get<KeyPage>(KEYS, query);
  if (!answer.ok) return <Refused problem={answer.error} back={ALL} />;
  const { keys, next } = answer.value;
  const { after, ...owner } = query;
  const writer = new Writer(viewer.locale, viewer.zone);
  const ownerId = owner["advertiser_id"] ?? owner["publisher_id"];
  return (
    <section>
      <p class="acts">
        <a class="button" href={tenantsPath({ kind: "keys", new: "1", ...owner })}>
          New key
        </a>
        {ownerId === undefined ? null : (
          <span>
            Those of <bdi class="code">{ownerId}</bdi> · <a href={tenantsPath({ kind: "keys" })}>all</a>
          </span>
        )}
      </p>
      {keys.length === 0 ? (
        <p class="nothing">There are none{after === undefined ? " yet" : " further on"}.</p>
      ) : (
        <KeyRows keys={keys} writer={writer} />
      )}
      <Pages
        first={after === undefined ? null : tenantsPath({ kind: "keys", ...owner })}
        next={next === null ? null : tenantsPath({ kind: "keys", ...owner, after: next })}
      />
    </section>
  );
}

function KeyRows({ keys, writer }: { keys: readonly ApiKey[]; writer: Writer }) {
  return (
    <Table label="Keys" class="ids" of={["label", "id", "owner", "scopes", "made", "ends"]}>
      {keys.map((one) => (
        <tr>
          <th scope="row">
            <a href={tenantsPath({ kind: "keys", id: one.id })}>
              <bdi>{one.label === "" ? one.id : one.label}</bdi>
            </a>
          </th>
          <td>
            <bdi class="code">{one.id}</bdi>
          </td>
          <td>
            <bdi>{one.advertiserId ?? one.publisherId ?? "the operator"}</bdi>
          </td>
          <td>{one.scopes.join(", ")}</td>
          <td>
            <When at={one.createdAt} writer={writer} />
          </td>
          <td>{one.revokedAt === null ? NOTHING : <When at={one.revokedAt} writer={writer} />}</td>
        </tr>
      ))}
    </Table>
  );
}

/** One key, without its secret. */
async function onePage(id: string, { viewer, api }: Pick<ScreenAsked, "viewer" | "api">) {
  const answer = await readOne<ApiKey>(api, KEYS, id);
  if (answer === null || !answer.ok) {
    const detail = "No key has this id. The configured key of the operator is in no list.";
    return <NoSuch {...{ what: "key", detail, back: ALL, problem: answer?.error ?? null }} />;
  }
  const key = answer.value;
  return (
    <section>
      <h2>
        <bdi>{key.label}</bdi> <bdi class="code soft">{key.id}</bdi>
      </h2>
      <KeyFacts apiKey={key} writer={new Writer(viewer.locale, viewer.zone)} />
      {key.revokedAt === null ? <KeyActs id={key.id} viewer={viewer} /> : null}
      <RawJson answer={key} />
    </section>
  );
}
