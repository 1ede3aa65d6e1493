import { describe, expect, it } from "vitest";
import { behindAppBrowser, isAppBrowser } from "../../src/core/app-browser.ts";

describe("an app's own agent", () => {
  it.each([
    ["[FBAN/FB4A;FBAV/567.0;FBDV/SM-S921B;] tail", " tail"],
    ["Dalvik/2.1.0 (Linux; U; Android 15) [FBAN/FB4A;FBAV/567.0;]", ""],
    ["[FBAN/FB4A;FBAV/567.0;FBDV/cut off", ""],
    ["Snapchat/13.50.0.42 (SM-S921B; Android 15#S921BXXS; gzip; ) V/MUSHROOM", " V/MUSHROOM"],
  ])("ends with its device: %s", (userAgent, appended) => {
    expect(isAppBrowser(userAgent)).toBe(true);
    expect(behindAppBrowser(userAgent)).toBe(appended);
  });

  it.each([
    "",
    "Dalvik/2.1.0 (Linux; U; Android 15; Pixel 8)",
    "okhttp/4.12.0 [FBAN/FB4A;]",
    "xSnapchat/1 (a; Android 1)",
  ])("is not %j", (userAgent) => {
    expect(isAppBrowser(userAgent)).toBe(false);
    expect(behindAppBrowser(userAgent)).toBeNull();
  });

  it("is read without going back and forth, whatever its length", () => {
    for (const part of ["[fban/a;", "dalvik/1 (", "snapchat/1 (a; ", "instagram 1.", "com.ss.android.ugc."]) {
      expect(typeof isAppBrowser(part.repeat(60_000 / part.length))).toBe("boolean");
    }
  });
});
