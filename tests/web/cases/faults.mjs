// Faults that need a browser bent for them: short memory, a trap, numbers that are none, tabs out
// of sight, a newer build while the page is open. docs/faults.md lists which number is tried where.

import { readFileSync } from "node:fs";
import path from "node:path";

import { check, equal, until } from "../lib/check.mjs";
import { gpt2, gpt2Config, gpt2Tensors, small, tokenizerJson } from "../lib/fixtures.mjs";
import * as safetensors from "../lib/safetensors.mjs";

const MARKUP = "<img src=x onerror=alert(1)>";
const BIDI = "a\u202eb\u2066c";
const LONG = "ab".repeat(5000);

/** A vocabulary in which three tokens are what nobody should obey. */
function hostileTokens() {
  return tokenizerJson((json) => {
    const { vocab } = json.model;
    const names = { in: MARKUP, er: BIDI, on: LONG };
    for (const [name, content] of Object.entries(names)) {
      json.added_tokens.push({
        id: vocab[name], content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: false,
      });
      vocab[content] = vocab[name];
      delete vocab[name];
    }
    json.model.merges = json.model.merges.filter((pair) => !(pair.join("") in names));
  });
}

const ready = async (explorer) => {
  await explorer.open();
  await explorer.ready();
};

const follows = async (explorer, text) => {
  const before = JSON.stringify(await explorer.headValues());
  await explorer.type(text);
  await explorer.settled();
  check(JSON.stringify(await explorer.headValues()) !== before, `the maps follow "${text}"`);
};

export default [
  {
    name: "a-model-larger-than-memory",
    // The device has plenty for the first model, and next to nothing afterwards.
    prelude: `
      let n_asked = 0;
      Object.defineProperty(WorkerNavigator.prototype, "deviceMemory", { get: () => (n_asked++ ? 0.125 : 4) });`,
    run: async ({ explorer }) => {
      await ready(explorer);
      const title = await explorer.modelTitle();
      await explorer.openFiles({ "small.gguf": small().llama });
      const text = await explorer.fault();
      check(/small\.gguf does not fit into memory/.test(text) && /\d+\.\d MB.*\d+\.\d MB/.test(text), `the message is "${text}"`);
      equal(await explorer.modelTitle(), title, "the model that is there");
      await follows(explorer, "It goes on as before");
    },
  },
  {
    name: "weights-that-are-no-numbers",
    run: async ({ page, explorer }) => {
      await ready(explorer);
      const tensors = gpt2Tensors();
      tensors["h.1.mlp.c_fc.weight"].values[5] = Number.NaN;
      tensors["h.2.attn.c_proj.weight"].values[7] = Number.POSITIVE_INFINITY;
      await explorer.openFiles({
        "config.json": Buffer.from(JSON.stringify(gpt2Config())),
        "model.safetensors": safetensors.build(tensors),
        "tokenizer.json": tokenizerJson(),
      });
      await page.getByText(/logits are not finite/).first().waitFor();
      await explorer.settled();
      check((await explorer.headValues()).length > 0, "the first layer's maps are there all the same");
      await explorer.openFiles(gpt2({ seed: 11 }));
      await until(async () => (await page.getByText(/logits are not finite/).count()) === 0, "a good model's logits are numbers again");
      await follows(explorer, "And on it goes");
    },
  },
  {
    name: "tokens-that-nobody-should-obey",
    run: async ({ page, explorer }) => {
      await ready(explorer);
      await explorer.openFiles({ ...gpt2(), "tokenizer.json": hostileTokens() });
      await until(async () => (await explorer.state()) === "ready", "the model is there");
      await explorer.type(`x ${MARKUP} y ${BIDI} z ${LONG}`);
      await explorer.settled();
      check((await explorer.faults()).length === 0, `no fault, but ${await explorer.faults()}`);
      check((await page.locator("img").count()) === 0, "no element comes from a token");
      const strip = await explorer.id("token-strip").innerText();
      check(strip.includes("<img"), `the token is shown as it is written: ${strip.slice(0, 200)}`);
      check(!/[\u202a-\u202e\u2066-\u2069]/.test(strip), "what turns the writing is shown, not obeyed");
      check(strip.length < 3000, `ten thousand characters are cut: ${strip.length}`);
    },
  },
  {
    name: "a-trap-of-the-page",
    allow: [/unreachable executed/],
    run: async ({ page, explorer }) => {
      await ready(explorer);
      await explorer.type("What was typed is kept");
      await explorer.settled();
      await page.evaluate(() => void setTimeout(() => { throw new WebAssembly.RuntimeError("unreachable executed"); }));
      const panel = page.getByTestId("boot-fault");
      await panel.waitFor();
      const text = await panel.innerText();
      check(/The page stopped/.test(text) && /unreachable executed/.test(text), `the panel says "${text}"`);
      check((await panel.getByRole("button", { name: "Copy diagnostics" }).count()) === 1, "diagnostics can be copied");
      await panel.getByRole("button", { name: "Reload" }).click();
      await explorer.ready();
      equal(await explorer.id("prompt").inputValue(), "What was typed is kept", "the text after the reload");
    },
  },
  {
    name: "a-trap-of-the-engine",
    allow: [/unreachable executed/],
    prelude: `
      self.addEventListener("message", ({ data }) => {
        if (String.fromCharCode(...data[0].slice(0, 60)).includes("trap now")) throw new WebAssembly.RuntimeError("unreachable executed");
      });`,
    run: async ({ page, explorer }) => {
      await ready(explorer);
      await explorer.type("trap now");
      const text = await explorer.fault();
      check(/engine stopped/i.test(text) && /unreachable executed/.test(text), `the message is "${text}"`);
      await page.reload();
      await explorer.ready();
      equal(await explorer.id("prompt").inputValue(), "trap now", "the text after the reload");
    },
  },
  {
    name: "two-tabs-and-one-out-of-sight",
    run: async ({ page, context, explorer, site }) => {
      await ready(explorer);
      const second = await context.newPage();
      await second.goto(site.url());
      await second.waitForFunction(() => document.documentElement.dataset.state === "ready");
      await second.bringToFront();
      await follows(explorer, "Typed where nobody looks");
      await second.getByTestId("prompt").fill("Typed in the other tab");
      await second.waitForFunction(() => document.documentElement.dataset.state === "ready");
      await second.close();
      const devtools = await context.newCDPSession(page);
      await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
      await new Promise((done) => setTimeout(done, 500));
      await devtools.send("Page.setWebLifecycleState", { state: "active" });
      await page.bringToFront();
      await follows(explorer, "After a sleep");
    },
  },
  {
    name: "a-newer-build-while-the-page-is-open",
    serviceWorkers: "allow",
    timeout: 90_000,
    run: async ({ page, site, explorer }) => {
      await ready(explorer);
      await explorer.type("Typed before the new version");
      await explorer.settled();
      await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
      const worker = readFileSync(path.join(site.dist, "sw.js"), "utf8");
      const newer = worker.replace(/BUILD = "[^"]+"/, 'BUILD = "newer"');
      check(newer !== worker, "the service worker names its build");
      site.overlay["sw.js"] = Buffer.from(newer);
      await page.evaluate(async () => void (await (await navigator.serviceWorker.getRegistration()).update()));
      await page.getByRole("button", { name: "New version: reload" }).click();
      await until(
        () => page.evaluate(async () => (await caches.keys()).includes("vitrine-page-newer")).catch(() => false),
        "the newer build is the one that is kept",
      );
      await explorer.ready();
      equal(await explorer.id("prompt").inputValue(), "Typed before the new version", "the text after the reload");
    },
  },
];
