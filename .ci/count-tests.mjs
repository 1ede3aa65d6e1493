// `node .ci/count-tests.mjs RESULTS`: prints `PASSED FAILED` of Vitest's results in JSON, and names what has failed on
// standard error, each with the first line of why. A file that does not even load, or whose hook fails, is one failure;
// so is a run without results. Runs before anything is installed.
import { readFileSync } from "node:fs";

const WHY_CHARACTERS = 300;

function resultsOf(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).testResults;
  } catch {
    return [];
  }
}

function tell(file, test, why) {
  const [first] = String(why ?? "").split("\n");
  const name = [file.slice(process.cwd().length + 1), test].filter(Boolean).join(" > ");
  console.error(`failed: ${name}: ${first.slice(0, WHY_CHARACTERS)}`);
}

let passed = 0;
let failed = 0;
for (const file of resultsOf(process.argv[2])) {
  const tests = file.assertionResults;
  const failures = tests.filter((test) => test.status === "failed");
  passed += tests.filter((test) => test.status === "passed").length;
  for (const test of failures) tell(file.name, test.fullName, test.failureMessages?.[0]);
  const isUnloaded = file.status === "failed" && failures.length === 0;
  if (isUnloaded) tell(file.name, "", file.message);
  failed += failures.length + (isUnloaded ? 1 : 0);
}
console.log(passed, failed);
