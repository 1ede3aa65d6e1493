/**
 * What of a client's address tells one client from another: the whole of an IPv4 address, the first 64 bits of an IPv6
 * address, in one spelling.
 *
 *   203.0.113.5                                    203.0.113.5
 *   ::ffff:203.0.113.5 · ::FFFF:cb00:7105          203.0.113.5      mapped (RFC 4291 §2.5.5.2)
 *   ::ffff:0:cb00:7105 · 64:ff9b::cb00:7105        203.0.113.5      translated (RFC 7915, RFC 6052)
 *   2001:DB8::a · 2001:db8:0:0:9:8:7:6             2001:db8:0:0
 *   fe80::1%eth0                                   fe80:0:0:0
 *
 * Keeps: one line that a network has given a person is one client: the last 64 bits are the device's own, and privacy
 * extensions change them by the hour (RFC 8981). What is no address is its own text, in lower case.
 * Sources: RFC 4291 §2.2 for the forms, RFC 5952 for the spelling of a group, RFC 6177 on what a site is given.
 */
const GROUPS = 8;
const NETWORK_GROUPS = 4;
const GROUP = /^[0-9a-f]{1,4}$/i;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
/** The first six groups of addresses that hold an IPv4 address in the last two. */
const HOLD_IPV4 = ["0:0:0:0:0:65535", "0:0:0:0:65535:0", "100:65435:0:0:0:0"];

/** The client that an address stands for. */
export function clientOf(address: string): string {
  // Nearly every address without a colon is IPv4 in its only spelling.
  if (!address.includes(":")) return address.trim().toLowerCase();
  const text =
    address
      .trim()
      .replace(/^\[(.*)\]$/, "$1")
      .split("%", 1)[0] ?? "";
  const groups = groupsOf(text);
  if (groups === null) return address.trim().toLowerCase();
  if (HOLD_IPV4.includes(groups.slice(0, 6).join(":"))) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join(".");
  }
  return groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => group.toString(16))
    .join(":");
}

/** The eight groups of an IPv6 address, or null when the text is none. */
function groupsOf(text: string): number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map(partsOf);
  if (head === null || head === undefined || tail === null) return null;
  if (tail === undefined) return head.length === GROUPS ? head : null;
  const missing = GROUPS - head.length - tail.length;
  return missing < 1 ? null : [...head, ...Array<number>(missing).fill(0), ...tail];
}

/** The groups between colons; a dotted IPv4 address at the end is two. */
function partsOf(text: string): number[] | null {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [at, part] of parts.entries()) {
    if (GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else if (at === parts.length - 1 && IPV4.test(part)) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number);
      groups.push((a << 8) | b, (c << 8) | d);
    } else return null;
  }
  return groups;
}
