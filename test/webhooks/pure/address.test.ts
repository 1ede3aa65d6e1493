/** Where a webhook may be sent: no spelling of an inner address gets through. */
import { describe, expect, it } from "vitest";
import { checkAddress, isPublicAddress } from "../../../src/webhooks/address.ts";

const NONE: ReadonlySet<string> = new Set();
const isTaken = (text: string, hosts = NONE) => checkAddress(text, hosts).ok;

describe("the address of a webhook", () => {
  it.each([
    "https://hooks.shop.com/clicks",
    "https://hooks.shop.com:443/clicks?key=1",
    "HTTPS://HOOKS.SHOP.COM/",
    "https://bücher.de/",
  ])("may be %s", (text) => expect(isTaken(text)).toBe(true));

  it.each([
    ...[
      "http://hooks.shop.com/",
      "ftp://hooks.shop.com/",
      "javascript:alert(1)",
      "//hooks.shop.com/",
      "hooks.shop.com",
    ],
    ...["https://user@hooks.shop.com/", "https://user:pass@hooks.shop.com/", "https://hooks.shop.com@127.0.0.1/"],
    ...["https://hooks.shop.com:22/", "https://hooks.shop.com:8443/", "https://hooks.shop.com/#part"],
    ...["https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/"],
    ...[
      "https://017700000001/",
      "https://0x7f.1/",
      "https://127.0.0.1./",
      "https://①②⑦.⓪.⓪.①/",
      "https://127%2e0.0.1/",
    ],
    ...["https://10.0.0.1/", "https://192.168.1.1/", "https://172.16.0.1/", "https://169.254.169.254/latest/meta-data"],
    ...[
      "https://[::1]/",
      "https://[::]/",
      "https://[::ffff:127.0.0.1]/",
      "https://[::ffff:7f00:1]/",
      "https://[fe80::1]/",
    ],
    ...["https://[fd00::1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://93.184.216.34/"],
    ...["https://localhost/", "https://LOCALHOST./", "https://a.localhost/", "https://metadata.google.internal/"],
    ...[
      "https://printer.local/",
      "https://router.lan/",
      "https://nas.home.arpa/",
      "https://intranet/",
      "https://x.test/",
    ],
    ...[`https://hooks.shop.com/${"a".repeat(2_100)}`, "", " ", "https://", "https:///clicks"],
  ])("may not be %s", (text) => expect(isTaken(text)).toBe(false));

  it("may be one that the operator has named for local runs, with its port, and no other", () => {
    const hosts = new Set(["localhost:4000"]);
    expect(isTaken("http://localhost:4000/hook", hosts)).toBe(true);
    for (const text of [
      "http://localhost:4001/",
      "http://localhost/",
      "http://127.0.0.1:4000/",
      "ftp://localhost:4000/",
    ]) {
      expect(isTaken(text, hosts)).toBe(false);
    }
    expect(isTaken("http://user@localhost:4000/", hosts)).toBe(false);
  });
});

describe("an address that a name resolves to", () => {
  it.each(["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "2001:4860:4860::8888"])("may be %s", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    ...["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.31.255.255"],
    ...["192.0.0.1", "192.0.2.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1"],
    ...["255.255.255.255", "::", "::1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::7f00:1", "64:ff9b::a00:1", "100::1"],
    ...[
      "2001:db8::1",
      "2001::1",
      "2002:a00:1::",
      "fc00::1",
      "fd12::1",
      "fe80::1",
      "fec0::1",
      "ff02::1",
      "4000::1",
      "x",
      "",
    ],
  ])("may not be %s", (address) => expect(isPublicAddress(address)).toBe(false));
});
