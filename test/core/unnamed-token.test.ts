import { describe, expect, it } from "vitest";
import { decodeBase64url, decodeUtf8, parseJson } from "../../src/core/base64url.ts";
import { ID_LENGTH_MAX, LANDING_URL_BYTES_MAX, TOKEN_LENGTH_MAX } from "../../src/core/limits.ts";
import { verifyToken } from "../../src/core/token.ts";
import { withoutUser } from "../../src/core/unnamed-token.ts";
import { aToken, POLICY, testRing } from "../support/tokens.ts";

const verified = async (token: string) => {
  const result = await verifyToken(token, { ring: await testRing(), policy: POLICY, nowMs: Date.now() });
  if (!result.ok) throw new Error(result.error.reason);
  return result.value;
};

function payloadOf(token: string): Record<string, unknown> {
  const bytes = decodeBase64url(token.split(".")[1] ?? "") ?? new Uint8Array();
  return parseJson(decodeUtf8(bytes) ?? "") as Record<string, unknown>;
}

describe("[attack 15] a token without its user", () => {
  it("verifies to the same claims but the user's, and says that one is missing", async () => {
    const all = { grp: "grp_1", crt: "cr_1", plc: "pl_1", fmt: "banner", dur: 1, tst: 1 };
    const token = await aToken({ ...all, uid: "u_42" });
    const kept = await withoutUser(token, await testRing());
    expect(await verified(kept)).toEqual({ ...(await verified(token)), uid: null });
    expect(payloadOf(kept)).toMatchObject({ without_user: 1 });
    expect(payloadOf(kept)).not.toHaveProperty("uid");
  });

  it.each(["sub", "email", "user", "uid2", "name", "constructor", "x"])(
    "holds no claim that an ad server carries for itself: %s",
    async (name) => {
      const token = await aToken({ [name]: "person@mail.example" });
      const kept = await withoutUser(token, await testRing());
      expect(Object.hasOwn(payloadOf(token), name)).toBe(true);
      expect(Object.hasOwn(payloadOf(kept), name)).toBe(false);
      expect(await verified(kept)).toEqual(await verified(token));
    },
  );

  it("is the received token where that names nobody, and the kept one when asked again", async () => {
    const token = await aToken();
    expect(await withoutUser(token, await testRing())).toBe(token);
    const kept = await withoutUser(await aToken({ uid: "u_42" }), await testRing());
    expect(payloadOf(await withoutUser(kept, await testRing()))).toEqual(payloadOf(kept));
  });

  it("is short enough for a token, whatever the kept claims hold", async () => {
    const id = (first: string) => first.padEnd(ID_LENGTH_MAX, "x");
    const ids = Object.fromEntries(
      ["jti", "adv", "cmp", "ad", "pub", "grp", "crt", "plc", "fmt"].map((name) => [name, id(name)]),
    );
    const url = "https://shop.example/?".padEnd(LANDING_URL_BYTES_MAX, '"');
    const payload = { ...ids, url, cpc: 1_000_000_000, dur: 1, tst: 1 };
    const kept = await withoutUser(await aToken({ ...payload, uid: "u" }), await testRing());
    expect(kept.length).toBeLessThan(TOKEN_LENGTH_MAX - 100);
    expect(await verified(kept)).toMatchObject({ url, uid: null });
  });

  it("is signed by the key that signs here, whichever key the ad server used", async () => {
    const token = await aToken({ uid: "u_42" }, "test-2");
    const kept = await withoutUser(token, await testRing("test-1"));
    const header = parseJson(decodeUtf8(decodeBase64url(kept.split(".")[0] ?? "") ?? new Uint8Array()) ?? "");
    expect(header).toMatchObject({ kid: "test-1", alg: "HS256" });
    expect((await verified(kept)).uid).toBeNull();
  });

  it("is made of a verified token only", async () => {
    await expect(withoutUser("a.b.c", await testRing())).rejects.toThrow("a verified token has a payload");
  });
});
