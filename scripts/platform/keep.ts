/**
 * What an operator keeps of a deployment, on the machine that deploys and outside the repository:
 *
 *   <config home>/clickledger/<account>/<worker>/secrets.json   the secrets, as `check:config -- --secrets` reads them
 *                                             …/state.json      what was made here, when secrets were made, the address
 *                                             …/running.pid     the command that works on it (state-lock.ts)
 *
 * Keeps: the folder is 0700 and both files are 0600; a secrets file that others can read is refused. A file is replaced
 * whole. What is about to be made is noted before it is made, so that after a break it is known as one's own.
 * `CLICKLEDGER_KEEP` names another folder.
 */
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { makeOperatorKey } from "../../src/access/api-keys.ts";
import { lockState } from "../state-lock.ts";
import { SECRET_NAMES, type SecretName } from "./wanted.ts";

export type Secrets = Readonly<Partial<Record<SecretName, string>>>;

export type KeptState = {
  /** `database:clickledger-report`, `queue:…`: made by this deployment. */
  readonly made: readonly string[];
  /** The jurisdiction in which it was begun; "" is none. */
  readonly jurisdiction?: string;
  /** When each secret was made or last changed, in ms since 1970. */
  readonly secretsMadeAtMs: Readonly<Partial<Record<SecretName, number>>>;
  readonly url?: string;
  /** The stamp of the version that was last seen to count. */
  readonly smoked?: string;
  readonly hasShownAdminKey?: boolean;
};

/** Something kept here is not as it must be; the message says what to do. */
export class KeepError extends Error {}

export type Keep = {
  readonly secretsPath: string;
  readState(): Promise<KeptState>;
  changeState(change: Partial<KeptState>): Promise<void>;
  /** Empty where there is no file. */
  readSecrets(): Promise<Secrets>;
  /** Replaces those that are given; the others stay. */
  writeSecrets(given: Secrets, nowMs: number): Promise<void>;
  /** A file for as long as `use` takes, readable by its owner only. */
  withSecretsFile<T>(secrets: Secrets, use: (path: string) => Promise<T>): Promise<T>;
  /** Another JSON document of the folder; null where there is none. */
  readDocument<T>(name: string): Promise<T | null>;
  writeDocument(name: string, document: unknown): Promise<void>;
  /** Throws StateBusyError while another command works on it. */
  lock(): Promise<() => Promise<void>>;
};

export function keepFor(env: NodeJS.ProcessEnv, of: { accountId: string; worker: string }): Keep {
  const home = env["XDG_CONFIG_HOME"] || join(homedir(), ".config");
  const folder = env["CLICKLEDGER_KEEP"] || join(home, "clickledger", of.accountId, of.worker);
  const secretsPath = join(folder, "secrets.json");

  const read = async <T>(name: string): Promise<T | null> => {
    const text = await readFile(join(folder, name), "utf8").catch(nullWhenAbsent);
    if (text === null) return null;
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new KeepError(`${join(folder, name)} is no JSON: bring it back from a copy`, { cause });
    }
  };
  const write = async (name: string, document: unknown): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, name);
    const beside = `${path}.${process.pid}.new`;
    await writeFile(beside, `${JSON.stringify(document, null, 2)}\n`, { mode: 0o600 });
    await chmod(beside, 0o600);
    await rename(beside, path);
  };
  const readState = async (): Promise<KeptState> => ({
    ...{ made: [], secretsMadeAtMs: {} },
    ...(await read<KeptState>("state.json")),
  });
  const changeState = async (change: Partial<KeptState>) => write("state.json", { ...(await readState()), ...change });
  const readSecrets = async (): Promise<Secrets> => {
    const about = await stat(secretsPath).catch(nullWhenAbsent);
    if (about !== null && (about.mode & 0o077) !== 0) {
      throw new KeepError(`${secretsPath} can be read by others: chmod 600 ${secretsPath}`);
    }
    return (await read<Secrets>("secrets.json")) ?? {};
  };
  return {
    ...{ secretsPath, readState, changeState, readSecrets },
    readDocument: read,
    writeDocument: write,
    writeSecrets: async (given, nowMs) => {
      await write("secrets.json", { ...(await readSecrets()), ...given });
      const { secretsMadeAtMs } = await readState();
      const now = Object.fromEntries(Object.keys(given).map((name) => [name, nowMs]));
      await changeState({ secretsMadeAtMs: { ...secretsMadeAtMs, ...now } });
    },
    withSecretsFile: async (secrets, use) => {
      const { rm } = await import("node:fs/promises");
      await write("to-send.json", secrets);
      try {
        return await use(join(folder, "to-send.json"));
      } finally {
        await rm(join(folder, "to-send.json"), { force: true });
      }
    },
    lock: async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return lockState(folder);
    },
  };
}

/** A kid that says when its key was made. */
export function kidAt(nowMs: number): string {
  return `k-${new Date(nowMs).toISOString().slice(0, 10)}-${randomBytes(2).toString("hex")}`;
}

export const randomKey = (): string => randomBytes(32).toString("base64url");

/** New secrets for the names that are missing; the evidence log has the name of the host that serves it. */
export function makeSecrets(given: Secrets, about: { host: string; nowMs: number }): Secrets {
  const missing = SECRET_NAMES.filter((name) => given[name] === undefined);
  const kid = given.TOKEN_SIGNING_KID ?? kidAt(about.nowMs);
  const makers: Readonly<Record<SecretName, () => string>> = {
    TOKEN_KEYS: () => JSON.stringify({ [kid]: randomKey() }),
    TOKEN_SIGNING_KID: () => kid,
    ADMIN_API_KEY: () => makeOperatorKey(randomBytes(32)),
    SESSION_KEYS: randomKey,
    EVIDENCE_LOG_KEYS: () => JSON.stringify([{ name: `${about.host}/evidence`, seed: randomKey() }]),
  };
  return Object.fromEntries(missing.map((name) => [name, makers[name]()]));
}

function nullWhenAbsent(cause: NodeJS.ErrnoException): null {
  if (cause.code === "ENOENT") return null;
  throw cause;
}
