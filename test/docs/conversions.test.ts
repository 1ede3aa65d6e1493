import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { isSignedPostback, postbackSecretOf, readQuery, toRowFields } from "../../src/conversions/postback.ts";
import { readRow } from "../../src/conversions/row.ts";
import { CLICK_ID_LENGTH_MAX, makeClickId } from "../../src/core/click-id.ts";
import { CONVERSION_KINDS } from "../../src/core/conversion.ts";
import { DEVICE_CLASSES } from "../../src/core/device.ts";
import {
  ATTRIBUTION_WINDOW_DAYS_DEFAULT,
  ATTRIBUTION_WINDOW_DAYS_MAX,
  CONVERSION_VALUE_MICROS_MAX,
  CONVERSIONS_PER_CALL_MAX,
  COUNTS_AGE_DAYS_MAX,
  COUNTS_PER_ROW_MAX,
  COUNTS_PER_UPLOAD_MAX,
  MINUTE_MS,
  OCCURRED_AHEAD_MAX_MS,
  ORDER_ID_LENGTH_MAX,
  ORDER_KEY_DAYS,
} from "../../src/core/limits.ts";
import { readCounts } from "../../src/impression-counts/counts-row.ts";
import { OF_SUBMISSIONS } from "../../src/problems/submissions.ts";
import { OF_SENDERS } from "../../src/problems/tracking.ts";
import { NOON_MS } from "../support/builders.ts";
import { aKeyRing } from "../support/signing.ts";
import { aClickIdentity } from "../support/submissions.ts";
import { itRuns, recipesOf } from "./recipes.ts";

const document = await readFile("docs/CONVERSIONS.md", "utf8");
const ring = await aKeyRing();
const CLICK_ID = makeClickId(aClickIdentity(), ring);
const CONTEXT = { ring, advertiserId: "adv_1", nowMs: NOON_MS + 10 * MINUTE_MS };

const IN_FORCE = { advertiserId: "adv_1", epochs: { epoch: 0, previousUntilMs: 0 }, nowMs: NOON_MS };

/** The text below a heading of second level. */
const sectionOf = (heading: string) => document.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";

/** The text of the only code block in this language. */
function blockOf(language: string, text = document): string {
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))];
  expect(blocks, language).toHaveLength(1);
  return blocks[0]?.[1] ?? "";
}

/** The cells of the table rows of a section, whose first cell is code. */
function tableOf(heading: string): string[][] {
  const rows = sectionOf(heading)
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

describe("docs/CONVERSIONS.md", () => {
  it("lists every problem with its status and its words, in the order of the catalogue", () => {
    const expected = Object.entries({ ...OF_SENDERS, ...OF_SUBMISSIONS }).map(([reason, { status, title, advice }]) => [
      reason,
      String(status),
      title,
      advice.replaceAll("`", ""),
    ]);
    expect(tableOf("Answers").filter(([, status]) => /^\d+$/.test(status ?? ""))).toEqual(expected);
  });

  it("lists every status that core/order.ts decides, and the one that is not decided yet", async () => {
    const source = await readFile("src/core/order.ts", "utf8");
    const union = /export type ConversionStatus =([^;]*);/.exec(source)?.[1] ?? "";
    const statuses = [...union.matchAll(/"(\w+)"/g)].map(([, status]) => status);
    const listed = tableOf("Answers").filter(([, status]) => !/^\d+$/.test(status ?? ""));
    expect(listed.map(([status]) => status)).toEqual([...statuses, "accepted"]);
  });

  it("lists every field of a row, and every type", () => {
    const refused = readRow({ no_such: 1 }, CONTEXT);
    const fields = refused.ok ? "" : (refused.error.detail ?? "");
    const rows = tableOf("A row");
    expect(new Set(rows.map(([name]) => name))).toEqual(new Set(fields.match(/[a-z_]+_?[a-z]*(?=[,.])/g)));
    expect(rows.find(([name]) => name === "type")?.[1]).toBe(CONVERSION_KINDS.join(", "));
    expect(tableOf("Uploaded impression counts").find(([name]) => name === "device")?.[1]).toBe(
      DEVICE_CLASSES.join(", "),
    );
  });

  it("states the limits that core/limits.ts sets", () => {
    expect([CONVERSIONS_PER_CALL_MAX, COUNTS_PER_UPLOAD_MAX, ORDER_ID_LENGTH_MAX]).toEqual([1_000, 1_000, 128]);
    expect([CONVERSION_VALUE_MICROS_MAX, COUNTS_PER_ROW_MAX]).toEqual([1_000_000_000_000_000, 10_000_000]);
    expect([ORDER_KEY_DAYS, COUNTS_AGE_DAYS_MAX, OCCURRED_AHEAD_MAX_MS]).toEqual([400, 31, 60_000]);
    expect([ATTRIBUTION_WINDOW_DAYS_DEFAULT, ATTRIBUTION_WINDOW_DAYS_MAX]).toEqual([7, 90]);
    const sentences = [
      "1 to 1 000 rows, 2 MB",
      "text of 1 to 128 printable characters",
      "at most 1 000 000 000 000 000",
      "0 to 10 000 000 ",
      "remembered for 400 days",
      "at most 31 days old",
      "at most 60 s ahead",
      "(7 unless set, 1 to 90;",
      `at most ${CLICK_ID_LENGTH_MAX} characters`,
    ];
    for (const sentence of sentences) expect(document.replaceAll("\n", " ")).toContain(sentence);
  });

  it("shows rows that are taken, each as what the text says of it", () => {
    const { conversions } = JSON.parse(blockOf("json", sectionOf("A row"))) as { conversions: object[] };
    const read = conversions.map((row) => readRow({ ...row, click_id: CLICK_ID }, CONTEXT));
    expect(read.map((row) => (row.ok ? row.value.action : row.error))).toEqual([
      ...["record", "record", "record", "correct", "correct", "retract"],
    ]);
  });

  it("shows counts that are taken", () => {
    const { rows } = JSON.parse(blockOf("json", sectionOf("Uploaded impression counts"))) as { rows: object[] };
    const limits = { advertisers: null, publishers: null, cpcMicrosMax: null };
    expect(rows.map((row) => readCounts(row, limits, CONTEXT.nowMs).ok)).toEqual([true]);
    const listed = tableOf("Uploaded impression counts").flatMap(([names]) => names?.split(", ") ?? []);
    expect(new Set(listed)).toEqual(new Set(Object.keys(rows[0] ?? {})));
  });
});

describe("the postback recipe", () => {
  const recipes = recipesOf(document);
  it("stands in every language that the document has one for", () => {
    const headings = sectionOf("Postbacks").match(/^### .+$/gm) ?? [];
    expect(recipes.map(({ language }) => language)).toEqual(["js", "python", "php", "java", "sh"]);
    expect(recipes).toHaveLength(headings.length);
  });

  const { kid, secret } = postbackSecretOf("adv_1", 0, ring);
  itRuns(recipes, "prints a URL that is signed, and says what its arguments say", {
    // The shell's encodes nothing, as the document says.
    args: ({ language }) => {
      const orderId = language === "sh" ? "A-1001_x.~7" : "Nº 7/ä (50%) *'!~+&=";
      return ["https://track.example", CLICK_ID, orderId, "49900000"];
    },
    env: { POSTBACK_SECRET: secret, POSTBACK_KID: kid },
    check: (printed, [, , orderId]) => {
      const url = new URL(printed);
      expect([url.origin, url.pathname]).toEqual(["https://track.example", "/v1/conversions"]);
      const postback = readQuery(url);
      if (!postback.ok) throw new Error(postback.error.reason);
      expect(isSignedPostback(postback.value, IN_FORCE, ring)).toBe(true);
      expect(readRow(toRowFields(postback.value.fields), CONTEXT)).toMatchObject({
        ok: true,
        value: { clickId: CLICK_ID, orderId, valueMicros: 49_900_000, action: "record" },
      });
      url.searchParams.set("value_micros", "99900000");
      const changed = readQuery(url);
      expect(changed.ok && isSignedPostback(changed.value, IN_FORCE, ring)).toBe(false);
    },
  });
});
