/**
 * The reference of the API: what can be asked, by area, from the OpenAPI document of this deployment.
 *
 *   /docs            how to ask, and every operation by area
 *   /docs/<area>     each operation of it: parameters, body, answers, examples, problems
 *   /problems        every problem that is answered
 *
 * Keeps: public and the same for everybody, so no session is looked at. Works without scripts; what is long is folded,
 * so that a keyboard passes it in one step.
 */
import type { Asked } from "../access/asked.ts";
import { type Area, areasOf, type OpenApi, problemsOf, readDocument } from "./document.ts";
import { nothingHere } from "./nothing-here.tsx";
import { OperationView } from "./operation-view.tsx";
import { Said } from "./said.tsx";
import { type Section, sendPage, Trouble } from "./shell.tsx";

const CACHED = { "Cache-Control": "public, max-age=300" } as const;

/** `/docs`. */
export async function drawReference(asked: Asked): Promise<Response> {
  const document = await readDocument(asked);
  if (document === null) return notRead();
  return page("Reference", [
    <Head document={document} />,
    <HowToAsk />,
    ...areasOf(document).map((area) => <Index area={area} />),
  ]);
}

/** `/docs/<area>`. */
export async function drawArea(asked: Asked): Promise<Response> {
  const document = await readDocument(asked);
  if (document === null) return notRead();
  const areas = areasOf(document);
  const area = areas.find(({ slug }) => slug === asked.param("area"));
  if (area === undefined) return nothingHere();
  return page(`${area.name} · Reference`, [
    <section>
      <p class="soft">
        <a href="/docs">Reference</a>
      </p>
      <h1>{area.name}</h1>
      <p>
        <Said text={area.means} />
      </p>
      <AreaTabs areas={areas} at={area} />
    </section>,
    ...area.operations.map((placed) => <OperationView placed={placed} document={document} />),
  ]);
}

/** `/problems`. */
export async function drawProblems(asked: Asked): Promise<Response> {
  const document = await readDocument(asked);
  if (document === null) return notRead();
  return page("Problems", [
    <section>
      <h1>Problems</h1>
      <p>
        A refused request gets a problem (RFC 9457): <code>type</code> is one of these addresses, <code>field</code> is
        where, and <code>detail</code> says what to change.
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">status</th>
            <th scope="col">problem</th>
            <th scope="col">what it says</th>
          </tr>
        </thead>
        <tbody>
          {problemsOf(document).map(({ type, status, title }) => (
            <tr>
              <td>{status}</td>
              <th scope="row">
                <a href={type}>{type.split("/").at(-1)}</a>
              </th>
              <td>
                <Said text={title} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>,
  ]);
}

function page(title: string, sections: readonly Section[]): Response {
  return sendPage({ title, path: "", viewer: null, sections, headers: CACHED });
}

function notRead(): Response {
  return sendPage({
    ...{ title: "Reference", path: "", viewer: null, status: 503, headers: { "Retry-After": "5" } },
    sections: [
      <Trouble title="The document cannot be read just now" detail="Try again in a few seconds.">
        <p>
          <a href="/openapi.json">The document itself</a>
        </p>
      </Trouble>,
    ],
  });
}

function Head({ document }: { document: OpenApi }) {
  const { info } = document;
  return (
    <section>
      <h1>Reference</h1>
      <p class="lead">{info.summary}</p>
      <p>
        Version {info.version}. {info.description} Everything here is in the{" "}
        <a href="/openapi.json">OpenAPI document</a>; every problem has <a href="/problems">its page</a>.
      </p>
    </section>
  );
}

function HowToAsk() {
  return (
    <section>
      <h2>How to ask</h2>
      <p>
        With an API key in a header, over HTTPS. A key has an owner and scopes: an advertiser’s sees its own figures, a
        publisher’s its own traffic, the operator’s everything.
      </p>
      <pre>
        <code data-origin-of="/v1/me">{`curl -H "Authorization: Bearer $CLICKLEDGER_KEY" '/v1/me'`}</code>
      </pre>
    </section>
  );
}

function AreaTabs({ areas, at }: { areas: readonly Area[]; at: Area }) {
  return (
    <nav aria-label="Areas">
      <ul class="tabs">
        {areas.map(({ name, slug }) => (
          <li>
            <a href={`/docs/${slug}`} aria-current={slug === at.slug ? "page" : undefined}>
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Index({ area }: { area: Area }) {
  return (
    <section class="area">
      <h2>
        <a href={`/docs/${area.slug}`}>{area.name}</a>
      </h2>
      <p>
        <Said text={area.means} />
      </p>
      <ul class="operations">
        {area.operations.map(({ method, path, operation }) => (
          <li>
            <a href={`/docs/${area.slug}#${operation.operationId}`}>{operation.summary}</a>{" "}
            <code>
              {method} {path}
            </code>
          </li>
        ))}
      </ul>
    </section>
  );
}
