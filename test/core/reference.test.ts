// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of others are what this is about
/** References: which spellings are one name, and which texts are templates that nobody filled. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ORDER_ID_LENGTH_MAX } from "../../src/core/limits.ts";
import { isReference, isUnfilledTemplate, toReference, trimInvisible } from "../../src/core/reference.ts";

const SEED = 20_261_128;

const INVISIBLE = [
  ...[" ", "\t", "\n", "\r\n", "\v", "\f", "\x85", "\u00a0", "\u00ad", "\u034f", "\u061c", "\u1680"],
  ...["\u180e", "\u2002", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e"],
  ...["\u202f", "\u205f", "\u2060", "\u2064", "\u2066", "\u2069", "\u2800", "\u3000", "\u3164", "\ufe0f", "\ufeff"],
  "\u{e0020}",
];

describe("a name", () => {
  it.each(INVISIBLE.map((text) => [text]))("[fault A2] is the same with %j at either end or both", (text) => {
    for (const spelt of [`${text}W-1`, `W-1${text}`, `${text}W-1${text}`, ` ${text}\nW-1\t${text}${text} `]) {
      expect(toReference(spelt)).toBe("W-1");
    }
  });

  it("[fault A2] keeps its case and what stands inside it", () => {
    for (const text of ["w-1", "W-1", "W 1", "W\u200b1", "W\u00a01", "Nº 7/ä", "👩\u200d🚀", "ﬁ", "²", "A", "𝟙"]) {
      expect(toReference(` ${text}`)).toBe(text);
    }
    expect(toReference("👩\u200d🚀")).toBe("👩\u200d🚀");
  });

  it("[fault A2] is one, whether its accents stand in one character or in two", () => {
    expect(toReference("cafe\u0301-1")).toBe(toReference("caf\u00e9-1"));
    expect(toReference("\u212b-1")).toBe("\u00c5-1");
  });

  it("of invisible characters alone is empty", () => {
    expect(INVISIBLE.map(toReference)).toEqual(INVISIBLE.map(() => ""));
    expect(trimInvisible("")).toBe("");
  });

  it("is trimmed once and for all, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const name = toReference(text);
        expect(toReference(name)).toBe(name);
      }),
      { seed: SEED },
    );
  });

  it("has a bounded length and only printable characters", () => {
    for (const name of ["A", "x".repeat(ORDER_ID_LENGTH_MAX), "№ 7 🛒"]) expect(isReference(name)).toBe(true);
    for (const none of ["", " ", "x".repeat(ORDER_ID_LENGTH_MAX + 1), "A\n1", "\ud83d", 7, null]) {
      expect(isReference(none)).toBe(false);
    }
  });
});

describe("[fault A3] a template that nobody filled", () => {
  it.each([
    ...[
      "{lead_id}",
      "{{x}}",
      "{{ order.id }}",
      "{{{x}}}",
      "${x}",
      "${order.id}",
      "%%X%%",
      "%X%",
      "[X]",
      "[[X]]",
      "<x>",
    ],
    ...[
      "<%= order.id %>",
      "<?= $id ?>",
      "#x#",
      "##x##",
      "#{x}",
      "__X__",
      "__ORDER_ID__",
      "@x@",
      "@{x}",
      "%{x}",
      "$[x]",
    ],
    ...["$(x)", "*|ORDER_ID|*", "{%x%}", "[%x%]", "{!Lead.Id}", "{{order_id|default}}", "{{order['id']}}", "«x»"],
    ...[
      "{}",
      "{{}}",
      "${}",
      "[]",
      "<>",
      "%%%%",
      "{ }",
      "{0}",
      "{{1}}",
      "%s",
      "%1$s",
      "$order_id",
      ":order_id",
      "&lt;x&gt;",
    ],
    ...["{order_id}-{ts}", "{a}{b}", "{{a}} / {{b}}", "{sub1}", "{utm_source}", "{идентификатор}", "{LEAD-ID}"],
    ...["%7Blead_id%7D", "%7blead_id%7d", "%257Blead_id%257D", "%5BX%5D", "%24%7Bx%7D", "{lead%5fid}"],
    ...[
      "undefined",
      "UNDEFINED",
      "null",
      "NULL",
      "Null",
      "None",
      "nil",
      "NaN",
      "nan",
      "N/A",
      "n/a",
      "#N/A",
      "\\N",
      "void",
    ],
    ...[
      "(not set)",
      "(null)",
      "(none)",
      "[null]",
      "<null>",
      '"null"',
      "'undefined'",
      '""',
      "`{x}`",
      '"{x}"',
      "(not provided)",
    ],
    ...["[object Object]", "[object Undefined]", "%5Bobject%20Object%5D", "true", "false"],
  ])("%s is recognised", (text) => {
    expect(isUnfilledTemplate(text)).toBe(true);
  });

  it.each([
    ...[
      "A[1]-{2}",
      "order-{7}",
      "{7}-A",
      "A-1001",
      "1001",
      "0",
      "-",
      "__",
      "#1001",
      "#1001#",
      "$1001",
      "[1001]",
      "(1001)",
    ],
    ...[
      "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}",
      "[A-1001]",
      "<1001@shop.example>",
      "{A1001}",
      "50%",
      "100%",
      "%41%42",
    ],
    ...[
      "nullarbor-1",
      "None-1",
      "undefined-7",
      "NaN1",
      "Nan's order",
      "A_B",
      "__A1001__",
      "_x_1",
      "a@b.example",
      "@1001",
    ],
    ...[
      "{lead_id}-1001",
      "pre{x}",
      "{x}post",
      "№ 7",
      "nil 1",
      "$5",
      "A|B",
      "~1~",
      "!urgent",
      "true-1",
      "Bestellung [neu]",
    ],
    ...["", "x".repeat(10_000), `{${"x".repeat(10_000)}`, "{".repeat(128), "-".repeat(128), ":7", "%zz"],
  ])("%s is none", (text) => {
    expect(isUnfilledTemplate(text)).toBe(false);
  });

  it("is looked for in a time that grows with the text alone", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(..."{}[]<>%$#_@|x1 -"), { maxLength: 128 }), (characters) => {
        expect(typeof isUnfilledTemplate(characters.join(""))).toBe("boolean");
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });
});
