/** What axe finds in a page, each finding in a line; and how far the page is wider than its window. */
import axe from "axe-core";
import type { Page } from "playwright-core";

/** The rules of WCAG 2.2 A and AA and axe's best practices, over all that is to be seen. */
export async function axeFindings(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const { axe: loaded } = globalThis as unknown as { axe: typeof axe };
    return (await loaded.run(document, { resultTypes: ["violations"] })).violations;
  });
  return violations.flatMap(({ id, nodes }) => nodes.slice(0, 5).map(({ target }) => `${id}: ${target.join(" ")}`));
}

/** Opens what is folded in the text; menus stay closed. */
export async function unfold(page: Page): Promise<void> {
  await page.evaluate(() => {
    for (const details of document.querySelectorAll<HTMLDetailsElement>("main details:not(.menu)")) details.open = true;
  });
}

/** Elements that reach beyond the window, where the page can be scrolled sideways; none where it cannot. */
export async function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = Array.from(document.querySelectorAll("body *")).filter(
      (one) => one.getBoundingClientRect().right > clientWidth + 1,
    );
    const names = wide.slice(0, 5).map((one) => `${one.tagName.toLowerCase()}.${one.getAttribute("class") ?? ""}`);
    return [`${scrollWidth} of ${clientWidth} px`, ...names];
  });
}
