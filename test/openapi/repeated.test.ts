/** A parameter that is given twice, over every operation of the document: refused by name, unless it is a list. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { apiApp } from "../../src/api/app.ts";
import { apiRoutes } from "../../src/api/routes.ts";
import { openApiDocument } from "../../src/openapi/document.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import { UNHURRIED } from "../support/unhurried.ts";

type Parameter = { readonly name: string; readonly in: string; readonly schema: { readonly type?: string } };
type Operation = { readonly parameters?: readonly Parameter[]; readonly "x-problems": readonly { type: string }[] };

const paths = openApiDocument()["paths"] as Record<string, Record<string, Operation>>;
const OPERATIONS = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    route: `${method.toUpperCase()} ${path}`,
    path: path.replaceAll(/[{}]/g, ""),
    method: method.toUpperCase(),
    query: (operation.parameters ?? []).filter((parameter) => parameter.in === "query"),
    types: operation["x-problems"].map(({ type }) => type),
  })),
);

/** Open to everybody, and without parameters: nothing is looked at. */
const OPEN = apiRoutes({}).flatMap(({ method, path, isOpen }) => (isOpen ? [`${method} ${path}`] : []));
const GUARDED = apiRoutes({}).flatMap(({ method, path, isOpen }) => (isOpen ? [] : [`${method} ${path}`]));
const templated = (route: string) => route.replaceAll(/:(\w+)(?:\{[^}]+\})?/g, "{$1}");
const guarded = new Set(GUARDED.map(templated));

const app = apiApp();

async function ask(method: string, path: string): Promise<{ type: string; field: string | undefined }> {
  const headers = { Authorization: `Bearer ${TEST_SECRETS.ADMIN_API_KEY}` };
  const context = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext;
  const request = new Request(`https://clicks.example${path}`, { method, headers });
  const response = await app.fetch(request, { ...env, ...UNHURRIED } as unknown as Env, context);
  const text = await response.text();
  const isProblem = response.headers.get("Content-Type") === "application/problem+json";
  const { type, field } = (isProblem ? JSON.parse(text) : {}) as { type?: string; field?: string };
  return { type: type ?? String(response.status), field };
}

const REFUSED = ["/problems/repeated-parameter", "/problems/field-repeated"];

describe("a parameter that is given twice", () => {
  const cases = OPERATIONS.filter(({ route }) => guarded.has(route));

  it("is looked for at every route but those of tracking, which are no routes of the front", () => {
    expect(cases.length).toBe(guarded.size);
    expect(OPERATIONS.filter(({ route, query }) => OPEN.map(templated).includes(route) && query.length > 0)).toEqual(
      [],
    );
  });

  it.each(cases)("is refused by $route, by name", async ({ method, path, query, types }) => {
    const single = query.filter(({ schema }) => schema.type !== "array").map(({ name }) => name);
    for (const name of single.length === 0 ? ["x"] : single) {
      const { type, field } = await ask(method, `${path}?${name}=1&${name}=2`);
      expect(REFUSED, `${name}: ${type}`).toContain(type);
      expect(types).toContain(type);
      expect(field).toBe(name);
    }
  });

  it.each(cases.filter(({ query }) => query.some(({ schema }) => schema.type === "array")))(
    "is taken by $route where it is a list",
    async ({ method, path, query }) => {
      const lists = query.flatMap(({ name, schema }) => (schema.type === "array" ? [name] : []));
      for (const name of lists) {
        const { type } = await ask(method, `${path}?${name}=a&${name}=b`);
        expect(REFUSED, name).not.toContain(type);
      }
    },
  );
});
