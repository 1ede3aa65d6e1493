/**
 * CPU time and memory of workerd, from the kernel's books. Linux only; elsewhere the numbers are NaN.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks a second: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU seconds, user and system, of all workerd processes that this process has started. */
export function workerdCpuSeconds(): number {
  try {
    return childrenNamed("workerd").reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return Number.NaN;
    throw cause;
  }
}

/** Bytes that all workerd processes of this process have in memory now. */
export function workerdResidentBytes(): number {
  try {
    return childrenNamed("workerd").reduce((sum, pid) => sum + residentKilobytes(pid) * 1_024, 0);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return Number.NaN;
    throw cause;
  }
}

function residentKilobytes(pid: string): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN);
}

function childrenNamed(name: string): string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      const stat = readStat(pid);
      return stat !== null && stat.name === name && Number(stat.fields[1]) === process.pid;
    });
}

/** Fields 14 and 15 of proc(5) stat: utime and stime; the fields here begin with the third, the state. */
function cpuSeconds(pid: string): number {
  const fields = readStat(pid)?.fields ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The process's name, and the fields after it; null when it has ended meanwhile. */
function readStat(pid: string): { name: string; fields: string[] } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const nameEnd = stat.lastIndexOf(")");
    return { name: stat.slice(stat.indexOf("(") + 1, nameEnd), fields: stat.slice(nameEnd + 2).split(" ") };
  } catch {
    // ENOENT or ESRCH: the process is gone.
    return null;
  }
}
