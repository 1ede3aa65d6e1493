/** The OpenAPI document under an independent linter, and the client's types against the document. */
import { readFileSync } from "node:fs";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { describe, expect, it } from "vitest";
import { clientTypes, readDocument } from "../../scripts/client-types.ts";

/** A question whether one may ask is never refused. */
const EXPECTED = [
  "operation-4xx-response: Operation must have at least one `4XX` response. #/paths/~1v1~1click/options/responses",
];

/** What the linter finds, as one line each. */
async function findingsIn(document: unknown): Promise<string[]> {
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source: JSON.stringify(document), absoluteRef: "openapi.json", config });
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer ?? ""}`);
}

describe("the linter", () => {
  it("finds nothing in the document but what is meant so", async () => {
    expect(await findingsIn(await readDocument())).toEqual(EXPECTED);
  });

  it("finds a planted fault", async () => {
    const document = (await readDocument()) as {
      paths: Record<string, Record<string, { responses: object }>>;
    };
    const operation = document.paths["/v1/reports/clicks"]?.["get"];
    if (operation !== undefined) operation.responses = {};
    expect(await findingsIn(document)).not.toEqual(EXPECTED);
  });
});

it("has made the client's types anew since the document changed (npm run client)", async () => {
  const file = readFileSync(new URL("../../client/schema.d.ts", import.meta.url), "utf8");
  expect(file === (await clientTypes())).toBe(true);
});
