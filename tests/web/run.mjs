// Drives the built page in a real browser, case by case. Nothing is tried twice.
// Usage: node run.mjs --dist DIR [--models DIR] [--only NAME] [--lanes N] [--list]
//
// Cases run in lanes beside each other, one browser each. Those that measure time (`alone`) or use
// WebGPU, whose software driver takes all cores, run after the others, in one lane.

import { existsSync, readdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { Lane } from "./lib/lane.mjs";
import { fail, options } from "./lib/options.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const TOTAL_MS = 30 * 60_000;
const MOST_LANES = 2;

const flags = options({
  "--dist": "value",
  "--models": "value",
  "--only": "value",
  "--lanes": "value",
  "--list": "switch",
});

/** Every case of cases/*.mjs, those of one kind of browser together. */
async function collect() {
  const files = readdirSync(path.join(HERE, "cases")).filter((name) => name.endsWith(".mjs")).sort();
  const cases = [];
  for (const file of files) {
    const { default: list } = await import(`./cases/${file}`);
    const group = path.basename(file, ".mjs");
    cases.push(...list.map((one) => ({ graphics: "none", ...one, name: `${group}/${one.name}` })));
  }
  const names = new Set(cases.map(({ name }) => name));
  if (names.size !== cases.length) fail("two cases have one name");
  const wanted = cases.filter(({ name }) => !flags.only || name.includes(flags.only));
  return wanted.sort((a, b) => a.graphics.localeCompare(b.graphics));
}

const oneLine = (text) => text.replace(/\s+/g, " ").trim().slice(0, 4000);

const started = Date.now();
let [n_passed, n_failed] = [0, 0];

/** Takes cases off the queue until there is none. */
async function work(lane, queue) {
  for (let one = queue.shift(); one; one = queue.shift()) {
    const from = Date.now();
    try {
      if (from - started > TOTAL_MS) throw new Error(`the ${TOTAL_MS / 60_000} minutes for all cases were over`);
      await lane.run(one);
      n_passed += 1;
      console.log(`ok ${one.name} (${Date.now() - from} ms)`);
    } catch (err) {
      n_failed += 1;
      console.log(`not ok ${one.name}: ${oneLine(err.message)}`);
    }
  }
}

function laneCount() {
  const n = flags.lanes === undefined ? Math.min(MOST_LANES, os.availableParallelism()) : Number(flags.lanes);
  if (!Number.isInteger(n) || n < 1) fail("--lanes must be a whole number of at least 1");
  return n;
}

async function main() {
  if (!flags.dist || !existsSync(path.join(flags.dist, "index.html"))) {
    fail("--dist must name a built site (a folder with index.html)");
  }
  const cases = await collect();
  if (flags.list) return void cases.forEach(({ name }) => console.log(name));
  if (!cases.length) fail(`no case has "${flags.only}" in its name`);
  const isAlone = (one) => one.alone || one.graphics !== "none";
  const together = cases.filter((one) => !isAlone(one));
  const lanes = await Promise.all(Array.from({ length: laneCount() }, () => new Lane(flags).start()));
  await Promise.all(lanes.map((lane) => work(lane, together)));
  const [first, ...others] = lanes;
  await Promise.all(others.map((lane) => lane.stop()));
  await work(first, cases.filter(isAlone));
  await first.stop();
  console.log(`${n_passed} passed, ${n_failed} failed`);
  process.exit(n_failed === 0 && n_passed > 0 ? 0 : 1);
}

await main();
