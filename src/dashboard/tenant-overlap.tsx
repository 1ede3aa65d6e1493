/**
 * How long what is replaced is taken still, beside its successor.
 */
import { Field } from "./forms.tsx";

/** Seconds → in words. */
export const OVERLAPS: Readonly<Record<string, string>> = {
  "0": "at once",
  "3600": "after an hour",
  "86400": "after a day",
  "604800": "after a week",
  "2592000": "after 30 days",
};

export function Overlap({ label, of }: { label: string; of: string }) {
  const choices = Object.entries(OVERLAPS).map(
    ([seconds, words]) => [seconds, words === "at once" ? "no longer" : words.replace("after", "for")] as const,
  );
  return <Field {...{ name: "overlapSeconds", label, of, choices, value: "0" }} />;
}
