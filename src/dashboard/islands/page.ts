/**
 * What a page can do where scripts run, and does not need: keys, a cursor over the chart, closing menus, whole
 * addresses.
 *
 *   [data-key="d"]   is followed by the key d       [data-chart]   ← → move a cursor, ↵ follows it
 *   [data-opens]     a button that loads a script when it is pressed
 *
 * Keeps: adds nothing that the page does not say already: a tip is the title of a window, a key is a link that is
 * there.
 */
const TYPING = "input, select, textarea, [contenteditable]";

let chord = "";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if ((event.target as Element).closest(TYPING) !== null) return;
  if (event.key === "Escape") return closeMenus(null);
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const keys = chord === "" ? name : `${chord} ${name}`;
  const target = document.querySelector<HTMLElement>(`[data-key="${CSS.escape(keys)}"]`);
  chord = chord === "" && name === "g" ? "g" : "";
  if (target === null || (event.target as Element).closest("[data-chart]") !== null) return;
  event.preventDefault();
  target.click();
});

/** Closes menus, but for the one that holds an element. */
function closeMenus(holds: Element | null): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (holds === null || !menu.contains(holds)) menu.open = false;
  }
}

document.addEventListener("click", (event) => closeMenus(event.target as Element));

for (const code of document.querySelectorAll<HTMLElement>("[data-origin-of]")) {
  const path = code.dataset["originOf"] ?? "";
  code.textContent = code.textContent?.replace(`'${path}'`, `'${location.origin}${path}'`) ?? "";
}

for (const plot of document.querySelectorAll<HTMLElement>("[data-chart]")) addCursor(plot);

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-opens]")) {
  button.hidden = false;
  button.addEventListener("click", () => void import(button.dataset["opens"] ?? ""));
}

/** A cursor over the windows of a chart, for pointers and for keys. */
function addCursor(plot: HTMLElement): void {
  const slots = Array.from(plot.querySelectorAll<SVGRectElement>(".slot"));
  if (slots.length === 0) return;
  const titles = slots.map((slot) => slot.querySelector("title")?.textContent ?? "");
  // The tip says it sooner than the browser's own.
  for (const slot of slots) slot.querySelector("title")?.remove();
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  const handle = document.createElement("div");
  handle.className = "cursor";
  handle.tabIndex = 0;
  handle.setAttribute("role", "slider");
  handle.setAttribute("aria-label", "Windows of the chart");
  handle.setAttribute("aria-valuemin", "1");
  handle.setAttribute("aria-valuemax", String(slots.length));
  plot.append(handle, tip);
  let at = slots.length - 1;

  const show = (next: number): void => {
    slots[at]?.classList.remove("at");
    at = Math.max(0, Math.min(slots.length - 1, next));
    const slot = slots[at];
    if (slot === undefined) return;
    slot.classList.add("at");
    handle.setAttribute("aria-valuenow", String(at + 1));
    handle.setAttribute("aria-valuetext", titles[at] ?? "");
    tip.textContent = titles[at] ?? "";
    tip.hidden = false;
    const [outer, inner] = [plot.getBoundingClientRect(), slot.getBoundingClientRect()];
    const left = inner.left - outer.left + inner.width / 2 - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(0, Math.min(outer.width - tip.offsetWidth, left))}px`;
    tip.style.top = "0";
  };
  const hide = (): void => {
    slots[at]?.classList.remove("at");
    tip.hidden = true;
  };
  handle.setAttribute("aria-valuenow", String(at + 1));
  handle.setAttribute("aria-valuetext", titles[at] ?? "");
  handle.addEventListener("focus", () => show(at));
  handle.addEventListener("blur", hide);
  handle.addEventListener("keydown", (event) => {
    const steps: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: slots.length - 1 };
    const next = steps[event.key];
    if (next !== undefined) show(next);
    else if (event.key === "Enter") slots[at]?.closest("a")?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  for (const [index, slot] of slots.entries()) slot.addEventListener("pointerenter", () => show(index));
  plot.addEventListener("pointerleave", hide);
}
