/**
 * A progress bar on stderr; nothing where stderr is not a terminal.
 */
const WIDTH = 32;

export function progressBar(label: string, total: number): { update: (done: number) => void; end: () => void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { update: () => {}, end: () => {} };
  let shown = "";
  const update = (done: number) => {
    const filled = Math.round((WIDTH * done) / total);
    const line = `${label} [${"#".repeat(filled)}${".".repeat(WIDTH - filled)}] ${done}/${total}`;
    if (line === shown) return;
    shown = line;
    stderr.write(`\r${line}`);
  };
  return { update, end: () => stderr.write("\r\x1b[K") };
}
