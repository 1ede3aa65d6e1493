import { describe, expect, it } from "vitest";
import { encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import { USER_KEY_BYTES, userKeyOf } from "../../src/core/user-key.ts";
import { anOpenedClick } from "../support/builders.ts";

const USER_HASH = encodeBase64url(Uint8Array.from({ length: USER_KEY_BYTES }, (_, at) => at));
const hexOf = (key: Uint8Array | null) => key && Buffer.from(key).toString("hex");
const keyOf = (...of: Parameters<typeof anOpenedClick>) => hexOf(userKeyOf(anOpenedClick(...of)));

describe("the key of a user", () => {
  it("is a hash of advertiser and uid, never the uid itself", async () => {
    const digest = await crypto.subtle.digest("SHA-256", encodeUtf8("user\u0005adv_1u_42"));
    const key = keyOf({}, { uid: "u_42" });
    expect(key).toBe(hexOf(new Uint8Array(digest).subarray(0, USER_KEY_BYTES)));
    expect(keyOf({ userHash: USER_HASH, userAgent: "another" }, { uid: "u_42" })).toBe(key);
  });

  it("never leaves its advertiser: one uid is two users for two of them, however the texts join", () => {
    const keys = [
      keyOf({}, { adv: "adv", uid: "x1" }),
      keyOf({}, { adv: "advx", uid: "1" }),
      keyOf({}, { adv: "adv_2", uid: "x1" }),
      keyOf({}, { adv: "adv", uid: "x2" }),
    ];
    expect(new Set(keys).size).toBe(4);
  });

  it("is the edge's hash of address and agent where the token names nobody", () => {
    expect(keyOf({ userHash: USER_HASH })).toBe("000102030405060708090a0b");
  });

  it.each([
    ["there is neither uid nor hash", { userHash: null }, {}],
    ["Sec-GPC asks for it, whatever the edge knew", { gpc: true, userHash: USER_HASH }, {}],
    ["Sec-GPC asks for it, whatever the token says", { gpc: true }, { uid: "u_42" }],
    ["the hash is too short", { userHash: USER_HASH.slice(4) }, {}],
    ["the hash is too long", { userHash: `${USER_HASH}AAAA` }, {}],
    ["the hash is no base64url", { userHash: "!".repeat(16) }, {}],
    ["the hash is empty", { userHash: "" }, {}],
  ])("is nobody's when %s", (_, event, claims) => {
    expect(userKeyOf(anOpenedClick(event, claims))).toBeNull();
  });
});
