// Which engine runs and why; what happens when the GPU is not there, is software, or dies.

import { check, near, until } from "../lib/check.mjs";

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

/** Kills the browser's GPU process, as a driver's crash does. */
async function crashGpu(context) {
  const page = await context.newPage();
  await page.goto("chrome://gpucrash", { timeout: 3000 }).catch(() => {});
  await page.close().catch(() => {});
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
    run: async ({ context, explorer }) => {
      await explorer.open("#engine=gpu");
      await explorer.ready(60_000);
      await crashGpu(context);
      await works(explorer, "The GPU was gone for a moment");
    },
  },
  {
    name: "the-gpu-dies-under-a-run",
    graphics: "gpu",
    ownBrowser: true,
    allow: [lost],
    timeout: 120_000,
    run: async ({ context, explorer }) => {
      await explorer.open("#engine=gpu");
      await explorer.ready(60_000);
      await explorer.type("A run under way when it happens ".repeat(3));
      await crashGpu(context);
      await explorer.settled(60_000);
      await works(explorer, "And on it goes");
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
