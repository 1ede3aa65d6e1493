/**
 * Where a webhook may be sent: a public https address, in no spelling one of the inside.
 *
 *   what is given   https, a host name with a dot that is no name of a private network, port 443, no user, no password;
 *                   never an IP address, however it is written: 127.1, 0x7f000001, 2130706433, [::ffff:7f00:1]
 *   what it is      every address that the name resolves to, A and AAAA, is a public one; asked anew before each try
 *
 * Hosts of WEBHOOK_HTTP_HOSTS are asked nothing: they are for local runs.
 *
 * Keeps: an address is refused unless it is known to be public. The platform's fetch resolves the name once more by
 * itself: a name that answers differently then meets a network without a way to addresses of the inside, since Workers
 * run in none; what is refused here is refused early and by name.
 */
import ipaddr from "ipaddr.js";
import { err, ok, type Result } from "../core/result.ts";

const URL_CHARS_MAX = 2_048;
/** RFC 6761, RFC 6762, RFC 8375, RFC 9476 and ICANN's list of names that are not delegated. */
const PRIVATE_SUFFIXES =
  /(^|\.)(localhost|local|internal|intranet|private|corp|home|lan|mail|test|example|invalid|onion|alt|home\.arpa)$/;

/** Of a text that is no such address, what it must be. */
export function checkAddress(text: string, httpHosts: ReadonlySet<string>): Result<URL, string> {
  if (text.length > URL_CHARS_MAX) return err(`An address has ${URL_CHARS_MAX} characters at most.`);
  if (!URL.canParse(text)) return err("Send an absolute address, https://host/path.");
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return err("Leave the user name and password out of the address.");
  if (url.hash !== "") return err("Leave the fragment out of the address.");
  if (isLocal(url, httpHosts)) return ok(url);
  if (url.protocol !== "https:") return err("Send an address that begins with https://.");
  if (url.port !== "") return err("Leave the port out: webhooks are sent to port 443.");
  const host = url.hostname.replace(/\.$/, "").toLowerCase();
  if (isIpAddress(host)) return err("Name the host: webhooks are not sent to IP addresses, however they are written.");
  if (!host.includes(".") || PRIVATE_SUFFIXES.test(host)) {
    return err("Name a host of the public internet: this name is one of private networks or of documentation.");
  }
  return ok(url);
}

/** Whether the operator has named the host, with its port, for local runs. */
export function isLocal({ host, protocol }: URL, httpHosts: ReadonlySet<string>): boolean {
  return httpHosts.has(host) && /^https?:$/.test(protocol);
}

function isIpAddress(host: string): boolean {
  return host.startsWith("[") || ipaddr.isValid(host) || ipaddr.IPv4.isValid(host);
}

/** Whether an address is one of the public internet. */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.parse(text);
  // `unicast` is what no special registry names; IPv4 inside of IPv6 has other names there, and is refused by them.
  return address.range() === "unicast" && isAllocated(address);
}

/** Of IPv6 only 2000::/3 is given out. */
function isAllocated(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address.kind() === "ipv4" || address.match(ipaddr.parseCIDR("2000::/3") as [ipaddr.IPv6, number]);
}
