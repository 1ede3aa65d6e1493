/**
 * Whether a browser asks for a page, rather than a program for an answer.
 *
 * Keeps: a program that accepts anything gets JSON; only who names HTML is a browser.
 */
export function wantsPage({ headers, method }: Pick<Request, "headers" | "method">): boolean {
  const isRead = method === "GET" || method === "HEAD";
  return isRead && headers.get("Accept")?.includes("text/html") === true;
}
