/**
 * The one command by which somebody checks for themselves what a screen says, ready to copy: with the address of this
 * service and the key of its evidence log.
 *
 * Keeps: nothing of it is checked here. What runs is the tarball that the operator gave, beside which the command is
 * typed: nothing is fetched by its name. The key of the log is what this service says it is, and the page tells to
 * compare it with the one that the operator gave by another way.
 */
import type { ApiClient } from "./api-client.ts";
import { quoted } from "./behind.tsx";

/** As `npm pack -w packages/verify` names it; `--yes`, since npx would ask before it unpacks. */
const VERIFIER_TARBALL = "clickledger-verify-0.1.0.tgz";
const PROGRAM = `npx --yes --package ./${VERIFIER_TARBALL} clickledger-verify`;

type Keys = { readonly keys: readonly { readonly vkey: string }[] };

/** `words` follow the program; `origin` is where the verifier asks, if it does. */
export async function VerifyCommand({
  api,
  words,
  origin,
  said,
}: {
  api: ApiClient;
  words: readonly string[];
  origin: string | null;
  said: string;
}) {
  const answer = await api.get<Keys>("/evidence/keys");
  const vkey = answer.ok ? answer.value.keys[0]?.vkey : undefined;
  const command = [
    ...[PROGRAM, ...words.map((word) => (/^[\w./-]+$/.test(word) ? word : quoted(word)))],
    ...(origin === null ? [] : [`--url ${origin}`]),
    ...(vkey === undefined ? [] : [`--log-key ${quoted(vkey)}`]),
  ].join(" ");
  return (
    <div class="verify">
      <p>{said}</p>
      <pre>
        <code>{command}</code>
      </pre>
      <p class="soft">
        {vkey === undefined
          ? "The evidence log has published nothing yet, so that this can be checked later."
          : "Compare the log’s key with the one that the operator gave you by another way, the first time you look."}
      </p>
    </div>
  );
}
