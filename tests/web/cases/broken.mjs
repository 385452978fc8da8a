// Broken files from the visitor's disk: each is refused with the file and the field named,
// nothing breaks, and the model that was there stays usable.

import { violations } from "../lib/axe.mjs";
import { check } from "../lib/check.mjs";
import { CONFIG, GGUF, SAFETENSORS, STRANGERS, TOKENIZER } from "../lib/broken.mjs";
import { small } from "../lib/fixtures.mjs";

/** Opens each set of files in one page; tells of all that went wrong, not of the first only. */
const all = (name, list) => ({
  name,
  timeout: 120_000,
  run: async ({ explorer }) => {
    await explorer.open();
    await explorer.ready();
    const title = await explorer.modelTitle();
    const wrong = [];
    for (const { name, files, says } of list) {
      const from = Date.now();
      try {
        const text = await explorer.openBroken(files);
        const missing = says.filter((pattern) => !pattern.test(text));
        if (missing.length) wrong.push(`${name}: "${text}" lacks ${missing.join(" ")}`);
        if (Date.now() - from > 5000) wrong.push(`${name}: took ${Date.now() - from} ms`);
        if ((await explorer.modelTitle()) !== title) wrong.push(`${name}: the model changed`);
      } catch (err) {
        wrong.push(`${name}: ${err.message.split("\n")[0]}`);
      }
    }
    check(wrong.length === 0, `${wrong.length} of ${list.length}: ${wrong.join(" | ")}`);
    const before = await explorer.headValues();
    await explorer.type("Still here after all that");
    await explorer.settled();
    check(JSON.stringify(before) !== JSON.stringify(await explorer.headValues()), "the old model still runs");
  },
});

export default [
  all("safetensors", SAFETENSORS),
  all("gguf", GGUF),
  all("tokenizer", TOKENIZER),
  all("config", CONFIG),
  all("strangers", STRANGERS),
  {
    name: "an-unknown-architecture-still-shows-its-metadata",
    run: async ({ page, explorer }) => {
      await explorer.open();
      await explorer.ready();
      const perceiver = GGUF.find(({ name }) => name === "unknown architecture");
      await explorer.openBroken(perceiver.files);
      const facts = explorer.id("fault-facts");
      await facts.locator("summary").click();
      const text = await facts.innerText();
      check(/general\.architecture\s+"?perceiver/.test(text), `no metadata in "${text.slice(0, 300)}"`);
      const found = await violations(page);
      check(found.length === 0, found.join(" | "));
    },
  },
  {
    name: "good-after-broken",
    run: async ({ explorer }) => {
      await explorer.open();
      await explorer.ready();
      await explorer.openBroken(STRANGERS[5].files);
      await explorer.openFiles({ "small.gguf": small().llama });
      await explorer.loaded(/Small test Llama/);
      check((await explorer.faults()).length === 0, "the old message is gone");
    },
  },
];
