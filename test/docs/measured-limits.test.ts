/**
 * What docs/METHODOLOGY.md says is not there, or is left to an operator. A statement fails here when somebody builds it,
 * and is then to be written anew.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LIFECYCLE } from "../../scripts/platform/wanted.ts";
import { decodePayload } from "../../src/core/claims.ts";
import { DIMENSIONS } from "../../src/core/fields.ts";
import { VERDICT_REASONS } from "../../src/core/verdict.ts";
import { METRICS } from "../../src/report/query/metrics.ts";
import { unsplitMetric } from "../../src/report/query/query.ts";
import { CHECKLIST } from "../../src/well-known/checklist.ts";
import { aPayload } from "../support/builders.ts";
import { segmentOf } from "../support/signing.ts";
import { parseModule } from "../support/tidy.ts";
import { deployedConfig } from "./deployed.ts";

const sources = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(ts|sql)$/.test(name))
    .map((name) => ({ path: join(folder, name), text: readFileSync(join(folder, name), "utf8") }));

const code = sources("src");
const words = [...METRICS, ...DIMENSIONS, ...VERDICT_REASONS].join(" ");

/** Sources whose text matches. */
const filesWith = (pattern: RegExp) => code.filter(({ text }) => pattern.test(text)).map(({ path }) => path);

describe("what the methodology calls missing is not in the product:", () => {
  it("no landing, and so no click received or resolved", () => {
    expect(words).not.toMatch(/land|receiv|resolv|arriv/);
  });

  it("no kind of click: in-unit clicks are not told apart", () => {
    expect(words).not.toMatch(/click_type|click_kind|in_unit/);
  });

  it("no size and no visibility of a placement, and no activity of the user behind an impression", () => {
    const sized = decodePayload(segmentOf(aPayload({ size: "1x1", width: 1, height: 1, user_initiated: 1 })));
    expect(sized.ok).toBe(true);
    expect(Object.keys(sized.ok ? sized.value : {}).join(" ")).not.toMatch(/size|width|height|view|user_initiated/);
    expect(words).not.toMatch(/size|viewab|visib|render|refresh/);
  });

  it("no sophisticated invalid traffic", () => {
    expect(words).not.toMatch(/sivt|score|fraud|sophisticat/);
  });

  it("no comparison with another party's counts", () => {
    expect(words).not.toMatch(/discrepan|third_party/);
    // Audits compare our archive with our reports, and have their own discrepancies.
    const others = filesWith(/discrepanc(y|ies)/i).filter(
      (file) => !/audit|core\/(claim-check|day-state|discrepancy)|openapi\/operator-|problems\/reading/.test(file),
    );
    expect(others).toEqual(["src/well-known/checklist.ts"]);
  });

  it("reasons cannot be split by publisher", () => {
    const refused = DIMENSIONS.filter((dimension) => unsplitMetric(["reasons"], [{ dimension }]) !== null);
    expect(refused).toEqual(["publisher_id", "country", "device", "creative_id", "placement_id", "ad_format"]);
  });

  it("no audit by anybody else", () => {
    expect(CHECKLIST[20]).toEqual(["Internal controls, monitoring, yearly independent audit", "not_met"]);
    expect(filesWith(/accredit/i)).toEqual([]);
  });
});

describe("what is kept", () => {
  it("of facts is deleted by the retention of its tier and by nothing else", () => {
    const deleting = /DELETE\s+FROM\s+(facts_(hour|day|\$\{)|cells)|DROP\s+TABLE\s+(IF\s+EXISTS\s+)?facts/i;
    expect(
      [...code, ...sources("migrations")].filter(({ text }) => deleting.test(text)).map(({ path }) => path),
    ).toEqual(["src/cold/sql.ts"]);
    expect(filesWith(/\bDELETE_OLD_(HOURS|DAYS)\b/)).toEqual(["src/batch/retention.ts", "src/cold/sql.ts"]);
    // Minutes are deleted once they stand in another place.
    expect(filesWith(/DELETE\s+FROM\s+facts_minute/i)).toEqual(["src/cold/sql.ts"]);
  });

  it("of raw events is that of retired days, and the instructions set a backstop behind it", () => {
    const rule = LIFECYCLE.find(({ conditions }) => conditions.prefix === "raw/v1/");
    expect(rule?.deleteObjectsTransition?.condition).toEqual({ type: "Age", maxAge: 400 * 86_400 });
    expect(deployedConfig().rawKeptDays).toBeLessThan(400);
    const archive = code.find(({ path }) => path === "src/archive/archive.ts")?.text ?? "";
    expect(archive).toContain("raw/v1/");
    expect(archive).not.toMatch(/\.delete\(/);
    const deleting = filesWith(/\.delete\(|deleteBelow\(/).filter((path) =>
      filesWith(/ARCHIVE_PREFIX|raw\/v1/).includes(path),
    );
    // An audit that comes second takes its own number back; the last only looks which days have lines.
    expect(deleting).toEqual(["src/audit/start.ts", "src/batch/retire-days.ts", "src/batch/retire-work.ts"]);
  });
});

it("nothing live judges by the rate of a user's clicks", () => {
  const modules = code.filter(({ path }) => path.endsWith(".ts")).map(parseModule);
  const users = modules.filter(({ imports }) => imports.some(({ target }) => target === "src/core/second-look.ts"));
  const live = users.filter(({ path }) => /^src\/(track|queue|shard|facts)\//.test(path));
  expect(users.map(({ path }) => path)).toContain("src/replay/look.ts");
  expect(live).toEqual([]);
});
