/**
 * What all pages have in common: the document, the masthead, the navigation, the foot; and how a page is sent.
 *
 *   head, masthead, title │ section │ section │ … │ foot        each sent as soon as it and those above it are there
 *
 * Keeps: sections are asked for at once and sent in their order, so what stands first is seen first, nothing moves when
 * the rest arrives, and it works without scripts. No inline style and no inline script: the policy forbids both.
 * Whatever a section throws becomes a sentence in its place.
 */
import { raw } from "hono/html";
import type { Child, JSXNode } from "hono/jsx";
import type { HtmlEscapedString } from "hono/utils/html";
import { logFault } from "../log.ts";
import { type StaticFile, staticAddress } from "../static-files.ts";
import { GROUPS, isFor, keyOf, SCREEN_ENTRIES, SCREEN_PATHS, type ViewerKind } from "./navigation.ts";
import { Said } from "./said.tsx";
import type { Viewer } from "./viewer.ts";

/** What a page is made of; a section may take its time. */
export type Drawn = JSXNode | HtmlEscapedString | null;
export type Section = Drawn | Promise<Drawn>;

export type Page = {
  readonly title: string;
  readonly path: string;
  readonly viewer: Viewer | null;
  readonly sections: readonly Section[];
  readonly status?: number;
  /** Scripts of the page beside the one of every page. */
  readonly scripts?: readonly StaticFile[];
  readonly headers?: Readonly<Record<string, string>>;
};

export const PAGE_HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "private, no-store",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
} as const;

const MARK = "<!--sections-->";

/** The page as an answer, sent piece by piece. */
export function sendPage(page: Page): Response {
  const whole = String(<Document {...page} />);
  const [head = "", foot = ""] = whole.split(MARK);
  // A page of no screen says in its place what it is; its trouble is a part of it.
  const heading = page.path === "" && page.viewer !== null ? [<h1 class="for-ears">{page.title}</h1>] : [];
  const sections = [...heading, ...page.sections].map((section) => settled(section));
  const encoder = new TextEncoder();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const send = async () => {
    const writer = writable.getWriter();
    await writer.write(encoder.encode(`<!doctype html>${head}`));
    for (const section of sections) await writer.write(encoder.encode(await section));
    await writer.write(encoder.encode(foot));
    await writer.close();
  };
  // A section never fails (`settled`): what cannot be written has nobody left who reads it, and that is no fault.
  send().catch(() => undefined);
  const headers = new Headers({ ...PAGE_HEADERS, ...page.headers });
  return new Response(readable, { status: page.status ?? 200, headers });
}

async function settled(section: Section): Promise<string> {
  try {
    return String((await (await section)?.toString()) ?? "");
  } catch (fault) {
    logFault("section_failed", fault);
    return String(
      <Trouble title="This part could not be shown" detail="The fault is logged. Try again in a minute." />,
    );
  }
}

/** A sentence that helps, and a way on. */
export function Trouble({ title, detail, children }: { title: string; detail: string; children?: Child }) {
  return (
    <section class="trouble" role="alert">
      <h2>
        <Said text={title} />
      </h2>
      <p>
        <Said text={detail} />
      </p>
      {children}
    </section>
  );
}

function Document({ title, path, viewer, scripts = [] }: Page) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${title} · Clickledger`}</title>
        <link rel="icon" href={staticAddress("mark.svg")} type="image/svg+xml" />
        <link rel="stylesheet" href={staticAddress("ledger.css")} />
        {(["page.js", ...scripts] as const).map((name) => (
          <script type="module" src={staticAddress(name)} />
        ))}
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to the figures
        </a>
        <header class="masthead">
          <p class="brand">
            <a href="/">Clickledger</a>
          </p>
          {viewer === null ? null : <Navigation viewer={viewer} path={path} />}
        </header>
        <main id="main" tabindex={-1}>
          {raw(MARK)}
        </main>
        <footer class="foot">
          <p>
            <a href="/docs">Reference</a> · <a href="/.well-known/ad-measurement.json">How it is measured</a> · every
            figure on these pages is an answer of the API
          </p>
        </footer>
      </body>
    </html>
  );
}

function Navigation({ viewer, path }: { viewer: Viewer; path: string }) {
  return (
    <>
      <nav aria-label="Screens">
        <details class="menu screens">
          <summary>Menu</summary>
          <NavigationGroups kind={viewer.kind} path={path} />
        </details>
        <div class="screens-wide">
          <NavigationGroups kind={viewer.kind} path={path} />
        </div>
      </nav>
      <details class="menu account">
        <summary>{viewer.name}</summary>
        <div class="panel">
          <p>{WHOSE_KEY[viewer.kind] ?? `${viewer.kind} ${viewer.ownerId ?? ""}`}</p>
          <form method="post" action="/sign-out">
            <input type="hidden" name="token" value={viewer.formToken} />
            <button type="submit">Sign out</button>
          </form>
        </div>
      </details>
    </>
  );
}

const WHOSE_KEY: Partial<Record<ViewerKind, string>> = {
  operator: "The operator’s key: all tenants",
  auditor: "An auditor’s key: the books of all tenants. Each look is on record.",
  finance: "A key for statements alone",
};

function NavigationGroups({ kind, path }: { kind: ViewerKind; path: string }) {
  return (
    <ul class="groups">
      {GROUPS.map((group) => {
        const shown = SCREEN_PATHS.filter((one) => SCREEN_ENTRIES[one].group === group && isFor(one, kind));
        return shown.length === 0 ? null : (
          <li>
            <span class="group">{group}</span>
            <ul>
              {shown.map((one) => (
                <li>
                  <a href={one} aria-current={one === path ? "page" : undefined} data-key={`g ${keyOf(one)}`}>
                    {SCREEN_ENTRIES[one].title}
                  </a>
                </li>
              ))}
            </ul>
          </li>
        );
      })}
    </ul>
  );
}
