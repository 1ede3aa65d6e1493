/**
 * Sentences of the API and of the methodology: what stands between backticks in them is code.
 */
export function Said({ text }: { text: string }) {
  return <>{text.split("`").map((part, at) => (at % 2 === 1 ? <code>{part}</code> : part))}</>;
}
