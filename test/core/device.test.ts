import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { DEVICE_CLASSES, deviceClassOf, isDeviceClass } from "../../src/core/device.ts";
import { BROWSER } from "../support/builders.ts";

type Listed = { readonly userAgent: string; readonly deviceCategory: string };
const { top } = createRequire(import.meta.url)("user-agents") as { top(count: number): Listed[] };

const ANDROID_13 = "Mozilla/5.0 (Linux; Android 13; SM-A536B Build/TP1A.220624.014; wv) AppleWebKit/537.36";
const PHONE_VIEW = `${ANDROID_13} (KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.102 Mobile Safari/537.36`;
const TABLET_VIEW =
  "Mozilla/5.0 (Linux; Android 12; SM-X700 Build/SP1A.210812.016; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.102 Safari/537.36";
const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const IPAD = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";

/** What apps append to the agent of their web view; some of it says Android again, or names a tablet. */
const APP_WORDS = [
  "Instagram 333.0.0.42.91 Android (31/12; 420dpi; 1080x2113; samsung; SM-A536B; a53x; s5e8825; en_US; 600000000)",
  "[FB_IAB/FB4A;FBAV/530.0.0.47.109;]",
  "[FB_IAB/Orca-Android;FBAV/512.0.0.50.110;]",
  "trill_400903 BytedanceWebview/d8a21c6 musical_ly_400903 JsSdk/1.0 NetType/WIFI AppName/musical_ly ByteLocale/en",
  "Snapchat/13.50.0.42 (SM-A536B; Android 13#A536BXXS; gzip; )",
  "Line/15.9.0/IAB",
  "XWEB/1420013 MMWEBSDK/20250804 MicroMessenger/8.0.61.2900(0x28003D35) WeChat/arm64 Android Tablet/0 Process/toolsmp",
  "[Pinterest/Android]",
  "KAKAOTALK/25.7.2 (INAPP)",
  "TwitterAndroid",
  "GSA/16.30.59.29.arm64",
  "LinkedInApp/4.1.1100 isTablet/false device/Android",
  "AmazonWebView/Amazon Kindle/8.120 Android",
  "OPR/88.0.4474.79 (Android; Tablet layout off)",
];

const AGENTS: Record<string, string[]> = {
  desktop: [
    BROWSER,
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; SLCC2; Tablet PC 2.0)",
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
    "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16",
    "Opera/9.80 (Android 4.1.2; Linux; Opera Mobi/ADR-1301080958) Presto/2.11.355 Version/12.10",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80 (S60; SymbOS; Opera Mobi/23.348; U; en) Presto/2.5.25 Version/10.54",
    "UCWEB/2.0 (Linux; U; Adr 9; en-US; RMX1911) U2/1.0.0 UCBrowser/13.4.0.1306 U2/1.0.0 Mobile",
    "UCWEB/2.0 (MIDP-2.0; U; Adr 4.4.2; ru; SM-G7102) U2/1.0.0 UCBrowser/9.9.1.554 U2/1.0.0",
    "Mozilla/5.0 (Linux; U; Android 11; en-US; RMX2185) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.4.0.1306 Mobile Safari/537.36",
    "BlackBerry9700/5.0.0.862 Profile/MIDP-2.1 Configuration/CLDC-1.1 VendorID/120",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    `${IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/530.0.0.38.103;FBDV/iPhone15,3;FBMD/iPhone;FBSN/iOS;FBID/phone;FBOP/80]`,
    `${IPHONE} Mobile/15E148 Instagram 402.0.0.32.105 (iPhone15,3; iOS 18_5; de_DE; scale=3.00; 1290x2796)`,
    `${IPHONE} Mobile/15E148 AmazonWebView/Kindle/7.30`,
    "[FBAN/FB4A;FBAV/567.0.0.50.73;FBBV/800000000;FBDM/{density=3.0,width=1080,height=2205};FBLC/de_DE;FBCR/o2 - de;FBMF/samsung;FBBD/samsung;FBPN/com.facebook.katana;FBDV/SM-S921B;FBSV/15;FBOP/1;FBCA/arm64-v8a:;]",
    "Instagram 402.0.0.48.76 Android (35/15; 480dpi; 1080x2340; samsung; SM-S921B; e1s; s5e9945; de_DE; 793450000)",
    "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A.240205.004)",
  ],
  tablet: [
    "Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Android 13; Tablet; rv:132.0) Gecko/132.0 Firefox/132.0",
    "Mozilla/5.0 (Linux; Android 9; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/108.4.6 like Chrome/108.0.5359.220 Safari/537.36",
    "Mozilla/5.0 (Linux; U; Android 4.0.3; en-us; KFTT Build/IML74K) AppleWebKit/535.19 (KHTML, like Gecko) Silk/3.4 Mobile Safari/535.19 Silk-Accelerated=true",
    "Mozilla/5.0 (X11; U; Linux armv7l like Android; en-us) AppleWebKit/531.2+ (KHTML, like Gecko) Version/5.0 Safari/533.2+ Kindle/3.0+",
    "Mozilla/5.0 (PlayBook; U; RIM Tablet OS 2.1.0; en-US) AppleWebKit/536.2+ (KHTML, like Gecko) Version/7.2.1.0 Safari/536.2+",
    "Opera/9.80 (iPad; Opera Mini/7.1.32694/27.1407; U; en) Presto/2.8.119 Version/11.10",
    "Opera/9.80 (Android 3.2.1; Linux; Opera Tablet/ADR-1301080958) Presto/2.11.355 Version/12.10",
    `${IPAD} Version/17.5 Mobile/15E148 Safari/604.1`,
    `${IPAD} Mobile/15E148 Instagram 333.0.0.30.109 (iPad13,8; iPadOS 17_5; en_US; scale=2.00; 1668x2388)`,
    `${IPHONE} Mobile/15E148 Instagram 333.0.0.30.109 (iPad13,8; iPadOS 17_5; en_US; scale=2.00; 750x1334)`,
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) [FBAN/FBIOS;FBAV/530.0.0.38.103;FBDV/iPad14,3;FBMD/iPad;FBSN/iPadOS;FBCR/T-Mobile;FBID/tablet]",
    TABLET_VIEW,
    `${TABLET_VIEW} Instagram 333.0.0.42.91 Android (31/12; 320dpi; 1600x2452; samsung; SM-X700; gts8wifi; qcom; en_US)`,
    `${TABLET_VIEW} [FB_IAB/FB4A;FBAV/530.0.0.47.109;]`,
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
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox Series X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
    "Mozilla/5.0 (Windows Phone 10.0; Android 4.2.1; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/46.0.2486.0 Mobile Safari/537.36 Edge/13.10586",
    "Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/606.4 (KHTML, like Gecko) NF/6.0.1.15.4 NintendoBrowser/5.1.0.20393",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
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

  it.each(APP_WORDS)(
    "[fault A1] calls a phone mobile and a tablet a tablet in the web view of an app that appends %j",
    (words) => {
      expect(deviceClassOf(`${PHONE_VIEW} ${words}`, null)).toBe("mobile");
      expect(deviceClassOf(`${PHONE_VIEW} ${words}`, "?1")).toBe("mobile");
      expect(deviceClassOf(`${PHONE_VIEW} ${words}`, "?0")).toBe("mobile");
      expect(deviceClassOf(`${TABLET_VIEW} ${words}`, "?0")).toBe("tablet");
      expect(deviceClassOf(`${TABLET_VIEW} ${words}`, null)).toBe("tablet");
    },
  );

  it("[fault A1] asks the client hint for mobile before the agent, televisions excepted", () => {
    for (const [device, agents] of Object.entries(AGENTS)) {
      const expected = device === "tv" ? "tv" : "mobile";
      for (const agent of agents) expect([agent, deviceClassOf(agent, "?1")]).toEqual([agent, expected]);
    }
  });

  it("leaves what does not ask for a phone's page to the agent: desktops and tablets send the same hint", () => {
    for (const [device, agents] of Object.entries(AGENTS)) {
      for (const agent of agents) expect([agent, deviceClassOf(agent, "?0")]).toEqual([agent, device]);
    }
  });

  it("[fault A1] agrees with the classes that a public list of agents gives", () => {
    const wrong = top(1_000_000).filter(
      ({ userAgent, deviceCategory }) => deviceClassOf(userAgent, null) !== deviceCategory,
    );
    expect(new Set(wrong.map(({ userAgent }) => userAgent))).toEqual(new Set());
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
