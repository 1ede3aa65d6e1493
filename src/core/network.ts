/**
 * From an address to the network that one customer of an access provider has: what is limited together.
 *
 *   203.0.113.5          →  203.0.113.5
 *   ::ffff:203.0.113.5   →  203.0.113.5            IPv4 written as IPv6 (RFC 4291 §2.5.5.2), also in hexadecimal
 *   2001:db8:0:1::9      →  2001:db8:0:1           a /64: one line has all addresses of it (RFC 6177 §2)
 *
 * Keeps: all spellings of an address have one network. What is no address is a network of its own, as it is written.
 */
const GROUPS = 8;
const NETWORK_GROUPS = 4;
const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

export function networkOf(address: string): string {
  const text = address.trim().toLowerCase();
  const groups = text.includes(":") ? groupsOf(text) : null;
  if (groups === null) return text;
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return [...bytesOf(groups[6] ?? 0), ...bytesOf(groups[7] ?? 0)].join(".");
  return groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => group.toString(16))
    .join(":");
}

/** The eight groups of an IPv6 address; null when it is none. */
function groupsOf(text: string): number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":").flatMap(toGroups)));
  if (head === undefined) return null;
  const missing = GROUPS - head.length - (tail?.length ?? 0);
  const isWhole = tail === undefined ? missing === 0 : missing >= 1;
  const groups = [...head, ...Array.from({ length: Math.max(0, missing) }, () => 0), ...(tail ?? [])];
  return isWhole && groups.every((group) => group >= 0 && group <= 0xffff) ? groups : null;
}

/** One group, or two where an IPv4 address stands; NaN where neither does. */
function toGroups(part: string): number[] {
  const [, a, b, c, d] = IPV4.exec(part) ?? [];
  if (d !== undefined) return [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)];
  return [/^[\da-f]{1,4}$/.test(part) ? Number.parseInt(part, 16) : Number.NaN];
}

function bytesOf(group: number): number[] {
  return [group >> 8, group & 0xff];
}
