/**
 * The Chromium of the tests, on a machine that has one and on a machine that has none.
 *
 *   CHROMIUM=/path/to/it  →  an installed one: on PATH, or Google Chrome in its usual place  →  the npm package's
 *
 * The package (`@sparticuz/chromium`, Linux on x64) ships the program packed, with the libraries and a font that a bare
 * Debian lacks; it is unpacked once into node_modules/.cache, so `npm ci` is all the set-up there is.
 *
 * Keeps: what `CHROMIUM` names is used or the tests fail. An installed one that does not start (the stub of a snap) is
 * passed over. Two processes may unpack at once: each does in a folder of its own, and the first to finish is used.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Browser, chromium, type LaunchOptions } from "playwright-core";

type Environment = Readonly<Record<string, string | undefined>>;
/** A browser that may be there; `find` says where, or throws when it is not to be had here. */
export type Candidate = { readonly name: string; readonly find: () => Promise<LaunchOptions> };

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/** Without a sandbox, since tests run as root and where user namespaces are missing; without anything that calls home. */
const OPTIONS: LaunchOptions = {
  chromiumSandbox: false,
  timeout: 60_000,
  args: [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));
const PACKAGE = "@sparticuz/chromium";

/** Starts the first browser of the order above that starts; throws what became of each. */
export async function launchBrowser(environment: Environment = process.env): Promise<Browser> {
  const faults: string[] = [];
  for (const { name, find } of candidates(environment)) {
    try {
      return await chromium.launch({ ...OPTIONS, ...(await find()) });
    } catch (cause) {
      // Not there, not for this machine, or it ends at once: the next one may do.
      faults.push(`${name}: ${(cause as Error).message.split("\n")[0]}`);
    }
  }
  throw new Error(`no Chromium starts; CHROMIUM=/path/to/one names one\n${faults.join("\n")}`);
}

/** What is tried, in this order. */
export function candidates(environment: Environment): Candidate[] {
  const { CHROMIUM: named = "", PATH = "" } = environment;
  if (named !== "") return [{ name: named, find: async () => ({ executablePath: named }) }];
  const folders = PATH.split(delimiter).filter((folder) => folder !== "");
  const installed = NAMES.flatMap((name) =>
    folders.map((folder) => join(folder, name)).filter((path) => existsSync(path)),
  );
  return [
    ...installed.map((path) => ({ name: path, find: async () => ({ executablePath: path }) })),
    { name: "Google Chrome", find: async () => ({ channel: "chrome" }) },
    { name: PACKAGE, find: () => unpacked(environment) },
  ];
}

/** The package's browser, unpacked if it is not yet. */
async function unpacked(environment: Environment): Promise<LaunchOptions> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`it runs on linux x64, and this is ${process.platform} ${process.arch}: install a Chromium`);
  }
  const home = new URL("..", import.meta.resolve(PACKAGE));
  const { version } = JSON.parse(await readFile(new URL("package.json", home), "utf8")) as { version: string };
  const folder = join(CACHE, `chromium-${version}`);
  if (!existsSync(folder)) await unpack(fileURLToPath(new URL("bin/", home)), folder);
  const libraries = [join(folder, "al2023", "lib"), environment["LD_LIBRARY_PATH"]].filter(Boolean).join(delimiter);
  return {
    executablePath: join(folder, "chromium"),
    env: { ...process.env, LD_LIBRARY_PATH: libraries, FONTCONFIG_PATH: folder },
  };
}

/** The package unpacks into the folder for temporary files, which here is one beside `folder`, in a process of its own. */
async function unpack(bin: string, folder: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const staging = await mkdtemp(join(CACHE, "unpacking-"));
  const script = `
    import chromium, { inflate } from ${JSON.stringify(import.meta.resolve(PACKAGE))};
    await Promise.all([chromium.executablePath(), inflate(${JSON.stringify(join(bin, "al2023.tar.br"))})]);`;
  try {
    const env = { ...process.env, TMPDIR: staging };
    await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { env });
    await writeFile(join(staging, "fonts.conf"), fontsConf(join(folder, "fonts"), join(folder, "fonts-cache")));
    // For everybody, as node_modules is: who runs the tests next may be another user.
    for (const path of [staging, join(staging, "chromium")]) await chmod(path, 0o755);
    await rename(staging, folder);
  } catch (cause) {
    await rm(staging, { recursive: true, force: true });
    // The folder is there when another process was first.
    if (!existsSync(folder)) throw cause;
  }
}

/** The machine's fonts, if it has any, and the package's: without any font, text has no size and nothing can be clicked. */
function fontsConf(fonts: string, cache: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${fonts}</dir>
  <cachedir>${cache}</cachedir>
</fontconfig>
`;
}
