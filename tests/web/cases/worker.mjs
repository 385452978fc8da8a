// The engine in its worker, spoken to without the page: both engines give the same numbers,
// WebGPU is asked for little, and the browser's own compiler has nothing against the shaders.

import { check, equal } from "../lib/check.mjs";
import { driverOverlay, openDriver } from "../lib/driver.mjs";
import { small } from "../lib/fixtures.mjs";

const MODELS = {
  gpt2: { title: "Small GPT-2", files: small().gpt2 },
  llama: { title: "Small Llama", files: { "small.gguf": small().llama } },
};

const TEXT = "The theory on the other hand, in short: a thin one";

/** Runs in the browser: loads each model into an engine and runs the text. */
async function everyModel([engine, names, text]) {
  const { driver } = globalThis;
  const started = await driver.start(engine);
  const found = {};
  for (const name of names) {
    const card = await driver.load({ Bundled: name });
    const hooks = card.hooks.filter((hook) => hook.endsWith("hook_pattern"));
    await driver.run(text, { wants: { hooks, lens_at: null, losses: false } });
    const before = await driver.counts();
    const { logits, report, predictions } = await driver.run(`${text} more`, { wants: { hooks, lens_at: null, losses: false } });
    const after = await driver.counts();
    found[name] = {
      logits: [...new Float32Array(logits)],
      report,
      top: predictions.top,
      maps: after.maps - before.maps,
      submits: after.submits - before.submits,
      dispatches: after.dispatches - before.dispatches,
      layers: card.n_layers,
    };
  }
  const { complaints } = await driver.counts();
  return { engine: started.engine, found, complaints };
}

const norm = (values) => Math.hypot(...values);

const worker = (name, run, more = {}) => ({
  name,
  models: MODELS,
  withDriver: true,
  timeout: 120_000,
  run: async (given) => {
    await openDriver(given.page, given.site);
    await run(given);
  },
  ...more,
});

const names = Object.keys(MODELS);

export default [
  worker(
    "webgpu-and-cpu-agree",
    async ({ page, site }) => {
      const gpu = await page.evaluate(everyModel, ["Gpu", names, TEXT]);
      check(gpu.engine.gpu, `WebGPU was asked for: ${JSON.stringify(gpu.engine)}`);
      await openDriver(page, site);
      const cpu = await page.evaluate(everyModel, ["Cpu", names, TEXT]);
      check(!cpu.engine.gpu, `the CPU was asked for: ${JSON.stringify(cpu.engine)}`);
      for (const name of names) {
        const [a, b] = [gpu.found[name].logits, cpu.found[name].logits];
        equal(a.length, b.length, `${name}: number of logits`);
        const error = norm(a.map((value, idx) => value - b[idx])) / norm(b);
        check(error <= 1e-5, `${name}: relative error ${error}`);
        check(norm(b) > 1, `${name}: logits are more than zeros`);
      }
    },
    { graphics: "gpu" },
  ),
  worker(
    "a-run-is-one-map",
    async ({ page }) => {
      const { found } = await page.evaluate(everyModel, ["Gpu", names, TEXT]);
      for (const [name, { maps, submits, dispatches, layers }] of Object.entries(found)) {
        check(maps === 1, `${name}: ${maps} maps of a run with its logits and the hooks of all layers`);
        check(submits >= 1 && submits <= 4, `${name}: ${submits} submits`);
        check(dispatches > 0 && dispatches <= 40 * layers + 40, `${name}: ${dispatches} dispatches for ${layers} layers`);
      }
    },
    { graphics: "gpu" },
  ),
  worker(
    "the-browser-accepts-every-shader",
    async ({ page }) => {
      const { complaints } = await page.evaluate(everyModel, ["Gpu", names, TEXT]);
      equal(complaints, [], "messages of the shader compiler");
    },
    { graphics: "gpu" },
  ),
  worker("same-seed-same-text", async ({ page }) => {
    const texts = await page.evaluate(async () => {
      const { driver } = globalThis;
      await driver.start("Cpu");
      await driver.load({ Bundled: "gpt2" });
      const made = [];
      for (const seed of [5, 5, 6]) {
        await driver.run("the other");
        const { tokens } = await driver.generate(16, { temperature: 1, top_k: 0, top_p: 1, seed });
        made.push(tokens.map(({ id }) => id).join(" "));
      }
      return made;
    });
    equal(texts[0], texts[1], "the same seed");
    check(texts[0] !== texts[2], "another seed gives another text");
  }),
  worker("reuses-what-was-computed", async ({ page }) => {
    const reports = await page.evaluate(async (text) => {
      const { driver } = globalThis;
      await driver.start("Cpu");
      await driver.load({ Bundled: "llama" });
      const first = await driver.run(text);
      const second = await driver.run(`${text} zq`);
      return [first.report, second.report];
    }, TEXT);
    check(reports[1].n_reused >= reports[0].n_tokens - 2, `reused ${reports[1].n_reused} of ${reports[0].n_tokens}`);
  }),
  worker("reuse-changes-nothing", async ({ page }) => {
    const [warm, cold] = await page.evaluate(async (text) => {
      const { driver } = globalThis;
      await driver.start("Cpu");
      await driver.load({ Bundled: "gpt2" });
      await driver.run(text);
      const warm = await driver.run(`${text} once more`);
      await driver.run("something else");
      const cold = await driver.run(`${text} once more`);
      return [warm, cold].map(({ logits }) => [...new Float32Array(logits)]);
    }, TEXT);
    const error = norm(warm.map((value, idx) => value - cold[idx])) / norm(cold);
    check(error <= 1e-5, `with and without the cache: relative error ${error}`);
  }),
];
