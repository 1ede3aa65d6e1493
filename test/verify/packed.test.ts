/** The packed verifier, as a stranger has it: installed from its tarball into an empty folder, and asked from there. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { objectsOf } from "./verified.ts";
import { makeWorld, WORLD_ADVERTISER, WORLD_SECRET, WORLD_TOKEN_KEY, type World } from "./world.ts";

const KEY = "ck_live_of_today";
const SECRET = WORLD_SECRET.toString("base64url");
let folder = "";
let world: World;
let objects: Map<string, Uint8Array>;
let server: Server;
let url = "";
/** What the service does to a request before it is answered; null answers it. */
let meddle: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "clickledger-stranger-"));
  const npm = (cwd: string, ...args: string[]) => execFileSync("npm", args, { cwd, encoding: "utf8", stdio: "pipe" });
  const packed = JSON.parse(npm("packages/verify", "pack", "--json", "--pack-destination", folder)) as {
    filename: string;
  }[];
  npm(folder, "install", "--offline", "--no-audit", "--no-fund", "--no-save", `./${packed[0]?.filename}`);
  world = await makeWorld();
  objects = objectsOf(world);
  server = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}, 60_000);

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** The routes of statements, evidence and the log, as the service has them. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  if (meddle(request, response)) return;
  const { pathname, searchParams } = new URL(request.url ?? "", "http://any");
  const send = (status: number, body: Uint8Array | string) => response.writeHead(status).end(body);
  if (pathname.startsWith("/v1/") && request.headers.authorization !== `Bearer ${KEY}`) return void send(401, "{}");
  const parts = pathname.split("/").slice(2).map(decodeURIComponent);
  const [room, first = "", second = "", third = ""] = parts;
  const number = (text: string, digits: number) => text.padStart(digits, "0");
  const statements = `statements/v1/adv=${WORLD_ADVERTISER}/`;
  const evidence = `evidence/v1/adv=${WORLD_ADVERTISER}/dt=${first}/`;
  if (pathname === "/v1/statements") {
    return void send(
      200,
      JSON.stringify({
        advertiserId: WORLD_ADVERTISER,
        statements: [1, 2]
          .filter((number) => objects.has(`statements/v1/adv=${WORLD_ADVERTISER}/00000${number}.json`))
          .map((number) => ({ number })),
      }),
    );
  }
  if (pathname === "/v1/evidence/secret") return void send(200, JSON.stringify({ secret: SECRET }));
  const key = pathname.startsWith("/evidence/")
    ? `evidence-log/v1/${pathname.slice("/evidence/".length).replace(/^keys$/, "keys.json")}`
    : room === "statements"
      ? second === "files"
        ? `${statements}${third}`
        : `${statements}${number(first, 6)}.json`
      : second === ""
        ? `${evidence}manifest-${number(searchParams.get("revision") ?? "1", 4)}.json`
        : `${evidence}${second}`;
  const found = objects.get(key);
  send(found === undefined ? 404 : 200, found ?? "{}");
}

type Ran = { readonly code: number; readonly out: string; readonly err: string };

function run(args: readonly string[], env: Record<string, string> = { CLICKLEDGER_KEY: KEY }): Promise<Ran> {
  const program = join(folder, "node_modules/.bin/clickledger-verify");
  const options = { cwd: folder, env: { PATH: process.env["PATH"] ?? "", ...env } };
  return new Promise((resolve) => {
    execFile(program, [...args], options, (fault, out, err) => {
      resolve({ code: fault === null ? 0 : Number(fault.code), out, err });
    });
  });
}

const logKey = () => ["--log-key", world.vkey];

describe("the packed verifier", () => {
  it("is one file that depends on nothing", () => {
    const installed = JSON.parse(readFileSync(join(folder, "node_modules/clickledger-verify/package.json"), "utf8"));
    expect(installed.dependencies).toBeUndefined();
    const text = readFileSync(join(folder, "node_modules/clickledger-verify/dist/clickledger-verify.js"), "utf8");
    expect(text.match(/^import .* from "(?!node:)/gm)).toBeNull();
  });

  it("downloads a statement and verifies it, then does so again without the service", async () => {
    const first = await run([
      "2",
      "--url",
      url,
      ...logKey(),
      "--token-key",
      `${WORLD_TOKEN_KEY.kid}=${WORLD_TOKEN_KEY.x}`,
    ]);
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toMatch(/^VERIFIED: statement 2 of adv_world, .*: 1\.21 EUR\./);
    expect(first.out).toMatch(/46 tokens signed with an ad server's own key/);
    expect(first.out).toContain("That a person clicked");
    expect(first.out).not.toContain("public key was not given");
    expect((await run(["1", "--url", url])).code).toBe(0);
    const offline = await run(["all"], {});
    expect(offline.code).toBe(0);
    expect(offline.out.match(/^VERIFIED/gm)).toHaveLength(2);
    expect(offline.out).toContain("everything in its place that it had when you looked last");
  });

  it("says which click differs, and ends with 1", async () => {
    const name = [...objects.keys()].find((key) => key.includes("dt=2026-03-30/rows-")) ?? "";
    const forged = Uint8Array.from(objects.get(name) as Uint8Array);
    forged[40] = (forged[40] ?? 0) ^ 1;
    writeFileSync(join(folder, "clickledger-evidence", name), forged);
    const { code, err } = await run(["2"], {});
    expect(code).toBe(1);
    expect(err).toMatch(/^NOT VERIFIED: .*rows-.* has the SHA-256 /);
    writeFileSync(join(folder, "clickledger-evidence", name), objects.get(name) as Uint8Array);
  });

  it("finds a statement that the service changed since it was downloaded", async () => {
    const key = `statements/v1/adv=${WORLD_ADVERTISER}/000001.json`;
    const before = objects.get(key) as Uint8Array;
    objects.set(key, Uint8Array.from(Buffer.from(Buffer.from(before).toString().replace('"EUR"', '"USD"'))));
    const { code, err } = await run(["1", "--url", url]);
    objects.set(key, before);
    expect([code, err]).toEqual([1, expect.stringContaining("is not what it was when you downloaded it first")]);
  });

  it("finds that the service hides the last statement, by the log", async () => {
    const key = `statements/v1/adv=${WORLD_ADVERTISER}/000002.json`;
    const hidden = objects.get(key) as Uint8Array;
    objects.delete(key);
    // All at once, with one file of what was kept, and most with one folder.
    const runs = await Promise.all(
      ["all", "1", "all", "1", "all"].map((which, at) =>
        run([which, "--url", url, "--folder", at < 4 ? "hid" : "hid-4"]),
      ),
    );
    objects.set(key, hidden);
    for (const { code, err } of runs) {
      expect([code, err]).toEqual([
        1,
        expect.stringContaining(`the log has a statement 2 of ${WORLD_ADVERTISER}, and`),
      ]);
    }
  });

  it("accuses nobody of a statement that was issued while it verified the one before", async () => {
    let asked = 0;
    meddle = ({ url: path = "" }, response) => {
      if (path !== "/v1/statements" || asked++ > 0) return false;
      response.end(JSON.stringify({ advertiserId: WORLD_ADVERTISER, statements: [{ number: 1 }] }));
      return true;
    };
    const { code, err } = await run(["all", "--url", url, "--folder", "meanwhile"]);
    meddle = () => false;
    expect([code, err, asked]).toEqual([0, "", 2]);
  });

  it("goes on where the network broke off, and says so until then", async () => {
    const target = ["2", "--url", url, "--folder", "broken", ...logKey(), "--keep", "broken.json"];
    let answered = 0;
    meddle = (_, response) => {
      answered++;
      if (answered > 9) response.destroy();
      return answered > 9;
    };
    const { code, err } = await run(target);
    meddle = () => false;
    expect([code, err]).toEqual([2, expect.stringMatching(/could not be read .*Run the same again/)]);
    expect(existsSync(join(folder, "broken.json"))).toBe(false);
    expect((await run(target)).code).toBe(0);
  });

  it.each([
    [
      "a key that has ended",
      ["2", "--url", "URL"],
      { CLICKLEDGER_KEY: "ck_live_of_yesterday" },
      /refused the key with 401/,
    ],
    ["no key", ["2", "--url", "URL"], {}, /CLICKLEDGER_KEY/],
    ["no statement", [], {}, /name one statement by its number/],
    ["a statement that is not issued", ["3", "--url", "URL"], { CLICKLEDGER_KEY: KEY }, /000003\.json is missing/],
    ["an option that is none", ["2", "--ur"], {}, /--ur/],
    ["a folder with nothing in it", ["2", "--folder", "nothing"], {}, /has no statements/],
    ["a key of an ad server that is none", ["2", "--token-key", "k1"], {}, /write <kid>=<public key>/],
    ["nobody at the address", ["2", "--url", "http://127.0.0.1:9"], { CLICKLEDGER_KEY: KEY }, /could not be read/],
  ])("says what is to be done with %s, and ends with 2", async (_, args, env, message) => {
    const { code, err } = await run(
      args.map((arg) => (arg === "URL" ? url : arg)),
      env as Record<string, string>,
    );
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });

  const statement = `statements/v1/adv=${WORLD_ADVERTISER}/000001.json`;
  it.each<[string, Record<string, string>, number, RegExp]>([
    [
      "a currency that would clear the screen and write another word",
      { [statement]: '"currency":"\\u001b[2J\\nVERIFIED"' },
      1,
      /^NOT VERIFIED: statements\/v1\/adv=adv_world\/000001\.json: currency is "\\u001b\[2J\\nVERIFIED", and must be .*\.\n$/,
    ],
    [
      "a character that moves the cursor, as it is",
      { [statement]: '"currency":"\u009b2J"' },
      1,
      /^NOT VERIFIED: .*: currency is "\\u009b2J", and must be the three capital letters of a currency\.\n$/,
    ],
  ])("shows %s as a text", async (_, changes, expected, says) => {
    for (const [key, now] of Object.entries(changes)) {
      const before = Buffer.from(objects.get(key) ?? []).toString();
      mkdirSync(dirname(join(folder, "crafted", key)), { recursive: true });
      writeFileSync(join(folder, "crafted", key), before.replace('"currency":"EUR"', now));
    }
    const { code, out, err } = await run(["1", "--folder", "crafted", `--secret=${SECRET}`, ...logKey()], {});
    expect([code, out, err]).toEqual([expected, "", expect.stringMatching(says)]);
    expect((await run(["1", "--sql", "--folder", "crafted", `--secret=${SECRET}`], {})).err).toMatch(says);
  });

  it.each([
    ["null", "the whole is null"],
    ["{}", "statements is missing"],
    ['{"advertiserId":"../../stolen","statements":[]}', 'advertiserId is "../../stolen"'],
    ['{"publisherId":"pub_1","statements":[{"number":1,"currency":"../x"}]}', 'statements[0].currency is "../x"'],
  ])("asks nothing further of a service whose list of statements is %s", async (body, says) => {
    const asked: string[] = [];
    meddle = ({ url: path = "" }, response) => {
      asked.push(path);
      response.end(body);
      return true;
    };
    const { code, err } = await run(["1", "--url", url, "--folder", "listed"]);
    meddle = () => false;
    expect([code, err]).toEqual([
      1,
      expect.stringContaining(`NOT VERIFIED: what ${url}/v1/statements answers: ${says}`),
    ]);
    expect(asked).toEqual(["/v1/statements"]);
    expect(existsSync(join(folder, "listed"))).toBe(false);
  });

  it.each([
    ["an address that is none", ["2", "--url", "ads example"], /^Not checked: --url ads example: write an address/],
    ["a folder that cannot be written", ["2", "--url", "URL", "--folder", "a-file"], /^Not checked: E\w+: .*\.\n$/],
    [
      "a kept file that is damaged",
      ["2", "--keep", "a-file"],
      /^Not checked: a-file is damaged \(a-file is not JSON in UTF-8\)\. Bring it back/,
    ],
    ["an object that is a folder", ["2", "--folder", "folders"], /^Not checked: a file cannot be read: EISDIR/],
  ])("says without a stack what hinders it: %s", async (_, args, says) => {
    writeFileSync(join(folder, "a-file"), "");
    mkdirSync(join(folder, "folders", statement), { recursive: true });
    const given = args.map((arg) => (arg === "URL" ? url : arg));
    const { code, err } = await run([...given, `--secret=${SECRET}`, ...logKey()]);
    expect([code, err]).toEqual([2, expect.stringMatching(says)]);
  });

  it("takes a folder that has several advertisers by name", async () => {
    for (const key of [`statements/v1/adv=${WORLD_ADVERTISER}/000001.json`, "statements/v1/adv=adv_2/000001.json"]) {
      mkdirSync(dirname(join(folder, "several", key)), { recursive: true });
      writeFileSync(join(folder, "several", key), "{}");
    }
    const { code, err } = await run(["1", "--folder", "several", `--secret=${SECRET}`], {});
    expect([code, err]).toEqual([2, expect.stringContaining("name one with --advertiser")]);
  });
});
