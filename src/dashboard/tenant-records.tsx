/**
 * Lists and forms of what tenants are made of.
 *
 * Keeps: draws what `GET /v1/admin/<kind>` says, and the ways between what belongs together. An id of an address is
 * escaped into a path, so it names one record or none.
 */
import type { ProblemJson } from "../problem.ts";
import { type ApiClient, type Query, readOne } from "./api-client.ts";
import { RawJson, When } from "./behind.tsx";
import { Writer } from "./figures.ts";
import { Field, FormToken, isAbout, NoSuch, Pages, Refused } from "./forms.tsx";
import { Table } from "./table.tsx";
import { KIND_NAMES, type KindField, type KindName, kindOf, RECORD_STATUSES, tenantsPath } from "./tenant-kinds.ts";
import { SecretForm } from "./tenant-secret.tsx";
import type { Viewer } from "./viewer.ts";

type TenantRecord = Readonly<Record<string, string | number | null>>;
/** What stands in a form, by field. */
export type Given = Readonly<Record<string, string | null>>;

type ListProps = {
  readonly kind: KindName;
  readonly query: Query;
  readonly viewer: Viewer;
  readonly api: ApiClient;
};

/** A page of records. */
export async function RecordList({ kind, query, viewer, api }: ListProps) {
  const { title, one, list, parent } = kindOf(kind);
  const answer = await api.get<Readonly<Record<string, unknown>>>(`/v1/admin/${kind}`, query);
  if (!answer.ok) {
    return <Refused problem={answer.error} back={{ href: tenantsPath({ kind }), label: "The first page" }} />;
  }
  const rows = (answer.value[list] ?? []) as readonly TenantRecord[];
  const next = answer.value["next"] as string | null;
  const of = parent === null ? undefined : query[parent.query];
  const preset = parent === null || of === undefined ? {} : { [parent.field]: of };
  return (
    <section>
      <p class="acts">
        <a class="button" href={tenantsPath({ kind, new: "1", ...preset })}>
          New {one}
        </a>
        {of === undefined || parent === null ? null : (
          <span>
            Those of <RecordLink kind={parent.kind} id={of} /> · <a href={tenantsPath({ kind })}>all</a>
          </span>
        )}
      </p>
      {rows.length === 0 ? (
        <p class="nothing">There are none{query["after"] === undefined ? " yet" : " further on"}.</p>
      ) : (
        <Rows kind={kind} rows={rows} title={title} writer={new Writer(viewer.locale, viewer.zone)} />
      )}
      <Pages
        first={query["after"] === undefined ? null : tenantsPath({ kind, ...query, after: null })}
        next={next === null ? null : tenantsPath({ kind, ...query, after: next })}
      />
    </section>
  );
}

type RowsProps = {
  readonly kind: KindName;
  readonly rows: readonly TenantRecord[];
  readonly title: string;
  readonly writer: Writer;
};

function Rows({ kind, rows, title, writer }: RowsProps) {
  const columns = kindOf(kind).fields.filter(({ name }) => name !== "id" && name !== "name");
  const numbers = columns.filter(({ type }) => type === "number").map(headOf);
  return (
    <Table label={title} class="ids" of={["name", "id", ...columns.map(headOf), "changed"]} numbers={numbers}>
      {rows.map((row) => (
        <tr>
          <th scope="row">
            <a href={tenantsPath({ kind, id: String(row["id"]) })}>
              <bdi>{row["name"]}</bdi>
            </a>
          </th>
          <td>
            <bdi class="code">{row["id"]}</bdi>
          </td>
          {columns.map(({ name, type }) => (
            <td class={type === "number" ? "number" : undefined}>
              {type === "number" ? writer.count(row[name] as number | null) : <bdi>{row[name] ?? ""}</bdi>}
            </td>
          ))}
          <td>
            <When at={row["updatedAt"]} writer={writer} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

const headOf = ({ label }: KindField) => label.split(",")[0] ?? "";

function RecordLink({ kind, id }: { kind: KindName; id: string }) {
  return (
    <a href={tenantsPath({ kind, id })}>
      {kindOf(kind).one} <bdi class="code">{id}</bdi>
    </a>
  );
}

/** One record, to change, with the ways to what belongs to it. */
export async function RecordPage({
  kind,
  id,
  viewer,
  api,
}: {
  readonly kind: KindName;
  readonly id: string;
  readonly viewer: Viewer;
  readonly api: ApiClient;
}) {
  const answer = await readOne<TenantRecord>(api, `/v1/admin/${kind}`, id);
  if (answer === null || !answer.ok) {
    const { one: what, title } = kindOf(kind);
    const back = { href: tenantsPath({ kind }), label: `All ${title.toLowerCase()}` };
    const detail = "No record has this id; ids are spelled exactly.";
    return <NoSuch {...{ what, detail, back, problem: answer?.error ?? null }} />;
  }
  const row = answer.value;
  const given = Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value === null ? "" : String(value)]),
  );
  return (
    <>
      <RecordForm {...{ kind, viewer, isNew: false, given }} />
      <Related kind={kind} row={row} />
      {kind === "advertisers" ? await SecretForm({ advertiserId: id, viewer, api }) : null}
      <RawJson answer={row} />
    </>
  );
}

type FormProps = {
  readonly kind: KindName;
  readonly viewer: Viewer;
  readonly isNew: boolean;
  readonly given: Given;
  readonly problem?: ProblemJson | null;
};

/** The form of a record. */
export function RecordForm({ kind, viewer, isNew, given, problem = null }: FormProps) {
  const { one, fields } = kindOf(kind);
  const shown = fields.filter(({ isFixed }) => isNew || isFixed !== true);
  const isAtField = shown.some(({ name }) => isAbout(problem, name));
  return (
    <section>
      {isNew ? (
        <h2>New {one}</h2>
      ) : (
        <h2>
          <bdi>{given["name"]}</bdi> <bdi class="code soft">{given["id"]}</bdi>
        </h2>
      )}
      {problem === null ? null : (
        <Refused problem={isAtField ? { ...problem, detail: "It is said at the field." } : problem} />
      )}
      <form method="post" action="/tenants" class="form">
        <FormToken viewer={viewer} />
        <input type="hidden" name="kind" value={kind} />
        {isNew ? (
          <input type="hidden" name="is_new" value="1" />
        ) : (
          <input type="hidden" name="id" value={given["id"] ?? ""} />
        )}
        <div class="pair">
          {shown.map(({ name, label, hint, isOptional, mayBeUnset, type }) => (
            <Field
              {...{
                name,
                label,
                problem,
                value: given[name] ?? "",
                isRequired: isOptional !== true && mayBeUnset !== true,
              }}
              {...(hint === undefined ? {} : { hint })}
              {...(type === undefined ? {} : { type })}
              {...(name === "status" ? { choices: RECORD_STATUSES } : {})}
            />
          ))}
        </div>
        <p class="acts">
          <button type="submit">{isNew ? `Make this ${one}` : "Save"}</button>
          <a href={tenantsPath({ kind })}>All {kindOf(kind).title.toLowerCase()}</a>
        </p>
      </form>
    </section>
  );
}

/** What belongs to a record, and to what it belongs. */
function Related({ kind, row }: { kind: KindName; row: TenantRecord }) {
  const { parent, dimension } = kindOf(kind);
  const id = String(row["id"]);
  const below = KIND_NAMES.filter((other) => kindOf(other).parent?.kind === kind);
  const isTenant = kind === "advertisers" || kind === "publishers";
  return (
    <p class="acts">
      <a href={`/?${dimension}=${encodeURIComponent(id)}`}>Its figures</a>
      {parent === null ? null : <RecordLink kind={parent.kind} id={String(row[parent.field])} />}
      {below.map((other) => (
        <a href={tenantsPath({ kind: other, [kindOf(other).parent?.query ?? ""]: id })}>{kindOf(other).title}</a>
      ))}
      {isTenant ? <a href={tenantsPath({ kind: "keys", [dimension]: id })}>Keys</a> : null}
      <a href={`/audit-log?${new URLSearchParams({ subject_id: id })}`}>What was done with it</a>
    </p>
  );
}
