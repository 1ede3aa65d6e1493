/**
 * The live page goes on by itself: events of the stream set the figures, the columns and the table that are there.
 *
 *   POST /live → a ticket → EventSource → event "totals" with all sixty minutes anew
 *
 * Keeps: a cut is said, and resumed with a new ticket, each try later than the one before. Nothing is read while nobody
 * looks. Where there is no stream, the page is read again. The page works without it, by its link.
 */
import { parseJson } from "../../core/base64url.ts";
import { isOpenMinute, LIVE_FIGURES, type LiveMinute, liveColumns, sumOf } from "../live-window.ts";

const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 30_000;
const AGAIN_MS = 10_000;
/** Reasons are in no event: they are read again when something was not plainly counted, so often at most. */
const REASONS_EVERY_MS = 15_000;

type Totals = { readonly asOf: string; readonly minutes: readonly LiveMinute[] };

const page = document.querySelector<HTMLElement>("[data-live]");
if (page !== null) goOn(page);

function goOn(root: HTMLElement): void {
  const state = root.querySelector<HTMLElement>("[data-live-state]");
  let stream: EventSource | null = null;
  let tries = 0;
  let timer = 0;

  const say = (text: string, isLive: boolean): void => {
    root.classList.toggle("is-live", isLive);
    if (state !== null && state.textContent !== text) state.textContent = text;
  };
  const later = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(start, ms);
  };
  const cut = (): void => {
    stream?.close();
    stream = null;
    const waitMs = Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries) * jitter();
    tries++;
    say(`Cut off: what stands here may be old. Trying again in ${Math.ceil(waitMs / 1_000)} s.`, false);
    later(waitMs);
  };
  const open = (path: string): void => {
    stream = new EventSource(path);
    stream.addEventListener("totals", (event) => {
      tries = 0;
      say("Live: what is counted appears here within seconds.", true);
      draw(root, parseJson((event as MessageEvent<string>).data) as Totals);
    });
    stream.onerror = cut;
  };
  async function start(): Promise<void> {
    if (document.hidden) return;
    if (root.dataset["live"] === "again") {
      await readAgain(root, "[data-live]").then(() => say(`Read again every ${AGAIN_MS / 1_000} seconds.`, true), cut);
      return later(AGAIN_MS);
    }
    const body = new URLSearchParams({ token: root.dataset["token"] ?? "" });
    const answered = await fetch("/live", { method: "POST", body, redirect: "manual" }).catch(() => null);
    if (answered?.status === 401 || answered?.status === 403) {
      return say("Your session has ended: load the page again to sign in.", false);
    }
    if (answered?.ok !== true) return cut();
    open(((await answered.json()) as { path: string }).path);
  }
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) return later(0);
    stream?.close();
    stream = null;
  });
  void start();
}

/** From ¾ to 1¼, so that browsers which were cut off together do not come back together. */
function jitter(): number {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  return 0.75 + random / 2 ** 33;
}

let unplain = -1;
let reasonsAtMs = 0;

function draw(root: HTMLElement, { asOf, minutes }: Totals): void {
  const { locale, zone } = root.dataset;
  const number = new Intl.NumberFormat(locale);
  const short = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  const clock = new Intl.DateTimeFormat(locale, { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  const timeOf = (at: number) => clock.format(Date.parse(minutes[at]?.minute ?? asOf));
  const set = (selector: string, text: string): void => {
    const element = root.querySelector(selector);
    if (element !== null && element.textContent !== text) element.textContent = text;
  };
  for (const name of LIVE_FIGURES) {
    set(`[data-live-sum="${name}"]`, number.format(sumOf(minutes, name)));
    set(`[data-live-now="${name}"]`, number.format(minutes.at(-1)?.[name] ?? 0));
  }
  const { top, gross, valid } = liveColumns(minutes);
  set("[data-live-top]", short.format(top));
  for (const [at, group] of root.querySelectorAll("[data-live-minute]").entries()) {
    const minute = minutes[at];
    const [outline, fill, slot] = group.children;
    if (minute === undefined) continue;
    for (const [rect, column] of [
      [outline, gross[at]],
      [fill, valid[at]],
    ] as const) {
      rect?.setAttribute("y", String(column?.y ?? 0));
      rect?.setAttribute("height", String(column?.tall ?? 0));
    }
    fill?.setAttribute("class", `fill ${isOpenMinute(minute.minute, Date.parse(asOf)) ? "open" : "live"}`);
    const title = slot?.querySelector("title");
    const text = `${timeOf(at)}: ${number.format(minute.clicks)} of ${number.format(minute.grossClicks)}`;
    if (title !== null && title !== undefined) title.textContent = text;
  }
  for (const tick of root.querySelectorAll<SVGElement>("[data-live-tick]")) {
    tick.textContent = timeOf(Number(tick.dataset["liveTick"]));
  }
  for (const [at, row] of root.querySelectorAll("[data-live-row]").entries()) {
    const from = minutes.length - 1 - at;
    const texts = [timeOf(from), ...LIVE_FIGURES.map((name) => number.format(minutes[from]?.[name] ?? 0))];
    for (const [column, cell] of Array.from(row.children).entries()) cell.textContent = texts[column] ?? "";
  }
  readReasons(root, sumOf(minutes, "grossClicks") - sumOf(minutes, "clicks"));
}

function readReasons(root: HTMLElement, now: number): void {
  const isNew = unplain !== -1 && now > unplain;
  if (unplain === -1) unplain = now;
  if (!isNew || Date.now() - reasonsAtMs < REASONS_EVERY_MS) return;
  unplain = now;
  reasonsAtMs = Date.now();
  // The next change tries again.
  readAgain(root, "#live-reasons").catch(() => undefined);
}

/** Puts a part of the page as it is now in the place of that part as it was. */
async function readAgain(root: HTMLElement, selector: string): Promise<void> {
  const answered = await fetch("/live");
  if (!answered.ok) throw new Error(String(answered.status));
  const fresh = new DOMParser().parseFromString(await answered.text(), "text/html").querySelector(selector);
  const old = root.matches(selector) ? root : root.querySelector(selector);
  if (fresh === null || old === null) throw new Error(`no ${selector}`);
  old.replaceChildren(...fresh.children);
}
