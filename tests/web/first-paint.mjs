// Opens a site whose modules mark what runs (`cargo xtask dist`) until its first map is on
// screen, on the processor and with WebGPU, a few times each, and prints what ran as JSON:
// {"cpu": {"page": [numbers of marks], "engine-relaxed": …}, "gpu": …}.
// Usage: node first-paint.mjs --dist DIR

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

import { launch } from "./lib/browser.mjs";
import { Explorer } from "./lib/explorer.mjs";
import { modelsFolder, small } from "./lib/fixtures.mjs";
import { options } from "./lib/options.mjs";
import { Site } from "./server.mjs";

const flags = options({ "--dist": "value" });

/** In a page or worker: the name of each marked module, and the numbers of the marks that were set. */
const marked = () =>
  globalThis.marked.map((module) => {
    const [[name, memory]] = Object.entries(module).filter(([name]) => name.startsWith("ran:"));
    const marks = [];
    new Uint8Array(memory.buffer).forEach((ran, mark) => ran && marks.push(mark));
    return [name.slice(4), marks];
  });

/** Until nothing new has run for a while: a page is ready before its worker has painted the wall. */
async function quiet(places, pace) {
  let [before, n_same] = [-1, 0];
  while (n_same < 3) {
    await new Promise((resolve) => setTimeout(resolve, 200 * pace));
    const ran = await Promise.all(places.map((place) => place.evaluate(marked)));
    const now = ran.flat().reduce((sum, [, marks]) => sum + marks.length, 0);
    n_same = now === before ? n_same + 1 : 0;
    before = now;
  }
}

/** How many times slower than this machine a page is, one opening after the other: what runs depends on who waits. */
const PACES = [1, 3, 1, 4, 2, 1, 2, 1, 1, 1];

/** Keeps every core busy: work that is cut into slices by the clock pauses then, in the worker too. */
const busy = () => Array.from({ length: 2 * availableParallelism() }, () => new Worker("for (;;);", { eval: true }));

/** Opens the page once and adds the marks of its modules to `found`. */
async function open(engine, graphics, pace, found) {
  const overlay = modelsFolder({ "small-gpt2": { title: "Small GPT-2", files: small().gpt2 } });
  const site = await new Site({ dist: flags.dist, base: "/", overlay }).start();
  // Who waits for a model is shown how far it has come.
  if (pace > 1) site.rules.add({ match: /\/models\/./, rate: 160_000 / pace });
  const rivals = pace > 1 ? busy() : [];
  const browser = await launch(graphics);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  // The foot of the page is made of what comes later.
  await page.addInitScript(() => addEventListener("vitrine-rest", (event) => event.stopImmediatePropagation()));
  await (await context.newCDPSession(page)).send("Emulation.setCPUThrottlingRate", { rate: pace });
  const explorer = new Explorer(page, site);
  await explorer.open(engine === "gpu" ? "#engine=gpu" : "");
  await explorer.started(120_000);
  const places = [page, page.workers()[0]];
  await quiet(places, pace);
  for (const place of places) {
    for (const [name, marks] of await place.evaluate(marked)) {
      found[name] = [...new Set([...(found[name] ?? []), ...marks])];
    }
  }
  await Promise.all(rivals.map((rival) => rival.terminate()));
  await browser.close();
  await site.stop();
}

const found = {};
for (const [engine, graphics] of [["cpu", "none"], ["gpu", "gpu"]]) {
  found[engine] = {};
  for (const pace of PACES) await open(engine, graphics, pace, found[engine]);
}
console.log(JSON.stringify(found));
