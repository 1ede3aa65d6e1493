/** The methodology as it is served: what is built, for anybody, for an hour. */
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { methodologyOf } from "../../src/well-known/methodology.ts";

const ask = (method = "GET", path = "/.well-known/ad-measurement.json") =>
  exports.default.fetch(`https://track.example${path}`, { method });

describe("/.well-known/ad-measurement.json", () => {
  it("serves what is built from the constants and the settings", async () => {
    const response = await ask();
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(methodologyOf(readConfig(env)));
  });

  it("follows the settings of the deployment", async () => {
    const changed = { LATE_POLICY: "accept", ALLOWED_LATENESS_S: "7", TOKEN_TTL_MAX_S: "3600", HOURS_KEPT_DAYS: "99" };
    const settings = { ...env, ...changed, HOT_MINUTES_H: "24", MINUTES_KEPT_DAYS: "77", DAYS_KEPT_DAYS: "111" };
    expect(methodologyOf(readConfig(settings)).settings).toEqual({
      latePolicy: { mode: "accept", allowedLatenessSeconds: 7 },
      tokenLifeMaxSeconds: 3_600,
      dedupHorizonSeconds: 3_600 + 9 * 86_400,
      rawEventsKeptDays: 90,
      factsKeptDays: { byMinute: 77, byHour: 99, byDay: 111 },
      minutesInDatabaseHours: 24,
    });
  });

  it("is JSON for any origin, cached for an hour, and tells nothing that is secret", async () => {
    const { headers, body } = await ask();
    expect(headers.get("Content-Type")).toBe("application/json");
    expect(headers.get("Cache-Control")).toBe("public, max-age=3600");
    expect(headers.get("Access-Control-Allow-Origin")).toBe("*");
    const text = await new Response(body).text();
    for (const secret of [env.ADMIN_API_KEY, env.TOKEN_SIGNING_KID]) expect(text).not.toContain(secret);
  });

  it("answers HEAD with the same headers and no body", async () => {
    const [head, get] = [await ask("HEAD"), await ask()];
    expect([head.status, await head.text()]).toEqual([200, ""]);
    for (const name of ["Content-Type", "Cache-Control", "Access-Control-Allow-Origin"]) {
      expect(head.headers.get(name)).toBe(get.headers.get(name));
    }
  });

  it("can only be read", async () => {
    for (const method of ["POST", "PUT", "DELETE"]) {
      const response = await ask(method);
      expect([response.status, response.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
      expect(await response.json()).toMatchObject({ type: "/problems/method-not-allowed" });
    }
  });

  it("stands at this address alone", async () => {
    expect((await ask("GET", "/.well-known/ad-measurement")).status).toBe(404);
    expect((await ask("GET", "/.well-known/ad-measurement.json/x")).status).toBe(404);
  });
});
