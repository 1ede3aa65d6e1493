/**
 * The OpenAPI 3.1 document of this API, made from its operations.
 *
 *   paths       one member for each path, and in it one for each method
 *   components  what bodies hold, by name; the problem; the two ways to say who asks
 *   x-problems  of an operation: every problem that it answers, with status and sentence
 *
 * Keeps: pure and the same at every call; JSON as it is. Each example of a request has its recorded answer. A request
 * that is refused is no example of its parameters: it is told in words beside the problem that it gets.
 */
import { componentSchemas, ref } from "./components.ts";
import recorded from "./examples.json" with { type: "json" };
import { type Answer, type Example, type JsonSchema, type Operation, toInputSchema } from "./operation.ts";
import { OPERATIONS, TAGS } from "./operations.ts";
import type { ProblemInfo } from "./problems.ts";
import { PATH_PARAMETERS } from "./track-operations.ts";

export const API_VERSION = "0.1.0";
const PROBLEM_TYPE = "application/problem+json";

/** What the Worker answered to an example: text where it is no JSON, absent where there is no body. */
type Recorded = { readonly status: number; readonly type?: string; readonly answer?: unknown };

const RECORDED: Readonly<Record<string, Recorded>> = recorded;

export function openApiDocument(): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const operation of OPERATIONS) {
    const path = paths[operation.path] ?? {};
    path[operation.method] = toOperation(operation);
    paths[operation.path] = path;
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Clickledger",
      version: API_VERSION,
      summary: "Counts every ad click exactly once, at the edge, and proves it.",
      description:
        "Every path also stands under `/api`. Problems are RFC 9457; their `type` is an address that explains them. " +
        "Money is in integer micros of the advertiser's currency, instants are RFC 3339.",
      license: { name: "Unlicensed", identifier: "LicenseRef-unlicensed" },
    },
    servers: [{ url: "/" }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: componentSchemas(), securitySchemes: SECURITY },
  };
}

const SECURITY = {
  apiKey: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "clk_ and 49 characters",
    description: "An API key. An operation names the scopes of which a key needs one.",
  },
  signedPostback: {
    type: "apiKey",
    in: "query",
    name: "sig",
    description: "A signature over all other parameters, with the advertiser's secret (docs/CONVERSIONS.md).",
  },
} as const;

function toOperation(operation: Operation): JsonSchema {
  const { id, tag, summary, description, scopes, maySign, problems } = operation;
  const parameters = [...pathParameters(operation), ...queryParameters(operation)];
  const keys = [...(scopes ?? []).map((scope) => ({ apiKey: [scope] })), ...(maySign ? [{ signedPostback: [] }] : [])];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: keys,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...requestBody(operation),
    responses: { ...answers(operation), ...problemAnswers(operation) },
    "x-problems": sorted(problems),
  };
}

/** Requests that are taken; one that is refused is shown beside its answer. */
const taken = (examples: readonly Example[]) => examples.filter(({ status }) => status < 400);
const exampleKey = ({ id }: Operation, { name }: Example) => `${id}/${name}`;

function pathParameters({ path, examples }: Operation): JsonSchema[] {
  return Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    description: PATH_PARAMETERS[name] ?? name,
    schema: { type: "string" },
    examples: valuesOf(taken(examples), (example) => example.path?.[name]),
  }));
}

function queryParameters({ query, refine, examples }: Operation): JsonSchema[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = toInputSchema(query, refine) as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  const shown = taken(examples);
  return Object.entries(properties).map(([name, { description, ...schema }]) => {
    const isList = schema["type"] === "array";
    const given = valuesOf(shown, ({ query: sent }) => (isList ? sent?.[name]?.split(",") : sent?.[name]), schema);
    return {
      name,
      in: "query",
      required: required.includes(name),
      ...(description === undefined ? {} : { description }),
      ...(isList ? { style: "form", explode: false } : {}),
      schema,
      ...(Object.keys(given).length === 0 ? {} : { examples: given }),
    };
  });
}

function valuesOf(
  examples: readonly Example[],
  read: (example: Example) => unknown,
  { type }: JsonSchema = {},
): Record<string, JsonSchema> {
  const typed = (value: unknown) =>
    type === "integer" ? Number(value) : type === "boolean" ? value === "true" : value;
  return Object.fromEntries(
    examples.flatMap((example) => {
      const value = read(example);
      return value === undefined ? [] : [[example.name, { value: typed(value) }]];
    }),
  );
}

function requestBody({ body, examples }: Operation): JsonSchema {
  if (body === undefined) return {};
  const values = valuesOf(taken(examples), (example) => example.body);
  const content = { schema: ref(body.schema), examples: values };
  const others = (body.alsoAs ?? []).map((type) => [type, { schema: { type: "string" } }]);
  const types = { "application/json": content, ...Object.fromEntries(others) };
  return { requestBody: { required: body.isOptional !== true, content: types } };
}

function answers(operation: Operation): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(operation.answers).map(([status, answer]) => [status, toAnswer(Number(status), answer, operation)]),
  );
}

function toAnswer(
  status: number,
  { means, type, schema, texts = [], headers, maybeHeaders }: Answer,
  operation: Operation,
): JsonSchema {
  const named = { ...headers, ...maybeHeaders };
  const types = [...(type === undefined ? [] : [type]), ...texts];
  const content = types.map((one) => {
    const isText = schema === undefined || one !== type;
    const shown = examplesOf(operation, status, one);
    return [one, { schema: isText ? { type: "string" } : ref(schema), ...shown }];
  });
  return {
    description: means,
    ...(Object.keys(named).length === 0 ? {} : { headers: headersOf(named) }),
    ...(content.length === 0 ? {} : { content: Object.fromEntries(content) }),
  };
}

/** Headers of refusals, by status. */
const PROBLEM_HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { "WWW-Authenticate": "How to say who asks." },
  403: { "WWW-Authenticate": "What the key lacks, where it is a scope." },
  405: { Allow: "The methods that the address takes." },
  429: { "Retry-After": "Seconds after which to ask again." },
  503: { "Retry-After": "Seconds after which to ask again." },
};

function headersOf(headers: Readonly<Record<string, string>>): JsonSchema {
  const named = Object.entries(headers).map(([name, description]) => [
    name,
    { description, schema: { type: "string" } },
  ]);
  return Object.fromEntries(named);
}

function examplesOf(operation: Operation, status: number, type: string): JsonSchema {
  const found = operation.examples.flatMap((example) => {
    const answer = RECORDED[exampleKey(operation, example)];
    const isThis = answer?.status === status && answer.type === type && answer.answer !== undefined;
    const request = status < 400 ? {} : { description: requestOf(operation, example) };
    return isThis ? [[example.name, { ...request, value: answer.answer }]] : [];
  });
  return found.length === 0 ? {} : { examples: Object.fromEntries(found) };
}

const KEY_WORDS: Readonly<Record<NonNullable<Example["key"]>, string>> = {
  none: "without a key",
  report: "with a key of scope report alone",
  convert: "with a key of scope convert alone",
  exhausted: "with a key that has asked too often",
};

/** A request in words, for an answer that refuses it. */
function requestOf({ method, path, scopes }: Operation, { path: parts, query, body, key }: Example): string {
  const named = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => parts?.[name] ?? "");
  const search = Object.entries(query ?? {}).map(([name, value]) => `${name}=${value}`);
  const url = search.length === 0 ? named : `${named}?${search.join("&")}`;
  const sent = body === undefined ? [] : [JSON.stringify(body)];
  const who = key === undefined || scopes === null ? "" : `, ${KEY_WORDS[key]}`;
  return `\`${[method.toUpperCase(), url, ...sent].join(" ")}\`${who}`;
}

function problemAnswers(operation: Operation): Record<string, JsonSchema> {
  const byStatus = Map.groupBy(sorted(operation.problems), ({ status }) => status);
  return Object.fromEntries(
    Array.from(byStatus, ([status, some]) => [
      status,
      {
        description: some
          .map(({ type, title }) => `[${type.replace("/problems/", "")}](${type}): ${title}`)
          .join("\n\n"),
        ...(PROBLEM_HEADERS[status] === undefined ? {} : { headers: headersOf(PROBLEM_HEADERS[status]) }),
        content: { [PROBLEM_TYPE]: { schema: ref("Problem"), ...examplesOf(operation, status, PROBLEM_TYPE) } },
      },
    ]),
  );
}

/** Each once, by status. */
function sorted(problems: readonly ProblemInfo[]): ProblemInfo[] {
  const once = new Map(problems.map((problem) => [`${problem.status} ${problem.type} ${problem.title}`, problem]));
  return [...once.values()].sort((a, b) => a.status - b.status);
}
