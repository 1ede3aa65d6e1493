/**
 * Networks of rented servers, by autonomous system number, and the networks that people browse through although they
 * look the same. Data for the rule `data_centre_network` (core/givt.ts).
 *
 *   DATA_CENTRE_NETWORKS   hosting and cloud       → a click from here was made by a program
 *   ALLOWED_NETWORKS       relays, secure gateways, consumer VPNs → never judged by network; wins over the first list
 *   IMPRESSION_NETWORKS    also fetch images for people who opened a mail → judged for clicks only
 *
 * Keeps: only networks that rent servers. A provider that also connects homes or offices through the same number is not
 * on the list (Aruba, iomart, OVH Telecom, Hurricane Electric, Chinese carriers' data centres): a person judged a
 * program is worse than a program missed. Each list is sorted and names a network once.
 *
 * Source: compiled by hand from the numbers under which operators are registered, and taken over from no list. Checked
 * 2026-11: registered names against the registry table in pyasn (2016-05), which knows all but 15 networks of the first
 * list; 143 of its 156 are also on one of the public lists X4BNet/lists_vpn (2026-08) and brianhama/bad-asn-list
 * (2026-03). The other 13 rest on the registered name alone. Numbers change hands: LIST_DATE says when this was
 * checked. Limits: a person on a rented desktop (Windows 365, Amazon WorkSpaces), or whose company's gateway runs on
 * rented servers, is judged a program. A program behind an allowed network is not seen by this rule.
 */
import type { EventType } from "./token-event.ts";

export type Network = { readonly asn: number; readonly operator: string };
export type AllowedNetwork = Network & { readonly because: string };

/** When the lists below were last checked. */
export const LIST_DATE = "2026-11";

const NETWORK_TABLE: readonly (readonly [asn: number, operator: string])[] = [
  [2635, "Automattic"],
  [3842, "RamNode"],
  [6724, "Strato"],
  [7203, "Leaseweb USA"],
  [7684, "SAKURA internet"],
  [7979, "Servers.com"],
  [8075, "Microsoft Azure"],
  [8100, "QuadraNet"],
  [8560, "IONOS"],
  [8972, "Host Europe"],
  [8987, "Amazon Web Services"],
  [9009, "M247"],
  [9123, "Timeweb"],
  [9370, "SAKURA internet"],
  [9371, "SAKURA internet"],
  [10532, "Rackspace"],
  [11878, "tzulo"],
  [12200, "Rackspace"],
  [12586, "GHOSTnet"],
  [12876, "Scaleway"],
  [13213, "UK2"],
  [13335, "Cloudflare"],
  [14061, "DigitalOcean"],
  [14618, "Amazon Web Services"],
  [15169, "Google"],
  [15395, "Rackspace"],
  [16125, "Cherry Servers"],
  [16276, "OVHcloud"],
  [16509, "Amazon Web Services"],
  [18450, "WebNX"],
  [18779, "EGIHosting"],
  [18978, "Enzu"],
  [19318, "Interserver"],
  [19437, "Secured Servers"],
  [19871, "Network Solutions"],
  [19994, "Rackspace"],
  [20454, "Secured Servers"],
  [20473, "Vultr"],
  [20738, "Host Europe"],
  [20773, "Host Europe"],
  [21409, "Ikoula"],
  [21859, "Zenlayer"],
  [22612, "Namecheap"],
  [24940, "Hetzner"],
  [24961, "myLoc"],
  [25820, "IT7 Networks"],
  [26347, "DreamHost"],
  [26496, "GoDaddy"],
  [26548, "PureVoltage"],
  [27357, "Rackspace"],
  [28753, "Leaseweb Germany"],
  [29066, "velia.net"],
  [29182, "ISPsystem"],
  [29550, "Simply Transit"],
  [29802, "Hivelocity"],
  [30083, "Hosting Solutions International"],
  [30633, "Leaseweb USA"],
  [31103, "Keyweb"],
  [31898, "Oracle Cloud"],
  [32097, "WholeSale Internet"],
  [32181, "GigeNET"],
  [32244, "Liquid Web"],
  [32475, "SingleHop"],
  [32613, "iWeb"],
  [33070, "Rackspace"],
  [33182, "HostDime"],
  [33387, "DataShack"],
  [34011, "domainfactory"],
  [35662, "Redstation"],
  [35908, "Krypt"],
  [35916, "Multacom"],
  [36007, "Kamatera"],
  [36114, "Versaweb"],
  [36183, "Akamai"],
  [36351, "IBM Cloud"],
  [36352, "ColoCrossing"],
  [37963, "Alibaba Cloud"],
  [39572, "Advanced Hosters"],
  [40065, "CNServers"],
  [40676, "Psychz Networks"],
  [41079, "SuperHost.pl"],
  [42473, "Anexia"],
  [42831, "UK Dedicated Servers"],
  [43350, "NForce"],
  [44066, "First Colo"],
  [45090, "Tencent Cloud"],
  [45102, "Alibaba Cloud"],
  [45187, "Rackspace"],
  [46261, "QuickPacket"],
  [46475, "Limestone Networks"],
  [46606, "Unified Layer"],
  [46664, "VolumeDrive"],
  [46844, "Sharktech"],
  [47447, "23M"],
  [47583, "Hostinger"],
  [48282, "VDSina"],
  [49453, "Global Layer"],
  [49505, "Selectel"],
  [49981, "WorldStream"],
  [50673, "Serverius"],
  [51167, "Contabo"],
  [51430, "AltusHost"],
  [51765, "Creanova"],
  [51852, "Private Layer"],
  [53340, "FiberHub"],
  [53667, "FranTech Solutions"],
  [53755, "IOFlood"],
  [53850, "GorillaServers"],
  [54113, "Fastly"],
  [54290, "Hostwinds"],
  [54540, "Incero"],
  [54825, "Packet"],
  [55286, "ServerMania"],
  [55933, "Cloudie"],
  [55967, "Baidu Cloud"],
  [55990, "Huawei Cloud"],
  [56630, "Melbicom"],
  [57043, "Hostkey"],
  [59253, "Leaseweb Asia Pacific"],
  [60068, "Datacamp"],
  [60404, "LiteServer"],
  [60558, "phoenixNAP"],
  [60781, "Leaseweb Netherlands"],
  [62240, "Clouvider"],
  [62370, "Snel.com"],
  [62567, "DigitalOcean"],
  [63199, "Capitalonline"],
  [63473, "HostHatch"],
  [63949, "Linode"],
  [132203, "Tencent Cloud"],
  [133752, "Leaseweb Asia Pacific"],
  [134963, "Alibaba Cloud"],
  [135377, "UCloud"],
  [136258, "OneProvider"],
  [136907, "Huawei Cloud"],
  [141995, "Contabo"],
  [197540, "netcup"],
  [198610, "Beget"],
  [199524, "Gcore"],
  [200019, "AlexHost"],
  [200350, "Yandex Cloud"],
  [202053, "UpCloud"],
  [202448, "MVPS"],
  [203523, "Virtono"],
  [204601, "Zomro"],
  [212238, "Datacamp"],
  [212317, "Hetzner"],
  [213230, "Hetzner"],
  [216071, "VDSina"],
  [262287, "Latitude.sh"],
  [394380, "Leaseweb USA"],
  [395954, "Leaseweb USA"],
  [396190, "Leaseweb USA"],
  [396362, "Leaseweb USA"],
  [396982, "Google Cloud"],
  [398101, "GoDaddy"],
];

export const DATA_CENTRE_NETWORKS: readonly Network[] = NETWORK_TABLE.map(([asn, operator]) => ({ asn, operator }));

const CONSUMER_VPN = "people's traffic leaves consumer VPNs here";
const SECURE_GATEWAY = "employees' traffic leaves their companies' secure web gateway here";
const PRIVATE_RELAY = "egress of iCloud Private Relay";

export const ALLOWED_NETWORKS: readonly AllowedNetwork[] = [
  { asn: 7598, operator: "Forcepoint", because: SECURE_GATEWAY },
  { asn: 9009, operator: "M247", because: CONSUMER_VPN },
  { asn: 13150, operator: "Cato Networks", because: SECURE_GATEWAY },
  { asn: 13335, operator: "Cloudflare", because: `${PRIVATE_RELAY}, WARP and Cloudflare's gateway` },
  { asn: 15169, operator: "Google", because: "Google's own network: VPN of its phones, Gmail's image proxy" },
  { asn: 21837, operator: "Opera", because: "Opera Mini renders pages here for phones" },
  { asn: 22616, operator: "Zscaler", because: SECURE_GATEWAY },
  { asn: 35788, operator: "Forcepoint", because: SECURE_GATEWAY },
  { asn: 36183, operator: "Akamai", because: PRIVATE_RELAY },
  { asn: 36692, operator: "Cisco Umbrella", because: SECURE_GATEWAY },
  { asn: 39351, operator: "31173 Services", because: CONSUMER_VPN },
  { asn: 39832, operator: "Opera", because: "Opera Mini renders pages here for phones" },
  { asn: 44444, operator: "Forcepoint", because: SECURE_GATEWAY },
  { asn: 53444, operator: "Zscaler", because: SECURE_GATEWAY },
  { asn: 53813, operator: "Zscaler", because: SECURE_GATEWAY },
  { asn: 54113, operator: "Fastly", because: PRIVATE_RELAY },
  { asn: 54538, operator: "Palo Alto Networks", because: SECURE_GATEWAY },
  { asn: 55256, operator: "Netskope", because: SECURE_GATEWAY },
  { asn: 60068, operator: "Datacamp", because: CONSUMER_VPN },
  { asn: 62044, operator: "Zscaler", because: SECURE_GATEWAY },
  { asn: 62371, operator: "Proton", because: CONSUMER_VPN },
  { asn: 62907, operator: "Zscaler", because: SECURE_GATEWAY },
  { asn: 136787, operator: "NordVPN", because: CONSUMER_VPN },
  { asn: 207137, operator: "Packethub", because: CONSUMER_VPN },
  { asn: 209854, operator: "Surfshark", because: CONSUMER_VPN },
  { asn: 212238, operator: "Datacamp", because: CONSUMER_VPN },
];

/** Gmail's proxy is in an allowed network, and Yahoo's and Apple's are in networks that rent no servers. */
export const IMPRESSION_NETWORKS: readonly AllowedNetwork[] = [
  { asn: 8075, operator: "Microsoft", because: "Outlook fetches images of opened mail here; its link scanners click" },
];

const numbersOf = (networks: readonly Network[]) => new Set(networks.map(({ asn }) => asn));
const listed = numbersOf(DATA_CENTRE_NETWORKS);
const allowed = numbersOf(ALLOWED_NETWORKS);
const allowedForImpressions = numbersOf(IMPRESSION_NETWORKS);

/** True when a click or an impression from this network was made by a program, as far as a network can tell. */
export function isDataCentre(asn: number | null, type: EventType): boolean {
  if (asn === null || !listed.has(asn) || allowed.has(asn)) return false;
  return type === "click" || !allowedForImpressions.has(asn);
}
