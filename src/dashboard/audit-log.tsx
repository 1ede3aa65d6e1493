/**
 * The audit log: who did what with tenants, keys, late clicks and dead letters, newest first.
 *
 *   /audit-log?subject_kind=key&subject_id=key_1&before=120      GET /v1/admin/audit-log, with the same parameters
 *
 * Keeps: shows what changed and leaves the rest to the whole entry; secrets are in no entry.
 */
import { givenIn, pathOf } from "./addresses.ts";
import type { AuditEntry, AuditPage } from "./answers.ts";
import { Curl, indented, When } from "./behind.tsx";
import { Writer } from "./figures.ts";
import { Field, Pages, Refused } from "./forms.tsx";
import type { ScreenAsked } from "./screens.ts";
import { type Drawn, sendPage } from "./shell.tsx";
import { Table } from "./table.tsx";
import { type KindName, tenantsPath } from "./tenant-kinds.ts";

const TITLE = "Audit log";
const PATH = "/v1/admin/audit-log";
const ALL = { href: "/audit-log", label: "Everything, from the newest" } as const;
const PARAMETERS = ["subject_kind", "subject_id", "before"] as const;

/** What entries are about → the page that shows it. */
const SUBJECTS: Readonly<Record<string, KindName | "keys" | null>> = {
  advertiser: "advertisers",
  campaign: "campaigns",
  ad_group: "ad-groups",
  ad: "ads",
  creative: "creatives",
  publisher: "publishers",
  key: "keys",
  postback_secret: "advertisers",
  late_clicks: null,
  dead_letters: null,
  webhook: null,
  log_day: null,
  loss: null,
};

export function drawAuditLog({ asked, viewer, api }: ScreenAsked): Response {
  const { searchParams } = new URL(asked.request.url);
  const query = givenIn(searchParams, PARAMETERS);
  return sendPage({
    title: TITLE,
    path: "/audit-log",
    viewer,
    sections: [
      <h1>{TITLE}</h1>,
      <p>
        Who did what, newest first. An act and its entry are one transaction, or the entry is written before the act.
      </p>,
      <Filter query={query} />,
      list(query, { viewer, api }),
      <Curl path={pathOf(PATH, query)} />,
    ],
  });
}

function Filter({ query }: { query: Readonly<Record<string, string>> }) {
  return (
    <form method="get" action="/audit-log" class="form">
      <div class="pair">
        <Field
          {...{ name: "subject_kind", label: "About", value: query["subject_kind"] ?? "" }}
          choices={[
            ["", "everything"],
            ...Object.keys(SUBJECTS).map((kind) => [kind, kind.replaceAll("_", " ")] as const),
          ]}
        />
        <Field {...{ name: "subject_id", label: "Id", value: query["subject_id"] ?? "" }} />
      </div>
      <p class="acts">
        <button type="submit">Show</button>
        {Object.keys(query).length === 0 ? null : <a href={ALL.href}>{ALL.label}</a>}
      </p>
    </form>
  );
}

async function list(
  query: Readonly<Record<string, string>>,
  { viewer, api }: Pick<ScreenAsked, "viewer" | "api">,
): Promise<Drawn> {
  const answer = await api.get<AuditPage>(PATH, query);
  if (!answer.ok) return <Refused problem={answer.error} back={ALL} />;
  const { entries, next } = answer.value;
  if (entries.length === 0) return <p class="nothing">There is no such entry.</p>;
  const { before, ...filter } = query;
  return (
    <>
      <Entries entries={entries} writer={new Writer(viewer.locale, viewer.zone)} />
      <Pages
        first={before === undefined ? null : pathOf(ALL.href, filter)}
        next={next === null ? null : pathOf(ALL.href, { ...filter, before: String(next) })}
      />
    </>
  );
}

function Entries({ entries, writer }: { entries: readonly AuditEntry[]; writer: Writer }) {
  return (
    <Table label={TITLE} class="ids" of={["when", "who", "what", "of", "what changed"]}>
      {entries.map((entry) => (
        <tr>
          <th scope="row">
            <When at={entry.at} writer={writer} />
          </th>
          <td>
            <a href={tenantsPath({ kind: "keys", id: entry.keyId })}>
              <bdi class="code">{entry.keyId}</bdi>
            </a>
          </td>
          <td>{entry.action}</td>
          <td>
            {entry.subjectKind.replaceAll("_", " ")} <Subject entry={entry} />
          </td>
          <td>
            <details>
              <summary>{changed(entry)}</summary>
              <pre class="json">
                <code>{indented({ before: entry.before, after: entry.after })}</code>
              </pre>
            </details>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Subject({ entry: { subjectKind, subjectId } }: { entry: AuditEntry }) {
  if (subjectId === "") return null;
  const kind = SUBJECTS[subjectKind] ?? null;
  const id = <bdi class="code">{subjectId}</bdi>;
  return kind === null ? id : <a href={tenantsPath({ kind, id: subjectId })}>{id}</a>;
}

const UNSAID: ReadonlySet<string> = new Set(["createdAt", "updatedAt"]);
const SHOWN_CHARS_MAX = 160;

/** The fields that changed, in a line. */
function changed({ before, after }: AuditEntry): string {
  const now = fieldsOf(after);
  if (before === null) return now.has("name") || now.has("label") ? "made" : "the whole";
  const was = fieldsOf(before);
  const differing = [...now].filter(([name, value]) => !UNSAID.has(name) && was.get(name) !== value);
  const said = differing.map(([name, value]) => `${name}: ${was.get(name) ?? "nothing"} → ${value}`).join(", ");
  if (said === "") return "nothing";
  return said.length > SHOWN_CHARS_MAX ? `${said.slice(0, SHOWN_CHARS_MAX)}…` : said;
}

function fieldsOf(value: unknown): Map<string, string> {
  const isObject = typeof value === "object" && value !== null;
  return new Map(isObject ? Object.entries(value).map(([name, member]) => [name, JSON.stringify(member)]) : []);
}
