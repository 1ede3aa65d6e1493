import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/core/base64url.ts";
import { isSealed, sealText } from "../../src/core/seal.ts";
import { aPayload } from "../support/builders.ts";
import { aKeyRing, aSignedToken } from "../support/signing.ts";

const TEXT = '{"a":1}\nsecond line ü';
const ring = await aKeyRing();
const seal = await sealText(ring, TEXT);

describe("a seal", () => {
  it("holds for exactly the text that was sealed", async () => {
    expect(await isSealed(ring, TEXT, seal)).toBe(true);
    for (const text of [`${TEXT} `, TEXT.slice(0, -1), "", `clickledger seal v1\n${TEXT}`]) {
      expect(await isSealed(ring, text, seal)).toBe(false);
    }
  });

  it("names the key that sealed, and still holds when another key signs", async () => {
    expect(seal.kid).toBe("test-1");
    expect(await isSealed(await aKeyRing("test-2"), TEXT, seal)).toBe(true);
  });

  it.each([
    ["an unknown key", { ...seal, kid: "retired" }],
    ["a key that objects inherit", { ...seal, kid: "constructor" }],
    ["another key of the ring", { ...seal, kid: "test-2" }],
    ["no MAC", { ...seal, mac: "" }],
    ["a padded MAC", { ...seal, mac: `${seal.mac}=` }],
    ["a cut MAC", { ...seal, mac: seal.mac.slice(0, -3) }],
    ["text that is not base64url", { ...seal, mac: "!" }],
  ])("does not hold with %s", async (_, wrong) => {
    expect(await isSealed(ring, TEXT, wrong)).toBe(false);
  });

  it("is never the signature of a token, and a token's signature never a seal", async () => {
    const token = await aSignedToken(aPayload());
    const signed = token.slice(0, token.lastIndexOf("."));
    const signature = token.slice(token.lastIndexOf(".") + 1);
    expect(await isSealed(ring, signed, { kid: "test-1", mac: signature })).toBe(false);
    const { mac } = await sealText(ring, signed);
    expect(mac).not.toBe(signature);
    expect(encodeUtf8("clickledger seal v1\n")[0]).not.toBe(encodeUtf8(token)[0]);
  });
});
