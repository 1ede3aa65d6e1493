/** CSV: quoting, line ends, and cells that a spreadsheet would run. */
import { describe, expect, it } from "vitest";
import { encodeCsv } from "../../src/report/answer/csv.ts";

describe("encodeCsv", () => {
  it("ends every row with CRLF, also the only one", () => {
    expect(encodeCsv(["ad_id", "clicks"], [])).toBe("ad_id,clicks\r\n");
    expect(encodeCsv(["ad_id", "clicks"], [["ad_9", 3]])).toBe("ad_id,clicks\r\nad_9,3\r\n");
  });

  it("quotes what needs it and doubles quotes", () => {
    const cells = ["a,b", 'say "x"', "two\r\nlines", "", "plain"];
    expect(encodeCsv(["h"], [cells])).toBe('h\r\n"a,b","say ""x""","two\r\nlines",,plain\r\n');
  });

  it("defuses them in full width, and behind the semicolon at which another cell may begin", () => {
    const cells = ["\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)", "Spring;=1+1;x", 'a"b;@SUM(A1)', "a; b=c;d"];
    expect(encodeCsv(["h"], [cells])).toBe(
      `h\r\n'\uff1d1+1,'\uff0b1,'\uff0d1,'\uff20SUM(A1),Spring;'=1+1;x,"a""b;'@SUM(A1)",a; b=c;d\r\n`,
    );
  });

  it("leaves every number as it is", () => {
    const numbers = [-5, -0.000001, -1_234.5, -9_007_199_254_740_993n, 0, "-12.50", "+7"];
    expect(encodeCsv(["h"], [numbers])).toBe("h\r\n-5,-0.000001,-1234.5,-9007199254740993,0,-12.50,+7\r\n");
  });

  it("defuses formulas and leaves plain numbers", () => {
    const cells = ["=1+1", "+1+1", "-2+3", "@SUM(A1)", "\tx", "\rx", "=cmd|' /C calc'!A0", -5, "-5", "+7.25", "1=1"];
    expect(
      encodeCsv(
        ["h"],
        cells.map((cell) => [cell]),
      ),
    ).toBe(
      [
        "h",
        "'=1+1",
        "'+1+1",
        "'-2+3",
        "'@SUM(A1)",
        "'\tx",
        '"\'\rx"',
        "'=cmd|' /C calc'!A0",
        "-5",
        "-5",
        "+7.25",
        "1=1",
        "",
      ].join("\r\n"),
    );
  });
});
