// Which engine runs and why; what happens when the GPU is not there, is software, or dies.

import { check, near, until } from "../lib/check.mjs";
import { gpt2, small } from "../lib/fixtures.mjs";

const lost = /lost|GPU|WebGPU|device|context/i;

async function works(explorer, text) {
  const before = JSON.stringify(await explorer.headValues());
  await explorer.type(text);
  await explorer.settled(60_000);
  check(JSON.stringify(await explorer.headValues()) !== before, `the maps follow "${text}"`);
  for (const [q, row] of (await explorer.headValues()).entries()) {
    near(row.slice(0, q + 1).reduce((total, value) => total + value, 0), 1, 0.02, `row ${q}`);
  }
}

/** Kills the browser's GPU process, as a driver's crash does; another one takes its place. */
async function crashGpu(browser) {
  const devtools = await browser.newBrowserCDPSession();
  const process = async () => {
    const { processInfo } = await devtools.send("SystemInfo.getProcessInfo");
    return processInfo.find(({ type }) => type === "GPU")?.id;
  };
  const before = await process();
  check(before !== undefined, "the browser has a GPU process");
  await devtools.send("Browser.crashGpuProcess");
  await until(async () => (await process()) !== before, "the GPU process is gone");
  await devtools.detach();
}

export default [
  {
    name: "no-adapter-runs-on-the-cpu-and-says-why",
    run: async ({ explorer }) => {
      await explorer.open();
      await explorer.ready();
      const { badge, why } = await explorer.engineWhy();
      check(/CPU/.test(badge), `the badge says "${badge}"`);
      check(/WebGPU|adapter|GPU/.test(why), `the reason is "${why}"`);
      await works(explorer, "On the CPU it works as well");
    },
  },
  {
    name: "no-adapter-and-gpu-asked-for",
    run: async ({ explorer }) => {
      await explorer.open("#engine=gpu");
      await explorer.ready();
      const { badge, why } = await explorer.engineWhy();
      check(/CPU/.test(badge) && /adapter|WebGPU/.test(why), `"${badge}", "${why}"`);
    },
  },
  {
    name: "software-adapter-is-labelled",
    graphics: "gpu",
    run: async ({ explorer }) => {
      await explorer.open("#engine=gpu");
      await explorer.ready(60_000);
      const { badge, why } = await explorer.engineWhy();
      check(/software|SwiftShader/i.test(`${badge} ${why}`), `"${badge}", "${why}"`);
      check(!/CPU/.test(badge) || /GPU/.test(badge), `asked for WebGPU, got "${badge}"`);
      await works(explorer, "On the GPU it works as well");
    },
  },
  {
    name: "auto-on-a-software-adapter-says-which-was-faster",
    graphics: "gpu",
    run: async ({ explorer }) => {
      await explorer.open();
      await explorer.ready(60_000);
      const { badge, why } = await explorer.engineWhy();
      check(/software|SwiftShader/i.test(why), `"${badge}", "${why}"`);
    },
  },
  {
    name: "gpu-and-cpu-show-the-same",
    graphics: "gpu",
    timeout: 120_000,
    run: async ({ explorer }) => {
      await explorer.open("#engine=cpu");
      await explorer.ready(60_000);
      const cpu = await explorer.headValues();
      await explorer.open("#engine=gpu");
      await explorer.page.reload();
      await explorer.ready(60_000);
      const gpu = await explorer.headValues();
      for (const [q, row] of cpu.entries()) {
        for (const [k, value] of row.slice(0, q + 1).entries()) near(gpu[q][k], value, 0.002, `row ${q}, key ${k}`);
      }
    },
  },
  {
    name: "the-gpu-dies-at-the-first-picture",
    graphics: "present-dies",
    ownBrowser: true,
    allow: [lost],
    timeout: 120_000,
    run: async ({ explorer }) => {
      await explorer.open("#engine=gpu");
      await explorer.ready(90_000);
      await works(explorer, "Whatever happened to the GPU");
      await until(async () => (await painted(explorer)) > 3, "the wall is painted all the same", 20_000);
    },
  },
  {
    name: "the-gpu-dies-in-between",
    graphics: "gpu",
    ownBrowser: true,
    allow: [lost],
    timeout: 120_000,
    run: async ({ browser, explorer }) => {
      await explorer.open("#engine=gpu");
      await explorer.ready(60_000);
      await crashGpu(browser);
      await works(explorer, "The GPU was gone for a moment");
    },
  },
  {
    name: "the-gpu-dies-under-a-run",
    graphics: "gpu",
    ownBrowser: true,
    allow: [lost],
    timeout: 120_000,
    run: async ({ browser, explorer }) => {
      await explorer.open("#engine=gpu");
      await explorer.ready(60_000);
      await explorer.type("A run under way when it happens ".repeat(3));
      await crashGpu(browser);
      await explorer.settled(60_000);
      await works(explorer, "And on it goes");
    },
  },
  {
    name: "the-gpu-dies-twice-within-a-minute",
    graphics: "gpu",
    ownBrowser: true,
    allow: [lost],
    timeout: 180_000,
    run: async ({ page, browser, explorer }) => {
      await explorer.open("#engine=gpu");
      await explorer.ready(60_000);
      await crashGpu(browser);
      await works(explorer, "The GPU was gone for a moment");
      check(/WebGPU/.test((await explorer.engineWhy()).badge), "after one loss WebGPU goes on");
      await crashGpu(browser);
      await works(explorer, "The GPU was gone a second time");
      const { badge, why } = await explorer.engineWhy();
      check(/CPU/.test(badge), `after two losses the badge says "${badge}"`);
      check(/twice within a minute/.test(why), `the reason is "${why}"`);
      const told = (await explorer.faults()).join(" ");
      check(/twice within a minute/.test(told) && /CPU/.test(told), `the message is "${told}"`);
      check((await page.getByRole("alert").filter({ hasText: "twice within a minute" }).count()) === 1, "it is announced");
    },
  },
  {
    name: "another-model-is-no-loss",
    graphics: "gpu",
    timeout: 120_000,
    models: {
      first: { title: "The first", files: small().gpt2 },
      second: { title: "The second", files: gpt2({ seed: 9 }) },
    },
    run: async ({ explorer }) => {
      await explorer.open("#engine=gpu");
      await explorer.ready(60_000);
      await explorer.chooseModel("second");
      await explorer.loaded(/second/, 60_000);
      await works(explorer, "After the first model was freed");
      check(/WebGPU/.test((await explorer.engineWhy()).badge), "WebGPU goes on");
      check((await explorer.faults()).length === 0, `no fault, but ${await explorer.faults()}`);
    },
  },
  {
    name: "a-driver-that-refuses-a-shader",
    graphics: "gpu",
    timeout: 120_000,
    allow: [/WGSL|shader|ShaderModule|pipeline|Invalid|CommandEncoder|GPUDevice|expected/i],
    // What a driver does that does not take what all others take.
    prelude: `
      const create = GPUDevice.prototype.createShaderModule;
      GPUDevice.prototype.createShaderModule = function (asked) {
        const code = asked.label?.startsWith("softmax") ? asked.code + " fn broken( {" : asked.code;
        return create.call(this, { label: asked.label, code });
      };`,
    run: async ({ explorer }) => {
      await explorer.open("#engine=gpu");
      await explorer.ready(60_000);
      const { badge, why } = await explorer.engineWhy();
      check(/CPU/.test(badge) && /refused a shader/.test(why), `"${badge}", "${why}"`);
      const told = (await explorer.faults()).join(" ");
      check(/softmax/.test(told), `the message names the shader: "${told}"`);
      await works(explorer, "On the CPU it works as well");
    },
  },
  {
    name: "short-memory-of-the-gpu",
    graphics: "gpu",
    timeout: 120_000,
    // From 64 tokens on the maps of a layer take 256 KiB: more than this GPU has.
    prelude: `
      const create = GPUDevice.prototype.createBuffer;
      GPUDevice.prototype.createBuffer = function (asked) {
        const buffer = create.call(this, asked);
        if (asked.size >= 250_000) {
          const error = new GPUOutOfMemoryError("there is no more");
          this.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
        }
        return buffer;
      };`,
    run: async ({ explorer }) => {
      await explorer.open("#engine=gpu");
      await explorer.ready(60_000);
      await explorer.type("word after word ".repeat(8));
      const text = await explorer.fault();
      check(/memory/i.test(text) && /Shorten the text/.test(text), `the message is "${text}"`);
      await works(explorer, "A short text fits as before");
      check(/WebGPU/.test((await explorer.engineWhy()).badge), "WebGPU goes on");
    },
  },
  {
    name: "limits-are-refused-and-each-device-has-its-adapter",
    graphics: "gpu",
    timeout: 120_000,
    prelude: `
      const ask = GPUAdapter.prototype.requestDevice;
      const used = new Set();
      let n_asked = 0;
      GPUAdapter.prototype.requestDevice = function (asked) {
        if (used.has(this)) return Promise.reject(new TypeError("this adapter was used"));
        used.add(this);
        n_asked += 1;
        if (n_asked === 1) return Promise.reject(new DOMException("these limits cannot be had", "OperationError"));
        return ask.call(this, asked);
      };`,
    run: async ({ explorer }) => {
      await explorer.open("#engine=gpu");
      await explorer.ready(60_000);
      const { badge, why } = await explorer.engineWhy();
      check(/WebGPU/.test(badge), `with the default limits it runs on WebGPU: "${badge}", "${why}"`);
      await works(explorer, "With the limits that every device has");
    },
  },
];

/** How many colours the wall shows. */
async function painted(explorer) {
  const png = await explorer.id("wall-grid").screenshot();
  return explorer.page.evaluate(async (data) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const { data: pixels } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    return new Set(new Uint32Array(pixels.buffer)).size;
  }, png.toString("base64"));
}
