// Speed of the page's engine beside its peers', in turns, in the same browser.
// Usage: node bench.mjs --dist DIR --models DIR [--json] [--runs N] [--gpu] [--even-if-busy]

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { launch } from "./lib/browser.mjs";
import { driverOverlay, workerOf } from "./lib/driver.mjs";
import { Explorer } from "./lib/explorer.mjs";
import { Lab } from "./lib/lab.mjs";
import { indexOf } from "./lib/models.mjs";
import { fail, options } from "./lib/options.mjs";
import { Site } from "./server.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const PEERS = path.join(HERE, "bench/node_modules");
const MAX_LOAD = 1.5;
const N_TOKENS = 48;
const MODEL = "smollm2-135m-instruct";
const FILE = "SmolLM2-135M-Instruct.Q4_1.gguf";

/** 137 tokens for SmolLM2; the run checks it. */
const PROMPT =
  "The history of computing is older than electronic machines. People counted with stones, " +
  "beads and knotted strings, and later with gears. In the nineteenth century an English " +
  "mathematician designed a machine that could follow instructions punched into cards, and a " +
  "friend of his wrote the first program for it. The machine was never finished. A hundred years " +
  "later, engineers built computers from relays and vacuum tubes, which filled whole rooms and " +
  "failed every few hours. The transistor made them smaller and more reliable, and the integrated " +
  "circuit made them cheap. Today a phone in a pocket is faster than all the machines of that time " +
  "taken together, and most of what it does is show pictures and send short messages to the";

/** Steps of a training run. */
const N_STEPS = 24;

const SENTENCE = "The quick brown fox jumps over the lazy dog and runs";

const flags = options({
  "--dist": "value",
  "--models": "value",
  "--runs": "value",
  "--json": "switch",
  "--gpu": "switch",
  "--even-if-busy": "switch",
});

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

const blank = Buffer.from("<!doctype html><meta charset=utf-8><title>bench</title><link rel=icon href=data:,>");
const page_of = (script) => Buffer.concat([blank, Buffer.from(`<script type="module" src="${script}"></script>`)]);

async function open(browser, site, name, config) {
  const page = await browser.newPage();
  page.on("console", (message) => message.type() === "error" && note(`${name}: ${message.text()}`));
  page.on("pageerror", (err) => note(`${name}: ${err.message}`));
  await page.goto(site.url(`bench/${name}.html`));
  await page.waitForFunction(() => globalThis.ready);
  const facts = await page.evaluate((config) => globalThis.setUp(config), config);
  note(`${name}: ${JSON.stringify(facts)}`);
  return page;
}

const note = (text) => console.error(text);
const load_now = () => os.loadavg()[0];

/** One after the other, `n_runs` times, the first of each for warming up only. */
async function alternate(sides, n_runs) {
  for (let run = 0; run <= n_runs; run += 1) {
    for (const side of sides) {
      const result = await side.page.evaluate((job) => globalThis.measure(job), side.job);
      note(`${run === 0 ? "warm-up" : `run ${run}`} ${side.name}: ${JSON.stringify(result)}`);
      if (run > 0) side.results.push(result);
    }
  }
}

function summary(side, key) {
  const values = side.results.map((result) => result[key]);
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

function compare(name, ours, theirs, key, load) {
  const [a, b] = [summary(ours, key), summary(theirs, key)];
  const line = {
    name,
    engine: ours.name,
    peer: theirs.name,
    ours: round(a.median),
    theirs: round(b.median),
    ratio: round(a.median / b.median),
    unit: "tok/s",
    load: round(load),
  };
  if (flags.json) return void console.log(JSON.stringify(line));
  const spread = ({ median, min, max }) => `${round(median)} (${round(min)} to ${round(max)})`;
  console.log(`${name}: ${ours.name} ${spread(a)}, ${theirs.name} ${spread(b)} tok/s, ratio ${line.ratio}`);
}

/** A figure without a peer. */
function tell(line) {
  if (flags.json) return void console.log(JSON.stringify(line));
  const { name, engine, load: _, ...rest } = line;
  console.log(`${name}: ${engine} ${JSON.stringify(rest)}`);
}

/** Time of a training step in the page: the Lab with its knobs as they are, 128 columns, 4 blocks, 2048 tokens. */
async function trainingStep(browser, site) {
  const page = await browser.newPage();
  const lab = new Lab(page, new Explorer(page, site));
  await lab.open(`run.n_steps=${N_STEPS}`);
  await lab.train();
  await lab.is("done", 300_000);
  const per_second = Number(await lab.figure("steps/s"));
  await page.close();
  return { ms: round(1000 / per_second), tokens_per_s: round(2048 * per_second), unit: "ms" };
}

const round = (value) => Number(value.toPrecision(3));

async function main() {
  if (!flags.dist || !flags.models) fail("--dist and --models must name the built site and the models' folder");
  const load = load_now();
  note(`${os.cpus().length} × ${os.cpus()[0].model}, load average ${load.toFixed(2)}`);
  if (load > MAX_LOAD && !flags["even-if-busy"]) {
    note(`refused: the load is above ${MAX_LOAD}; figures would mean nothing`);
    process.exit(3);
  }
  if (!existsSync(PEERS)) {
    execFileSync("npm", ["ci", "--loglevel=error"], { cwd: path.dirname(PEERS), stdio: ["ignore", 2, 2] });
  }
  const n_runs = Number(flags.runs ?? 5);
  const wllama = path.join(PEERS, "@wllama/wllama");
  const version = JSON.parse(readFileSync(path.join(wllama, "package.json"))).version;
  const site = await new Site({
    dist: flags.dist,
    models: flags.models,
    overlay: {
      "models/index.json": indexOf(flags.models),
      ...driverOverlay(flags.dist),
      "bench/wllama.html": page_of("wllama.js"),
      "bench/wllama.js": readFileSync(path.join(HERE, "bench/wllama.js")),
      "bench/ours.html": page_of("ours.js"),
      "bench/ours.js": readFileSync(path.join(HERE, "bench/ours.js")),
      "peer/wllama/index.js": readFileSync(path.join(wllama, "esm/index.js")),
      "peer/wllama/wasm/wllama.wasm": readFileSync(path.join(wllama, "esm/wasm/wllama.wasm")),
    },
  }).start();
  const engine = flags.gpu ? "Gpu" : "Cpu";
  const browser = await launch(flags.gpu ? "gpu" : "none");
  const job = { prompt: PROMPT, n_tokens: flags.gpu ? 8 : N_TOKENS };
  const side = (name, page, more = {}) => ({ name, page, job: { ...job, ...more }, results: [] });
  try {
    // The counting worker costs a GPU run nothing; a CPU run gets the worker as it is shipped.
    const worker = flags.gpu ? "../driver-worker.js" : `../${workerOf(flags.dist)}`;
    const ours = await open(browser, site, "ours", { worker, engine, model: MODEL });
    const name = flags.gpu ? "webgpu" : "wasm-cpu-1t";
    const plain = side(name, ours, { capture: false });
    const captured = side(`${name}-all-heads-drawn`, ours, { capture: true });
    const sides = [plain, captured];
    if (!flags.gpu) {
      const peer = await open(browser, site, "wllama", { model: `../models/${MODEL}/${FILE}` });
      sides.push(side(`wllama-${version}-1t`, peer));
    }
    await alternate(sides, n_runs);
    const [first] = plain.results;
    const same_prompt = sides.every(({ results }) => results.every(({ n_prompt }) => n_prompt === first.n_prompt));
    if (!same_prompt || first.n_reused) throw new Error("the two did not read the same prompt from nothing");
    for (const theirs of sides.slice(2)) {
      compare("web-prefill", plain, theirs, "prefill", load);
      compare("web-decode", plain, theirs, "decode", load);
    }
    compare("web-prefill-capture", captured, plain, "prefill", load);
    compare("web-decode-capture", captured, plain, "decode", load);
    if (flags.gpu) {
      // No peer in this run: its figure is the one noted down before, and labelled so.
      const noted = { name: "onnxruntime-web-1.30-q4 (noted, not of this run)", results: [{ decode: 0.08 }] };
      compare("web-gpu-decode", plain, noted, "decode", load);
      const per_token = await ours.evaluate(() => globalThis.perToken({ n_tokens: 4 }));
      tell({ name: "web-gpu-per-token", engine: name, ...per_token, load: round(load) });
    } else {
      const times = (await ours.evaluate((text) => globalThis.typing({ text }), SENTENCE)).sort((a, b) => a - b);
      const at = (share) => round(times[Math.min(times.length - 1, Math.floor(times.length * share))]);
      tell({ name: "web-keystroke", engine: name, p50: at(0.5), p95: at(0.95), unit: "ms", load: round(load) });
      await ours.close();
      tell({ name: "web-train-step", engine: name, ...(await trainingStep(browser, site)), load: round(load) });
    }
    note(`load average at the end ${load_now().toFixed(2)} (the benchmark itself counts for about 1)`);
  } finally {
    await browser.close();
    await site.stop();
  }
}

await main();
