/**
 * The screens there are: where each stands in the navigation, and who may see it (screens.ts has what draws them).
 *
 * Keeps: data alone, since the table of routes loads it too. A screen that a viewer may not see is one that does not
 * exist for them, by its address too.
 */
export type ViewerKind = "advertiser" | "publisher" | "operator" | "auditor" | "finance";

export type ScreenEntry = {
  readonly title: string;
  /** Its heading in the navigation; screens that are reached from others have none. */
  readonly group: "Look" | "Look into" | "Operate" | "Build" | null;
  readonly for: readonly ViewerKind[];
  /** The key that leads there. */
  readonly key?: string;
};

const ALL: readonly ViewerKind[] = ["advertiser", "publisher", "operator"];

export const SCREEN_ENTRIES = {
  "/": { title: "Overview", group: "Look", for: ALL, key: "o" },
  "/live": { title: "Live", group: "Look", for: ALL, key: "r" },
  "/explore": { title: "Explore", group: "Look", for: ALL, key: "e" },
  "/changes": { title: "Changes", group: "Look", for: ["advertiser", "operator"], key: "w" },
  "/campaign": { title: "Campaign", group: null, for: ALL },
  "/ad": { title: "Ad", group: null, for: ALL },
  "/quality": { title: "Quality", group: "Look into", for: ALL, key: "q" },
  "/conversions": { title: "Conversions", group: "Look into", for: ["advertiser", "operator"], key: "v" },
  "/clicks": { title: "Clicks", group: "Look into", for: [...ALL, "auditor"], key: "c" },
  "/statements": { title: "Statements", group: "Look into", for: [...ALL, "auditor", "finance"], key: "s" },
  "/late-clicks": { title: "Late clicks", group: "Operate", for: ["operator", "advertiser"], key: "l" },
  "/dead-letters": { title: "Dead letters", group: "Operate", for: ["operator"], key: "d" },
  "/audits": { title: "Audits", group: "Operate", for: ["operator", "auditor"], key: "u" },
  "/second-looks": { title: "Second looks", group: "Operate", for: ["operator", "auditor"], key: "f" },
  "/tenants": { title: "Tenants and keys", group: "Operate", for: ["operator"], key: "k" },
  "/audit-log": { title: "Audit log", group: "Operate", for: ["operator", "auditor"], key: "a" },
  "/health": { title: "Health", group: "Operate", for: ["operator"], key: "h" },
  "/webhooks": { title: "Webhooks", group: "Build", for: ["advertiser", "operator"], key: "b" },
  "/try": { title: "Try a link", group: "Build", for: ALL, key: "t" },
} as const satisfies Readonly<Record<string, ScreenEntry>>;

export type ScreenPath = keyof typeof SCREEN_ENTRIES;
export const SCREEN_PATHS = Object.keys(SCREEN_ENTRIES) as readonly ScreenPath[];
export const GROUPS = ["Look", "Look into", "Operate", "Build"] as const;

/** What a path shows to a kind of viewer; null where there is nothing. */
export function screenAt(path: string, kind: ViewerKind): ScreenPath | null {
  const known = SCREEN_PATHS.find((one) => one === path);
  return known !== undefined && isFor(known, kind) ? known : null;
}

export function isFor(path: ScreenPath, kind: ViewerKind): boolean {
  const { for: kinds }: ScreenEntry = SCREEN_ENTRIES[path];
  return kinds.includes(kind);
}

/** Where somebody arrives who names no screen. */
export function firstFor(kind: ViewerKind): ScreenPath {
  return isFor("/", kind) ? "/" : "/statements";
}

/** The key that follows `g`; those of screens without one stand in no navigation. */
export function keyOf(path: ScreenPath): string | undefined {
  const { key }: ScreenEntry = SCREEN_ENTRIES[path];
  return key;
}
