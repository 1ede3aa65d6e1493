/**
 * What a deployment needs of this machine: a commit that says what is deployed, and a Node that runs the tools.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { PROJECT_ROOT } from "../project.ts";

const run = promisify(execFile);
const NODE_MIN = 22;

/** The state of the clone. */
export type Checkout = { readonly commit: string; readonly isClean: boolean; readonly node: string };

export async function readCheckout(): Promise<Checkout> {
  const git = async (...args: string[]) => (await run("git", args, { cwd: PROJECT_ROOT })).stdout.trim();
  const node = process.versions.node;
  try {
    return { commit: await git("rev-parse", "HEAD"), isClean: (await git("status", "--porcelain")) === "", node };
  } catch (cause) {
    // No git, or an archive without its history: nothing says what is deployed.
    if ((cause as { code?: unknown }).code === undefined) throw cause;
    return { commit: "", isClean: false, node };
  }
}

export function machineFaults({ commit, isClean, node }: Checkout, options: { isDirtyAllowed: boolean }): string[] {
  const faults: string[] = [];
  if (Number(node.split(".")[0]) < NODE_MIN) {
    faults.push(`node_old: this is Node ${node}, and wrangler needs ${NODE_MIN}: npm ci, then npm run deploy`);
  }
  if (!isClean && !options.isDirtyAllowed) {
    const what =
      commit === "" ? "this is no clone, so no commit says" : "files are changed that are in no commit, so none says";
    faults.push(`tree_dirty: ${what} what is deployed: commit first, or --allow-dirty`);
  }
  return faults;
}
