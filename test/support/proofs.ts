/**
 * Documents whose every statement names the test that holds it.
 *
 *   - A list item, or a row of a table, may go on over several lines and ends with its tests.
 *     `test/core/givt.test.ts › the rules › are pure`; `test/core/time.test.ts › …`
 *
 * A test is named by its file and its title, after as many titles of groups around it as tell it from others. Titles
 * stand as the code spells them: `%s` is a case of a table.
 *
 * Keeps: below the first heading of second level there is no text that is neither a statement nor a table's head.
 */
import { parseModule, type TextFile } from "./tidy.ts";

const TEST_NAME = /`(test\/[^` ]+) › ([^`]+)`/g;
/** What a statement ends with; a row of a table also with its bar. */
const ENDS_WITH_TESTS = /`test\/[^` ]+ › [^`]+`(; `test\/[^` ]+ › [^`]+`)*( \|)?$/;
const SEPARATOR = " › ";

export type Statement = { readonly line: number; readonly text: string };

/** Titles of a file's tests, each behind those of the groups around it. */
export function testTitles(file: TextFile): string[] {
  const calls = parseModule(file).nodes.flatMap((node) => {
    const kind =
      node.type === "CallExpression" ? /^(it|test|describe)\b/.exec(file.text.slice(node.start))?.[1] : undefined;
    const [title, body] = kind === undefined ? [] : (node["arguments"] as (typeof node)[]);
    if (title === undefined || body === undefined || !/^(Literal|TemplateLiteral)$/.test(title.type)) return [];
    const isPlain = title.type === "Literal";
    const text = isPlain ? String(title["value"]) : file.text.slice(title.start + 1, title.end - 1);
    return [{ isGroup: kind === "describe", text, start: node.start, end: node.end }];
  });
  return calls
    .filter(({ isGroup }) => !isGroup)
    .map(({ text, start, end }) => {
      const around = calls.filter((group) => group.isGroup && group.start < start && group.end > end);
      return [...around.map((group) => group.text), text].join(SEPARATOR);
    });
}

/** List items and rows of tables below the introduction, each as one line. */
export function statements(markdown: string): Statement[] {
  const found: Statement[] = [];
  let isIntroduction = true;
  for (const [index, line] of markdown.split("\n").entries()) {
    const previous = found.at(-1);
    if (line.startsWith("## ")) isIntroduction = false;
    if (isIntroduction || line === "" || line.startsWith("#") || isTableHead(markdown, index)) continue;
    if (line.startsWith("  ") && previous !== undefined) {
      found[found.length - 1] = { line: previous.line, text: `${previous.text} ${line.trim()}` };
    } else found.push({ line: index + 1, text: line });
  }
  return found;
}

function isTableHead(markdown: string, index: number): boolean {
  const [line = "", next = ""] = markdown.split("\n").slice(index, index + 2);
  const isRule = (text: string) => /^\|(-+\|)+$/.test(text);
  return isRule(line) || isRule(next);
}

/** Statements that no test holds: without a name, with the name of a test that is not there, or of several. */
export function unproven(document: TextFile, titlesOf: (path: string) => readonly string[] | null): string[] {
  return statements(document.text).flatMap(({ line, text }) => {
    const where = `${document.path}:${line}`;
    if (!ENDS_WITH_TESTS.test(text)) return [`${where}: names no test at its end`];
    return Array.from(text.matchAll(TEST_NAME)).flatMap(([, path = "", title = ""]) => {
      const titles = titlesOf(path);
      if (titles === null) return [`${where}: there is no ${path}`];
      const fitting = titles.filter((known) => known === title || known.endsWith(`${SEPARATOR}${title}`));
      return fitting.length === 1 ? [] : [`${where}: ${fitting.length} tests of ${path} are called "${title}"`];
    });
  });
}
