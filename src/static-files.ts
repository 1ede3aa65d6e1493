/**
 * Addresses of the files that pages are made of beside their HTML: each names the bytes that it stands for, so that a
 * browser keeps a file for ever and asks for it again only when it is another one.
 *
 *   /static/ledger.css?v=5d41402abc4b      v: the beginning of the file's tag
 *
 * Keeps: an address that names other bytes than those that stand there is answered, but not kept (openapi/app.ts): for
 * as long as two versions of the Worker run side by side, a page of one may ask the other.
 */

/** What the platform serves the assets of a deployment by. */
type Assets = Pick<Fetcher, "fetch">;

export const STATIC_FILES = ["ledger.css", "page.js", "minutes.js", "live.js", "mark.svg"] as const;
export type StaticFile = (typeof STATIC_FILES)[number];

const VERSION_CHARS = 12;

let versions: ReadonlyMap<StaticFile, string> = new Map();

/** The address of a file; without its version until somebody has asked for the versions. */
export function staticAddress(name: StaticFile): string {
  const version = versions.get(name);
  return version === undefined ? `/static/${name}` : `/static/${name}?v=${version}`;
}

/**
 * Learns which bytes the files are: once in an isolate, since a deployment's files never change. Each of the first
 * requests asks for itself; files that did not answer are asked for again by the next page.
 */
export async function learnStaticFiles(assets: Assets): Promise<void> {
  if (versions.size === STATIC_FILES.length) return;
  const tags = await Promise.all(
    STATIC_FILES.map(async (name) => {
      const found = await assets.fetch(`https://assets.invalid/static/${name}`, { method: "HEAD" }).catch(() => null);
      return [name, versionOf(found?.headers.get("ETag") ?? null)] as const;
    }),
  );
  versions = new Map(tags.flatMap(([name, version]) => (version === null ? [] : [[name, version] as const])));
}

/** What an address says of a file with this tag. */
export function versionOf(tag: string | null): string | null {
  const digits = tag?.replace(/^W\//, "").replaceAll('"', "") ?? "";
  return digits === "" ? null : digits.slice(0, VERSION_CHARS);
}
