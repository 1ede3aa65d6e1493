/**
 * The form of a new key, what it says as the API takes it, and what a key is and may become.
 *
 * Keeps: lists are typed with commas. What does not fit together the API refuses, and says at which field.
 */
import { SCOPES } from "../access/api-keys.ts";
import type { ProblemJson } from "../problem.ts";
import { Field, FormToken, isAbout, Refused } from "./forms.tsx";
import { Said } from "./said.tsx";
import { tenantsPath } from "./tenant-kinds.ts";
import type { Viewer } from "./viewer.ts";

const SCOPE_MEANINGS: Readonly<Record<(typeof SCOPES)[number], string>> = {
  report: "report: reads figures and single clicks, and signs in here",
  mint: "mint: signs tokens for links, and sends counts of impressions",
  convert: "convert: sends an advertiser’s conversions",
  bill: "bill: reads an advertiser’s or publisher’s statements and their evidence",
  hook: "hook: says which addresses are told of an advertiser’s events",
  operate: "operate: reads metrics of the deployment, for a scraper",
  audit: "audit: reads statements, evidence, audits and reports of all, each look on record; for a third party",
  admin: "admin: everything, for the operator",
};

const LISTS = ["advertisers", "publishers", "hosts"] as const;

/** The body of `POST /v1/admin/keys` that a form says. */
export function keyOf(form: URLSearchParams): Record<string, unknown> {
  const text = (name: string) => (form.get(name) ?? "").trim();
  const lists = LISTS.flatMap((name) => {
    const given = text(`mint.${name}`);
    return given === "" ? [] : [[name, given.split(/[\s,]+/).filter((one) => one !== "")] as const];
  });
  const price = text("mint.cpcMicrosMax");
  const isNumber = /^\d{1,15}$/.test(price);
  const limits = {
    ...Object.fromEntries(lists),
    ...(price === "" ? {} : { cpcMicrosMax: isNumber ? Number(price) : price }),
  };
  const [owner, ownerId] = [text("owner"), text("owner_id")];
  return {
    label: text("label"),
    scopes: form.getAll("scopes"),
    ...(owner === "advertiser" ? { advertiserId: ownerId } : {}),
    ...(owner === "publisher" ? { publisherId: ownerId } : {}),
    ...(Object.keys(limits).length === 0 ? {} : { mint: limits }),
  };
}

type Props = { readonly viewer: Viewer; readonly given: URLSearchParams; readonly problem?: ProblemJson | null };

export function KeyForm({ viewer, given, problem = null }: Props) {
  const value = (name: string) => given.get(name) ?? "";
  return (
    <section>
      <h2>New key</h2>
      {problem === null ? null : <Refused problem={problem} />}
      <form method="post" action="/tenants" class="form">
        <FormToken viewer={viewer} />
        <input type="hidden" name="kind" value="keys" />
        <input type="hidden" name="act" value="make" />
        <Field
          {...{ name: "label", label: "Label", value: value("label"), problem, isRequired: true }}
          hint="For whom and for what, as you will look for it."
        />
        <div class="pair">
          <Field
            {...{ name: "owner", label: "Belongs to", value: value("owner") }}
            choices={[
              ["advertiser", "an advertiser"],
              ["publisher", "a publisher"],
              ["none", "nobody: the operator’s, or one that mints for listed tenants"],
            ]}
          />
          <Field
            {...{ name: "owner_id", label: "Id of the owner", value: value("owner_id"), problem: atOwner(problem) }}
          />
        </div>
        <Scopes given={given} problem={problem} />
        <MintLimits given={given} problem={problem} />
        <p class="acts">
          <button type="submit">Make this key</button>
          <a href={tenantsPath({ kind: "keys" })}>All keys</a>
        </p>
      </form>
    </section>
  );
}

/** The API names the owner by its kind. */
function atOwner(problem: ProblemJson | null): ProblemJson | null {
  const isIt = problem?.field === "advertiserId" || problem?.field === "publisherId";
  return problem !== null && isIt ? { ...problem, field: "owner_id" } : null;
}

function Scopes({ given, problem }: { given: URLSearchParams; problem: ProblemJson | null }) {
  const chosen = given.getAll("scopes");
  return (
    <fieldset>
      <legend>What it may do</legend>
      {SCOPES.map((scope) => (
        <label class="check">
          <input type="checkbox" name="scopes" value={scope} checked={chosen.includes(scope)} />
          <span>{SCOPE_MEANINGS[scope]}</span>
        </label>
      ))}
      {isAbout(problem, "scopes") ? (
        <div class="field">
          <p class="wrong">
            <Said text={problem?.detail ?? ""} />
          </p>
        </div>
      ) : null}
    </fieldset>
  );
}

function MintLimits({ given, problem }: { given: URLSearchParams; problem: ProblemJson | null }) {
  const value = (name: string) => given.get(name) ?? "";
  const isOpen =
    isAbout(problem, "mint") ||
    ["advertisers", "publishers", "hosts", "cpcMicrosMax"].some((one) => value(`mint.${one}`) !== "");
  return (
    <details class="behind" open={isOpen}>
      <summary>Limits on minting</summary>
      <div class="pair">
        <Field
          {...{
            name: "mint.advertisers",
            label: "For these advertisers alone",
            value: value("mint.advertisers"),
            problem,
          }}
          hint="Ids, with commas. A key of a publisher or of nobody."
        />
        <Field
          {...{
            name: "mint.publishers",
            label: "For these publishers alone",
            value: value("mint.publishers"),
            problem,
          }}
          hint="Ids, with commas. A key of an advertiser or of nobody."
        />
        <Field
          {...{
            name: "mint.cpcMicrosMax",
            label: "Highest price, in micros",
            value: value("mint.cpcMicrosMax"),
            problem,
          }}
        />
        <Field
          {...{ name: "mint.hosts", label: "Hosts of landing pages", value: value("mint.hosts"), problem }}
          hint="shop.example, or *.shop.example for all below it."
        />
      </div>
      {problem?.field === "mint" ? (
        <p class="wrong">
          <Said text={problem.detail} />
        </p>
      ) : null}
    </details>
  );
}
