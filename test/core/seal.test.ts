import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/core/base64url.ts";
import { importKeyRing } from "../../src/core/key-ring.ts";
import { isSealed, sealText } from "../../src/core/seal.ts";
import { aPayload } from "../support/builders.ts";
import { TEST_TOKEN_KEYS } from "../support/secrets.ts";
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

  it("is not believed of a key with limits, which is in other hands", async () => {
    const theirs = await importKeyRing({ limited: TEST_TOKEN_KEYS.limited.key }, "limited");
    if (!theirs.ok) throw new Error(theirs.error);
    const forged = await sealText(theirs.value, TEXT);
    expect(await isSealed(theirs.value, TEXT, forged)).toBe(true);
    expect(await isSealed(ring, TEXT, forged)).toBe(false);
  });

  it("no longer holds when its key is retired", async () => {
    const { "test-1": key, "test-2": second } = TEST_TOKEN_KEYS;
    const later = await importKeyRing({ "test-1": { key, retired: true }, "test-2": second }, "test-2");
    expect(later.ok && (await isSealed(later.value, TEXT, seal))).toBe(false);
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
