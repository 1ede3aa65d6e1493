/**
 * Tenants and keys: who advertises and publishes, what they advertise, and the keys to it all.
 *
 *   /tenants?kind=campaigns&advertiser_id=…    a list        &id=…     one, to change        &new=1     a new one
 *   /tenants?kind=keys                         the keys (tenant-keys.tsx)
 *
 * Keeps: everything is done by the API's own routes below /v1/admin, as the holder of the session's key, and is in the
 * audit log as theirs. A field that is refused is drawn again with what was typed and the API's sentence.
 */
import { givenIn, pathOf } from "./addresses.ts";
import { Curl } from "./behind.tsx";
import { seeOther } from "./forms.tsx";
import type { Act, ListAsked, ScreenAsked } from "./screens.ts";
import type { Section } from "./shell.tsx";
import { actOnKeys, KeySections } from "./tenant-keys.tsx";
import { bodyOf, type KindName, kindNamed, kindOf } from "./tenant-kinds.ts";
import { type Given, RecordForm, RecordList, RecordPage } from "./tenant-records.tsx";
import { actOnSecret } from "./tenant-secret.tsx";
import { tenantsPage } from "./tenants-page.tsx";

export function drawTenants({ asked, viewer, api }: ScreenAsked): Response {
  const { searchParams: search } = new URL(asked.request.url);
  const isKeys = search.get("kind") === "keys";
  const kind = kindNamed(search.get("kind")) ?? "advertisers";
  const sections = isKeys ? KeySections({ viewer, api, search }) : recordSections(kind, { viewer, api, search });
  return tenantsPage({ viewer, sections, kind: isKeys ? "keys" : kind, search });
}

/** Does what a form of these pages asks. */
export const actOnTenants: Act = async (given) => {
  const { form, viewer, api } = given;
  const kind = form.get("kind");
  if (kind === "keys") return actOnKeys(given);
  if (kind === "postback-secret") return actOnSecret(given);
  const name = kindNamed(kind);
  if (name === null) return seeOther("/tenants");
  const isNew = form.get("is_new") === "1";
  const id = (form.get("id") ?? "").trim();
  const body = bodyOf(name, form, isNew);
  const answer = isNew
    ? await api.send<{ readonly id: string }>("POST", `/v1/admin/${name}`, body)
    : await api.send<{ readonly id: string }>("PATCH", `/v1/admin/${name}/${encodeURIComponent(id)}`, body);
  if (answer.ok) {
    return seeOther("/tenants", { kind: name, id: answer.value.id, done: isNew ? "created" : "saved" });
  }
  const typed = Object.fromEntries(kindOf(name).fields.map((field) => [field.name, form.get(field.name)]));
  const sections = [<RecordForm {...{ kind: name, viewer, isNew, given: typed, problem: answer.error }} />];
  return tenantsPage({ viewer, sections, kind: name });
};

function recordSections(kind: KindName, { viewer, api, search }: ListAsked): Section[] {
  const id = search.get("id");
  if (search.get("new") !== null) {
    const given: Given = Object.fromEntries(
      kindOf(kind).fields.map((field) => [field.name, search.get(field.name) ?? field.unless ?? ""]),
    );
    return [<RecordForm {...{ kind, viewer, isNew: true, given }} />];
  }
  if (id !== null && id !== "") return [RecordPage({ kind, id, viewer, api })];
  const parent = kindOf(kind).parent?.query;
  const query = givenIn(search, parent === undefined ? ["after"] : ["after", parent]);
  return [RecordList({ kind, query, viewer, api }), <Curl path={pathOf(`/v1/admin/${kind}`, query)} />];
}
