/**
 * Puts the verifier into one file without dependencies, so that its tarball installs and runs without a network.
 */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  entryPoints: [here("src/cli.js")],
  outfile: here("dist/clickledger-verify.js"),
  ...{ bundle: true, platform: "node", target: "node20", format: "esm", legalComments: "inline" },
});
