/**
 * What all pages of tenants and keys have in common: the tabs, and what has been done.
 */
import { Done } from "./forms.tsx";
import type { ScreenAsked } from "./screens.ts";
import { type Section, sendPage } from "./shell.tsx";
import { KIND_NAMES, kindOf, tenantsPath } from "./tenant-kinds.ts";

const TITLE = "Tenants and keys";

/** The page around what was asked for; its answer is kept by nobody, since one holds a key. */
export function tenantsPage({
  viewer,
  sections,
  kind,
  search = new URLSearchParams(),
}: Pick<ScreenAsked, "viewer"> & {
  readonly sections: readonly Section[];
  readonly kind: string;
  readonly search?: URLSearchParams;
}): Response {
  const done = DONE[search.get("done") ?? ""];
  return sendPage({
    title: TITLE,
    path: "/tenants",
    viewer,
    sections: [
      <h1>{TITLE}</h1>,
      <ul class="tabs" aria-label="What">
        {[...KIND_NAMES, "keys" as const].map((name) => (
          <li>
            <a href={tenantsPath({ kind: name })} aria-current={name === kind ? "true" : undefined}>
              {name === "keys" ? "Keys" : kindOf(name).title}
            </a>
          </li>
        ))}
      </ul>,
      done === undefined ? null : <Done>{done}</Done>,
      ...sections,
    ],
  });
}

const DONE: Readonly<Record<string, string>> = {
  created: "It is there, and in the audit log.",
  saved: "What changed is saved, and in the audit log.",
  revoked: "The key is revoked: requests with it are refused, and its sessions end within thirty seconds.",
  secret: "The postback secret has ended. The next one is shown by GET /v1/conversions/secret.",
};
