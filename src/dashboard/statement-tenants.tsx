/**
 * Whose statements: the tenants to choose from, for who reads those of several, and the operator's form of the next
 * statement.
 */
import type { ProblemJson } from "../problem.ts";
import { pathOf } from "./addresses.ts";
import type { ApiClient } from "./api-client.ts";
import { Field, FormToken, Refused } from "./forms.tsx";
import type { Drawn, Section } from "./shell.tsx";
import { Table } from "./table.tsx";
import type { Viewer } from "./viewer.ts";

export const PATH = "/statements";
/** Whose statements: as a page's address names it, `currency` of a publisher's. Empty for who reads their own. */
export type Whose = { readonly advertiser?: string; readonly publisher?: string; readonly currency?: string };
type Typed = { readonly from: string; readonly to: string; readonly problem: ProblemJson };
type TenantPage = {
  readonly advertisers?: readonly Tenant[];
  readonly publishers?: readonly Tenant[];
  readonly next: string | null;
};
type Tenant = { readonly id: string; readonly name: string };
/** As many as fit on a page that people read; others are found by their id. */
const LISTED = "200";

/** What drafts the next statement. */
export function bodyOf({ advertiser, publisher, currency }: Whose, { from, to }: Omit<Typed, "problem">) {
  return {
    ...(publisher === undefined ? { advertiserId: advertiser ?? "" } : { publisherId: publisher }),
    ...(currency === undefined ? {} : { currency }),
    ...(from === "" ? {} : { from }),
    to,
  };
}

/** Whose statements, and the form of the next one, for the operator. */
export function choose({ viewer, whose }: { viewer: Viewer; whose: Whose }, typed?: Typed): Section[] {
  if (viewer.ownerId !== null) return [];
  const { advertiser, publisher } = whose;
  const isChosen = advertiser !== undefined || publisher !== undefined;
  return [
    <form method="get" action={PATH} class="acts">
      <Field name="advertiser" label="Advertiser" value={advertiser ?? ""} of="choose" />
      <Field name="publisher" label="or publisher" value={publisher ?? ""} of="choose" />
      <button type="submit">Show its statements</button>
    </form>,
    viewer.kind === "operator" || typed === undefined ? null : <Refused problem={typed.problem} />,
    ...(isChosen && viewer.kind === "operator"
      ? [<DraftForm {...{ viewer, whose }} {...(typed === undefined ? {} : { typed })} />]
      : []),
  ];
}

function DraftForm({ viewer, whose, typed }: { viewer: Viewer; whose: Whose; typed?: Typed }) {
  const problem = typed?.problem ?? null;
  return (
    <section>
      <h2>The next statement</h2>
      {problem === null ? null : <Refused problem={problem} />}
      <form method="post" action={PATH}>
        <FormToken viewer={viewer} />
        <input type="hidden" name="act" value="draft" />
        <Hidden whose={whose.publisher === undefined ? whose : { publisher: whose.publisher }} />
        {whose.publisher === undefined ? null : (
          <Field
            {...{ name: "currency", label: "Currency", value: whose.currency ?? "", problem, isRequired: true }}
            hint="What it earned is on statements of its own in each, like EUR."
          />
        )}
        <Field
          {...{ name: "from", label: "From", value: typed?.from ?? "", problem }}
          hint="Of a first statement; later ones begin where the one before ends."
        />
        <Field {...{ name: "to", label: "To", value: typed?.to ?? "", problem }} hint="The last day, as 2026-11-30." />
        <button type="submit">Draft it</button>
      </form>
    </section>
  );
}

/** Issuing what was drafted. */
export function Issue({ viewer, whose, draft }: { viewer: Viewer; whose: Whose; draft: string }) {
  return (
    <form method="post" action={PATH} class="acts">
      <FormToken viewer={viewer} />
      <input type="hidden" name="act" value="issue" />
      <Hidden whose={whose} />
      <input type="hidden" name="draft" value={draft} />
      <button type="submit">Issue it, for good</button>
      <a href={pathOf(PATH, whose)}>Leave it a draft</a>
    </form>
  );
}

function Hidden({ whose }: { whose: Whose }) {
  return (
    <>
      {Object.entries(whose).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
    </>
  );
}

/** Advertisers and publishers, each with a link to its statements. */
export async function Tenants({ api }: { api: ApiClient }): Promise<Drawn> {
  const [advertisers, publishers] = await Promise.all([
    api.get<TenantPage>("/v1/admin/advertisers", { limit: LISTED }),
    api.get<TenantPage>("/v1/admin/publishers", { limit: LISTED }),
  ]);
  const refused = [advertisers, publishers].find((answer) => !answer.ok);
  if (refused !== undefined && !refused.ok) return <Refused problem={refused.error} />;
  const lists = [
    ["Advertisers", "advertiser", advertisers.ok ? (advertisers.value.advertisers ?? []) : []],
    ["Publishers", "publisher", publishers.ok ? (publishers.value.publishers ?? []) : []],
  ] as const;
  return (
    <div class="two">
      {lists.map(([title, kind, tenants]) => (
        <section>
          <h2>{title}</h2>
          {tenants.length === 0 ? (
            <p class="nothing">None is known.</p>
          ) : (
            <Table label={title} of={["id", "name"]}>
              {tenants.map(({ id, name }) => (
                <tr>
                  <th scope="row">
                    <a href={pathOf(PATH, { [kind]: id })}>
                      <bdi class="code">{id}</bdi>
                    </a>
                  </th>
                  <td>
                    <bdi>{name}</bdi>
                  </td>
                </tr>
              ))}
            </Table>
          )}
          {tenants.length === Number(LISTED) ? (
            <p class="soft">The first {LISTED}: name another by its id above.</p>
          ) : null}
        </section>
      ))}
    </div>
  );
}
