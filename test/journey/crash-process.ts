/**
 * The parent's side of crash-runtime.ts: starts a victim in a process group of its own, and kills Node and workerd at
 * once, without a chance to say goodbye.
 *
 * Keeps: only the group that was started here is ever killed; when `kill` resolves, nobody listens on its port, so all
 * its files are closed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export type VictimOptions = {
  readonly statePath: string;
  readonly scriptFile: string;
  readonly vars: Readonly<Record<string, string>>;
  /** Where victims share their compiled modules, which halves the time of a start. */
  readonly cachePath: string;
};

const SCRIPT = fileURLToPath(new URL("crash-runtime.ts", import.meta.url));
const CLOSED_MAX_MS = 10_000;
/** Of a line that is not the Worker's own: enough to recognise it. */
const FAULT_CHARS_MAX = 80;

export class Victim {
  /** Events that victims logged as faults, by name. */
  static readonly faults = new Map<string, number>();
  readonly #child: ChildProcess;
  #url: string | null = null;
  #isKilled = false;

  constructor({ statePath, scriptFile, vars, cachePath }: VictimOptions) {
    const args = [SCRIPT, statePath, scriptFile, JSON.stringify(vars)];
    const env = { ...process.env, NODE_COMPILE_CACHE: cachePath };
    this.#child = spawn(process.execPath, args, { detached: true, stdio: ["pipe", "pipe", "pipe"], env });
    // A pipe to a process that was killed breaks; that is the point.
    this.#child.stdin?.on("error", () => {});
    createInterface({ input: this.#child.stderr as NodeJS.ReadableStream }).on("line", countFault);
  }

  /** Starts the runtime; resolves to its address when it answers. */
  async start(): Promise<string> {
    this.#child.stdin?.write("go\n");
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    for await (const line of lines) {
      this.#url = line;
      return line;
    }
    throw new Error(`the victim ended before it was ready: ${Array.from(Victim.faults.keys()).join("; ")}`);
  }

  /** SIGKILL to the whole group; resolves when it is gone. */
  async kill(): Promise<void> {
    const { pid, exitCode } = this.#child;
    if (this.#isKilled || pid === undefined || exitCode !== null) return;
    this.#isKilled = true;
    const gone = once(this.#child, "exit");
    process.kill(-pid, "SIGKILL");
    await gone;
    const endsAtMs = Date.now() + CLOSED_MAX_MS;
    while (this.#url !== null && (await isListening(Number(new URL(this.#url).port)))) {
      if (Date.now() > endsAtMs) throw new Error("workerd outlived its group");
      await sleep(5);
    }
  }
}

function countFault(line: string): void {
  const name = /"event":"([a-z_]+)"/.exec(line)?.[1] ?? line.slice(0, FAULT_CHARS_MAX);
  Victim.faults.set(name, (Victim.faults.get(name) ?? 0) + 1);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
