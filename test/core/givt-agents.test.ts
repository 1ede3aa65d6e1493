import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceClassOf } from "../../src/core/device.ts";
import { isDeclaredCrawler, isLinkPreview, isMailImageProxy, isNonBrowser } from "../../src/core/givt-agents.ts";
import { BROWSER, CRAWLER } from "../support/builders.ts";

const SEED = 20_261_122;

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const ANDROID =
  "Mozilla/5.0 (Linux; Android 15; SM-S921B Build/AP3A.240905.015; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.102 Mobile Safari/537.36";

const kindOf = (userAgent: string) => {
  if (isLinkPreview(userAgent)) return "link_preview";
  if (isNonBrowser(userAgent)) return "non_browser_agent";
  return isDeclaredCrawler(userAgent) ? "declared_crawler" : "browser";
};

describe("programs that show a card of a shared link", () => {
  it.each([
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Slack-ImgProxy (+https://api.slack.com/robots)",
    "Twitterbot/1.0",
    "WhatsApp/2.23.20.0 A",
    "WhatsApp/2",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
    "Mozilla/5.0 (compatible; MicrosoftPreview/2.0; +https://aka.ms/MicrosoftPreview)",
    "Google-PageRenderer Google (+https://developers.google.com/+/web/snippet/)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Snap URL Preview Service; bot; snapchat; https://developers.snap.com/robots",
    "facebookexternalhit/1.1; kakaotalk-scrap/1.0; +https://devtalk.kakao.com/t/scrap/33984",
    "facebookexternalhit/1.1;line-poker/1.0",
    "Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)",
    "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
  ])("%s", (userAgent) => {
    expect(kindOf(userAgent)).toBe("link_preview");
  });
});

describe("agents of no browser", () => {
  it.each([
    "",
    " ",
    "-",
    "Mozilla/5.0",
    "curl/8.5.0",
    "Wget/1.21.4",
    "python-requests/2.32.3",
    "Python/3.12 aiohttp/3.9.5",
    "Go-http-client/1.1",
    "okhttp/4.12.0",
    "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A.240205.004)",
    "ExampleApp/42 CFNetwork/1498.700.2 Darwin/23.6.0",
    "Java/17.0.9",
    "Apache-HttpClient/4.5.14 (Java/17.0.9)",
    "axios/1.7.2",
    "node",
    "PostmanRuntime/7.39.0",
    "ExampleApp/1.2 (iPhone; iOS 18.5; Scale/3.00)",
    "Instagram",
    "Instagram 402.0.0.48.76",
    "Instagram/402.0 okhttp/4.12.0",
    "curl/8.5.0 [FBAN/FB4A;FBAV/567.0.0.50.73;]",
    "FBAN/FB4A;FBAV/567.0.0.50.73;",
    "[FBAN]",
    "FBiOSSDK/17.0.0",
    "FBAndroidSDK.16.3.0",
    "Snapchat/13.50.0.42",
    "com.zhiliaoapp.musically/2023001020",
    "com.example.app/2023001020 (Linux; U; Android 13; en_US; Pixel 7)",
  ])("%s", (userAgent) => {
    expect(kindOf(userAgent)).toBe("non_browser_agent");
  });
});

describe("crawlers that say so", () => {
  it.each([
    CRAWLER,
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36 (compatible; AdsBot-Google-Mobile; +http://www.google.com/mobile/adsbot.html)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
    "ExampleFetcher/1.0 (https://example.com/about)",
    "examplecrawler",
    "ExampleApp/1.0 (Android 9; examplebot)",
  ])("%s", (userAgent) => {
    expect(kindOf(userAgent)).toBe("declared_crawler");
  });
});

describe("people's browsers", () => {
  it.each([
    BROWSER,
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    `${IPHONE} Version/18.5 Mobile/15E148 Safari/604.1`,
    `${IPHONE} CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1`,
    `${IPHONE} GSA/390.0.8 Mobile/15E148 Safari/604.1`,
    `${IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/530.0.0.38.103;FBBV/796180021;FBDV/iPhone15,3;FBMD/iPhone;FBSN/iOS;FBSV/18.5;FBSS/3;FBCR/;FBID/phone;FBLC/de_DE;FBOP/80]`,
    `${ANDROID} [FB_IAB/FB4A;FBAV/530.0.0.47.109;]`,
    `${ANDROID} Instagram 402.0.0.48.76 Android (35/15; 480dpi; 1080x2340; samsung; SM-S921B; e1s; s5e9945; de_DE; 793450000; IABMV/1)`,
    `${IPHONE} Mobile/15E148 Instagram 402.0.0.32.105 (iPhone15,3; iOS 18_5; de_DE; de; scale=3.00; 1290x2796; 793000000; IABMV/1)`,
    `${IPHONE} Mobile/15E148 Safari Line/15.9.0`,
    `${ANDROID} KAKAOTALK/25.7.2 (INAPP)`,
    `${IPHONE} Mobile/15E148 Snapchat/13.50.0.45 (like Safari/8621.2.5.10.10, panda)`,
    `${ANDROID} Snapchat/13.50.0.42 (SM-S921B; Android 15#S921BXXS; gzip; )`,
    `${IPHONE} Mobile/22F76 Twitter for iPhone/11.10`,
    `${ANDROID} TwitterAndroid`,
    `${IPHONE} Mobile/22F76 LinkedInApp/9.31.2`,
    `${IPHONE} Mobile/15E148 [Pinterest/iOS]`,
    `${ANDROID} trill_400903 BytedanceWebview/d8a21c6 musical_ly_400903`,
    `${ANDROID} XWEB/1420013 MMWEBSDK/20250804 MMWEBID/4096 MicroMessenger/8.0.61.2900(0x28003D35) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64 Process/toolsmp`,
    "Mozilla/5.0 (Linux; Android 13; Discovery 3) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 12; CUBOT KING KONG 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV Safari/537.36",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80 (S60; SymbOS; Opera Mobi/23.348; U; en) Presto/2.5.25 Version/10.54",
    "UCWEB/2.0 (MIDP-2.0; U; Adr 4.4.2; ru; SM-G7102) U2/1.0.0 UCBrowser/9.9.1.554 U2/1.0.0 Mobile",
  ])("%s", (userAgent) => {
    expect(kindOf(userAgent)).toBe("browser");
  });

  it("are believed to hold no link preview, whatever app they are in", () => {
    expect(isLinkPreview(`${ANDROID} WhatsApp/2.25.20.80`)).toBe(false);
  });

  it("stay crawlers when a crawler's name stands outside the device", () => {
    expect(isDeclaredCrawler(`${ANDROID} (compatible; Examplebot/1.0)`)).toBe(true);
  });
});

const FACEBOOK =
  "[FBAN/FB4A;FBAV/567.0.0.50.73;FBBV/800000000;FBDM/{density=3.0,width=1080,height=2205};FBLC/de_DE;FBRV/0;FBCR/o2 - de;FBMF/samsung;FBBD/samsung;FBPN/com.facebook.katana;FBDV/SM-S921B;FBSV/15;FBOP/1;FBCA/arm64-v8a:;]";

describe("apps that follow links with a client of their own", () => {
  it.each([
    FACEBOOK,
    "[FBAN/FB4A;FBAV/567…;FBDV/SM-S921B;…]",
    FACEBOOK.replace("FB4A", "Orca-Android"),
    FACEBOOK.replace("FB4A", "EMA"),
    FACEBOOK.replaceAll("samsung", "CUBOT").replace("SM-S921B", "CUBOT"),
    FACEBOOK.padEnd(600, "x").slice(0, 100),
    `Dalvik/2.1.0 (Linux; U; Android 15; SM-S921B Build/AP3A.240905.015) ${FACEBOOK}`,
    "[FBAN/FBIOS;FBAV/530.0.0.38.103;FBBV/796180021;FBDV/iPhone15,3;FBMD/iPhone;FBSN/iOS;FBSV/18.5;FBLC/de_DE;FBOP/80]",
    "[FB_IAB/FB4A;FBAV/530.0.0.47.109;]",
    "Instagram 402.0.0.48.76 Android (35/15; 480dpi; 1080x2340; samsung; SM-S921B; e1s; s5e9945; de_DE; 793450000)",
    "Instagram 402.0.0.48.76 Android (33/13; 480dpi; 1080x2340; CUBOT; KING_KONG_7; mt6781; de_DE; 793450000)",
    "Instagram 402.0.0.32.105 (iPhone15,3; iOS 18_5; de_DE; de; scale=3.00; 1290x2796; 793000000) AppleWebKit/420+",
    "Barcelona 289.0.0.77.109 Android (34/14; 420dpi; 1080x2400; Google; Pixel 8; shiba; en_US; 500000000)",
    "com.zhiliaoapp.musically/2023001020 (Linux; U; Android 13; en_US; Pixel 7; Build/TD1A.220804.031;tt-ok/3.12.13.1)",
    "TikTok 31.5.0 rv:315010 (iPhone; iOS 16.5; en_US) Cronet",
    "Snapchat/13.50.0.42 (SM-S921B; Android 15#S921BXXS; gzip; ) V/MUSHROOM",
  ])("[fault A5] are believed to be people: %s", (userAgent) => {
    expect(kindOf(userAgent)).toBe("browser");
    expect(deviceClassOf(userAgent, null)).toBe("mobile");
  });

  it.each([
    ["declared_crawler", `${FACEBOOK} (compatible; Examplebot/1.0; +https://example.com/)`],
    ["link_preview", `${FACEBOOK} facebookexternalhit/1.1`],
  ])("are %s when they say so behind it", (kind, userAgent) => {
    expect(kindOf(userAgent)).toBe(kind);
  });
});

it("an agent without a browser's form is never taken for a person's", () => {
  const part = fc.constantFrom(
    "Example",
    "/1.0",
    " (",
    "Android 9; ",
    "examplebot",
    "Cubot ",
    ")",
    "http://",
    "toolsmp",
    "\u00fc",
  );
  fc.assert(
    fc.property(
      fc.array(part).map((parts) => parts.join("")),
      (userAgent) => {
        expect(kindOf(userAgent)).not.toBe("browser");
      },
    ),
    { seed: SEED },
  );
});

it("a program that does not call itself a crawler is none", () => {
  for (const userAgent of ["", "curl/8.5.0", "okhttp/4.12.0"]) expect(isDeclaredCrawler(userAgent)).toBe(false);
});

describe("mail's image proxies", () => {
  it.each([
    ["Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", true],
    ["YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", true],
    ["Mozilla/5.0", false],
    [CRAWLER, false],
    [BROWSER, false],
  ])("%s: %s", (userAgent, expected) => {
    expect(isMailImageProxy(userAgent)).toBe(expected);
  });
});

it("reads an agent of full length without going back and forth", () => {
  for (const part of ["mozilla/5", "android 1; ", "android 1", ".catcher1", "(", "Mozilla/5.0 ("]) {
    const userAgent = part.repeat(60_000 / part.length);
    expect(typeof kindOf(userAgent)).toBe("string");
  }
});
