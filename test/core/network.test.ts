import { describe, expect, it } from "vitest";
import { networkOf } from "../../src/core/network.ts";

describe("a network", () => {
  it.each([
    ["203.0.113.5", "203.0.113.5"],
    [" 203.0.113.5 ", "203.0.113.5"],
    ["::ffff:203.0.113.5", "203.0.113.5"],
    ["::FFFF:cb00:7105", "203.0.113.5"],
    ["0:0:0:0:0:ffff:203.0.113.5", "203.0.113.5"],
    ["2001:db8:0:1::9", "2001:db8:0:1"],
    ["2001:0DB8:0000:0001:ffff:1:2:3", "2001:db8:0:1"],
    ["2001:db8::1:0:0:9", "2001:db8:0:0"],
    ["2001:db8:0:1::", "2001:db8:0:1"],
    ["::1", "0:0:0:0"],
    ["::", "0:0:0:0"],
    ["64:ff9b::203.0.113.5", "64:ff9b:0:0"],
  ])("of %s is %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it.each(["", "unknown", "1:2:3", "::1::2", "1:2:3:4:5:6:7:8:9", "2001:db8::g", "fe80::1%eth0", ":::"])(
    "of what is no address, %j, is what stands there",
    (text) => {
      expect(networkOf(text)).toBe(text);
    },
  );
});
