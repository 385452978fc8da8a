// Opens a site whose modules mark what runs (`cargo xtask dist`) until its first map is on
// screen, once on the processor and once with WebGPU, and prints what ran as JSON:
// {"page": {"cpu": [names], "gpu": [names]}, "engine": …}.
// Usage: node first-paint.mjs --dist DIR

import { launch } from "./lib/browser.mjs";
import { Explorer } from "./lib/explorer.mjs";
import { modelsFolder, small } from "./lib/fixtures.mjs";
import { options } from "./lib/options.mjs";
import { Site } from "./server.mjs";

const flags = options({ "--dist": "value" });

/** Names of the functions that have run, in a page or worker. */
const marked = () =>
  Object.entries(globalThis.marked)
    .filter(([name, mark]) => name.startsWith("ran:") && mark.value)
    .map(([name]) => name.replace(/^ran:\d+:/, ""));

const found = { page: {}, engine: {} };
for (const [engine, graphics] of [["cpu", "none"], ["gpu", "gpu"]]) {
  const overlay = modelsFolder({ "small-gpt2": { title: "Small GPT-2", files: small().gpt2 } });
  const site = await new Site({ dist: flags.dist, base: "/", overlay }).start();
  const browser = await launch(graphics);
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  const explorer = new Explorer(page, site);
  await explorer.open(engine === "gpu" ? "#engine=gpu" : "");
  await explorer.ready(120_000);
  found.page[engine] = await page.evaluate(marked);
  found.engine[engine] = await page.workers()[0].evaluate(marked);
  await browser.close();
  await site.stop();
}
console.log(JSON.stringify(found));
