import { describe, expect, it } from "vitest";
import { DEVICE_CLASSES, deviceClassOf, isDeviceClass } from "../../src/core/device.ts";
import { BROWSER } from "../support/builders.ts";

const AGENTS: Record<string, string[]> = {
  desktop: [
    BROWSER,
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
  ],
  mobile: [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
    "Mozilla/5.0 (Linux; Android 13; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/52.0 Mobile Safari/537.36 Edge/15.15063",
    "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
  ],
  tablet: [
    "Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Android 13; Tablet; rv:132.0) Gecko/132.0 Firefox/132.0",
    "Mozilla/5.0 (Linux; Android 9; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/108.4.6 like Chrome/108.0.5359.220 Safari/537.36",
  ],
  tv: [
    "Mozilla/5.0 (SMART-TV; LINUX; Tizen 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/5.0 TV Safari/537.36",
    "Mozilla/5.0 (Linux; Tizen 2.4.0) AppleWebKit/538.1 (KHTML, like Gecko) SamsungBrowser/1.1 TV Safari/538.1",
    "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
    "Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7633) AppleWebKit/537.36 (KHTML, like Gecko) Silk/108.4.6 like Chrome/108.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 7.1.2; AFTS Build/NS6294) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/41.99900.2250.0242 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 9; BRAVIA 4K UR2) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/104.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.4430.225 Safari/537.36 CrKey/1.56.500000",
    "Mozilla/5.0 (Linux; Andr0id 9; BRAVIA 4K) AppleWebKit/537.36 (KHTML, like Gecko) OPR/46.0 HbbTV/1.5.1 (+DRM; Sony)",
    "Roku4640X/DVP-7.70 (297.70E04154A)",
    "Roku/DVP-12.0 (12.0.0.4182-88)",
    "AppleTV11,1/11.1",
    "AppleCoreMedia/1.0.0.12B466 (Apple TV; U; CPU OS 8_1_3 like Mac OS X; en_us)",
  ],
  other: [
    "",
    "curl/8.5.0",
    "python-requests/2.32.3",
    "Mozilla/5.0 (PlayStation; PlayStation 5/6.00) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Craft after/1.0",
  ],
};

describe("deviceClassOf", () => {
  for (const [device, agents] of Object.entries(AGENTS)) {
    it.each(agents)(`calls %j ${device}`, (agent) => {
      expect(deviceClassOf(agent, null)).toBe(device);
    });
  }

  it("takes the client hint for mobile where the agent does not say tablet or television", () => {
    expect(deviceClassOf(BROWSER, "?1")).toBe("mobile");
    expect(deviceClassOf("", "?1")).toBe("mobile");
    expect(deviceClassOf(BROWSER, "?0")).toBe("desktop");
    expect(deviceClassOf(AGENTS["tablet"]?.[1] ?? "", "?1")).toBe("tablet");
  });

  it("is quick on hostile agents of the greatest length", () => {
    const started = performance.now();
    for (const word of ["tizen ", "android ", "mobile ", "aft"]) deviceClassOf(word.repeat(512 / word.length), null);
    expect(performance.now() - started).toBeLessThan(100);
  });
});

describe("isDeviceClass", () => {
  it("knows its classes and nothing else", () => {
    expect(DEVICE_CLASSES.every(isDeviceClass)).toBe(true);
    for (const value of ["phone", "Desktop", "", null, 1]) expect(isDeviceClass(value)).toBe(false);
  });
});
