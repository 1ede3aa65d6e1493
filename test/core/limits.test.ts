import { describe, expect, it } from "vitest";
import * as limits from "../../src/core/limits.ts";
import { encodeMessage } from "../../src/core/message.ts";
import { mintToken } from "../../src/core/token.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { aClick, aPayload } from "../support/builders.ts";
import { aContext } from "../support/signing.ts";

describe("limits", () => {
  it.each(Object.entries(limits))("%s is a positive integer", (_, value) => {
    expect(Number.isSafeInteger(value) && value > 0).toBe(true);
  });

  it("name their unit or say that they are a count", () => {
    const named =
      /_(MS|S|DAYS|BYTES|CHARS|LENGTH|MICROS|EVENTS|POINTS|CELLS|SHARDS|SALTS|TOKENS|CONVERSIONS|COUNTS?|BUCKETS|MACROS|PARAMETERS|POSTINGS|CORRECTIONS|REVISIONS|PAGES)(_|$)/;
    for (const name of Object.keys(limits)) expect(`_${name}`).toMatch(named);
  });

  it("let a token with the longest URL and every optional id pass, as TOKEN_LENGTH_MAX says", async () => {
    const id = "a".repeat(limits.ID_LENGTH_MAX);
    const ids = Object.fromEntries("jti adv cmp ad pub grp crt plc fmt uid".split(" ").map((claim) => [claim, id]));
    const url = "https://shop.example/".padEnd(limits.LANDING_URL_BYTES_MAX, "a");
    const minted = await mintToken(aPayload({ ...ids, url, slt: 64, fwd: 1, dur: 1, tst: 1 }), await aContext());
    expect(minted.ok).toBe(true);
    if (minted.ok) expect(minted.value.length).toBeLessThan(limits.TOKEN_LENGTH_MAX);
  });

  it("let the largest single event fit into a message", () => {
    const largest = encodeTokenEvent(
      aClick({
        token: "t".repeat(limits.TOKEN_LENGTH_MAX),
        // U+0001 is the worst case of JSON: six characters for one.
        userAgent: "\u0001".repeat(limits.USER_AGENT_LENGTH_MAX),
        referrerHost: "\u0001".repeat(limits.REFERRER_HOST_LENGTH_MAX),
        hints: Object.fromEntries(["brands", "platform", "mobile"].map((hint) => [hint, "\u0001".repeat(128)])),
      }),
    );
    expect(encodeMessage([largest]).length).toBeLessThan(limits.MESSAGE_BYTES_MAX);
  });
});
