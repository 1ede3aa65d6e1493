/**
 * The smallest transparent GIF that every browser takes: 1 × 1, 43 bytes (GIF89a with a graphic control extension).
 */
const PIXEL = Uint8Array.from(
  [
    "474946383961", // GIF89a
    "01000100800000", // 1 × 1, a table of two colours
    "000000ffffff", // the table
    "21f90401000000", // the first colour is transparent
    "00",
    "2c00000000010001000002024401003b", // the image, and the end
  ]
    .join("")
    .match(/../g) ?? [],
  (pair) => Number.parseInt(pair, 16),
);

/** The pixel, never cached; under HEAD its headers alone. */
export function pixelResponse(method: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(method === "HEAD" ? null : PIXEL, {
    headers: {
      "Content-Type": "image/gif",
      "Content-Length": String(PIXEL.length),
      "Cache-Control": "no-store",
      "X-Robots-Tag": "noindex",
      "X-Content-Type-Options": "nosniff",
      "Cross-Origin-Resource-Policy": "cross-origin",
      ...headers,
    },
  });
}
