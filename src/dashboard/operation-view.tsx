/**
 * One operation of the reference: what it takes, what it answers, how it is refused, and examples of all of it.
 */
import { indented } from "./behind.tsx";
import {
  type Content,
  type Examples,
  type OpenApi,
  type Operation,
  type Parameter,
  type Placed,
  type ProblemInfo,
  schemaName,
} from "./document.ts";
import { Said } from "./said.tsx";
import { noteOf, SchemaView, typeOf } from "./schema-view.tsx";

const EXAMPLE_CHARS_MAX = 6_000;

export function OperationView({ placed, document }: { placed: Placed; document: OpenApi }) {
  const { method, path, operation } = placed;
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const answers = Object.entries(responses).filter(([status]) => Number(status) < 400);
  return (
    <section class="operation" id={operationId}>
      <h2>{summary}</h2>
      <p>
        <code>
          {method} {path}
        </code>{" "}
        <span class="soft">· {whoMay(operation)}</span>
      </p>
      {description === undefined ? null : (
        <p>
          <Said text={description} />
        </p>
      )}
      {parameters.length === 0 ? null : <Parameters parameters={parameters} document={document} />}
      {requestBody === undefined ? null : (
        <>
          <h3>Body{requestBody.required === false ? ", if any" : ""}</h3>
          <Bodies content={requestBody.content} document={document} label="An example of the body" />
        </>
      )}
      <h3>Answers</h3>
      {answers.map(([status, { description: means, headers, content = {} }]) => (
        <div>
          <p>
            <b>{status}</b> <Said text={means} />
            {headers === undefined ? "" : ` Headers: ${Object.keys(headers).join(", ")}.`}
          </p>
          <Bodies content={content} document={document} label={`An example of ${status}`} />
        </div>
      ))}
      <Problems problems={operation["x-problems"]} responses={responses} />
    </section>
  );
}

/** Which key it takes. */
function whoMay({ security }: Operation): string {
  if (security.length === 0) return "takes no key";
  const scopes = security.flatMap((one) => one["apiKey"] ?? []);
  const isSigned = security.some((one) => one["signedPostback"] !== undefined);
  const key = scopes.length === 0 ? "any key" : `a key of scope ${scopes.join(" or ")}`;
  return isSigned ? `${key}, or a signature` : key;
}

function Parameters({ parameters, document }: { parameters: readonly Parameter[]; document: OpenApi }) {
  return (
    <>
      <h3>Parameters</h3>
      <table class="members">
        <thead>
          <tr>
            <th scope="col">name</th>
            <th scope="col">is</th>
          </tr>
        </thead>
        <tbody>
          {parameters.map(({ name, in: place, required, description, schema, examples = {} }) => {
            const example = Object.values(examples)[0]?.value;
            return (
              <tr>
                <th scope="row">
                  <code>{name}</code>
                  <span class="soft">{place === "path" ? " in the path" : required === true ? "" : " optional"}</span>
                </th>
                <td>
                  <Said text={description === undefined ? "" : `${description} `} />
                  <span class="soft">
                    {typeOf(schema, document)}
                    {noteOf(schema)}
                    {example === undefined ? null : (
                      <>
                        ; like <code>{typeof example === "string" ? example : JSON.stringify(example)}</code>
                      </>
                    )}
                  </span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}

function Bodies({ content, document, label }: { content: Content; document: OpenApi; label: string }) {
  return (
    <>
      {Object.entries(content).map(([type, { schema, examples }]) => (
        <>
          <p class="soft">
            <code>{type}</code>
            {schema?.$ref === undefined ? "" : `, ${schemaName(schema.$ref)}`}
          </p>
          {schema?.$ref === undefined ? null : (
            <details>
              <summary>Members</summary>
              <SchemaView schema={schema} document={document} />
            </details>
          )}
          <ExampleList examples={examples} label={label} />
        </>
      ))}
    </>
  );
}

function ExampleList({ examples = {}, label }: { examples?: Examples | undefined; label: string }) {
  return (
    <>
      {Object.entries(examples).map(([name, { value, description }]) => (
        <details>
          <summary>
            {label}: {name}
          </summary>
          {description === undefined ? null : (
            <p>
              <Said text={description} />
            </p>
          )}
          <pre tabindex={0}>
            <code>{cut(typeof value === "string" ? value : indented(value))}</code>
          </pre>
        </details>
      ))}
    </>
  );
}

/** Problems by status, each with its page, and what was answered to an example. */
function Problems({
  problems,
  responses,
}: {
  readonly problems: readonly ProblemInfo[];
  readonly responses: Operation["responses"];
}) {
  if (problems.length === 0) return null;
  const examples = Object.entries(responses).filter(([status]) => Number(status) >= 400);
  return (
    <details class="problems">
      <summary>How it is refused: {problems.length} problems</summary>
      <table class="members">
        <tbody>
          {problems.map(({ type, status, title }) => (
            <tr>
              <th scope="row">
                {status} <a href={type}>{type.split("/").at(-1)}</a>
              </th>
              <td>{title}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {examples.map(([status, { content = {} }]) =>
        Object.values(content).map(({ examples: shown }) => (
          <ExampleList examples={shown} label={`An example of ${status}`} />
        )),
      )}
    </details>
  );
}

function cut(text: string): string {
  return text.length > EXAMPLE_CHARS_MAX ? `${text.slice(0, EXAMPLE_CHARS_MAX)}\n… and so on` : text;
}
