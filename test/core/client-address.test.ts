import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientOf } from "../../src/core/client-address.ts";

const SEED = 20_261_128;

describe("the client of an address", () => {
  it.each([
    ["203.0.113.5", "203.0.113.5"],
    [" 203.0.113.5 ", "203.0.113.5"],
    ["::ffff:203.0.113.5", "203.0.113.5"],
    ["::FFFF:203.0.113.5", "203.0.113.5"],
    ["::ffff:cb00:7105", "203.0.113.5"],
    ["0:0:0:0:0:ffff:cb00:7105", "203.0.113.5"],
    ["0000:0000:0000:0000:0000:FFFF:203.0.113.5", "203.0.113.5"],
    ["[::ffff:203.0.113.5]", "203.0.113.5"],
    ["::ffff:203.0.113.5%eth0", "203.0.113.5"],
    ["::ffff:0:203.0.113.5", "203.0.113.5"],
    ["64:ff9b::cb00:7105", "203.0.113.5"],
    ["64:ff9b::203.0.113.5", "203.0.113.5"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["2001:DB8::1", "2001:db8:0:0"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8:0:0"],
    ["2001:db8:0:0:9:8:7:6", "2001:db8:0:0"],
    ["2001:db8::192.0.2.1", "2001:db8:0:0"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::", "2001:db8:1:2"],
    ["2001:db8:1::6", "2001:db8:1:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["FE80::1%25en0", "fe80:0:0:0"],
    ["[2001:db8::1]", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["::", "0:0:0:0"],
  ])("[fault A12] %s is %s", (address, client) => {
    expect(clientOf(address)).toBe(client);
  });

  it.each([
    "",
    "unknown",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    ":::",
    "1:2:3:4:5:6:7::8",
    "12345::",
    "g::1",
    "::ffff:256.0.0.1",
    "::ffff:1.2.3",
    "::1.2.3.4:5",
  ])("is the text itself where it is no address: %j", (text) => {
    expect(clientOf(text)).toBe(text);
  });

  it("[fault A12] is one for all addresses of a network of 64 bits, and another for every other network", () => {
    const group = fc.nat({ max: 0xffff });
    const network = fc.tuple(fc.integer({ min: 0x2000, max: 0x3fff }), group, group, group);
    const device = fc.tuple(group, group, group, group);
    const spell = (groups: readonly number[]) => groups.map((value) => value.toString(16)).join(":");
    fc.assert(
      fc.property(network, network, device, device, (here, there, one, other) => {
        expect(clientOf(spell([...here, ...one]))).toBe(clientOf(spell([...here, ...other]).toUpperCase()));
        const isSame = spell(here) === spell(there);
        expect(clientOf(spell([...here, ...one])) === clientOf(spell([...there, ...one]))).toBe(isSame);
      }),
      { seed: SEED },
    );
  });

  it("[fault A12] is one for every IPv4 address, mapped in either form or not", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        expect([`::ffff:${address}`, `::FFFF:${hex}`, `64:ff9b::${hex}`].map(clientOf)).toEqual([
          address,
          address,
          address,
        ]);
      }),
      { seed: SEED },
    );
  });

  it("has one spelling, whatever text it is asked of", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV6(), fc.string()), (text) => {
        expect(clientOf(text.toUpperCase())).toBe(clientOf(text.toUpperCase().toLowerCase()));
      }),
      { seed: SEED },
    );
  });
});
