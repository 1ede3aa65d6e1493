/**
 * What a demonstration leaves to whoever wants to be its stranger: a Worker that goes on answering, and the commands.
 */
export type Left = {
  readonly url: string;
  /** Keys of scope bill, by advertiser. */
  readonly billKeys: ReadonlyMap<string, string>;
  readonly logKey: string;
  readonly tokenKeys: readonly string[];
  /** From when on its statements are of the past. */
  readonly overAtMs: number;
};

/** The commands, as they are typed in an empty folder. */
export function toCommands({ url, billKeys, logKey, tokenKeys, overAtMs }: Left, nowMs: number): string {
  const [[advertiserId, apiKey] = ["", ""]] = billKeys;
  const ahead = `const%20now=Date.now;Date.now=()=>now()+${Math.max(0, overAtMs - nowMs)}`;
  const trusted = [`--log-key '${logKey}'`, ...tokenKeys.map((key) => `--token-key '${key}'`)].join(" ");
  return `The Worker goes on answering at ${url}, until you end this with Ctrl-C. To be the stranger yourself:

  npm pack -w packages/verify --pack-destination "$(mktemp -d)"    # here; then, in that folder, without this checkout:
  export CLICKLEDGER_KEY=${apiKey}    # of ${advertiserId}, scope bill
  export NODE_OPTIONS='--import=data:text/javascript,${ahead}'    # its days are not over
  npx --yes --package ./clickledger-verify-0.1.0.tgz clickledger-verify all --url ${url} ${trusted}`;
}
