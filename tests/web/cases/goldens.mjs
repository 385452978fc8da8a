// Both engines, as compiled for the browser, against what transformers computed: the checkpoints
// and values of tests/golden (made by make.py), and the fetched models against theirs.

import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { check, equal } from "../lib/check.mjs";
import { openDriver } from "../lib/driver.mjs";
import { floats, parse } from "../lib/safetensors.mjs";

const GOLDEN = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../golden");
const DECODERS = ["gpt2", "gpt2_untied", "nanogpt", "llama", "llama_tied", "llama3_rope"];
const ENCODERS = ["bert", "bert_encoder"];
const CASES = ["case_plain", "case_again", "case_one"];

const read = (name) => readFileSync(path.join(GOLDEN, name));
const golden = (name) => {
  const { metadata, tensors } = parse(read(`${name}.safetensors`));
  const fields = Object.entries(metadata).map(([key, text]) => [key, JSON.parse(text)]);
  return { ...Object.fromEntries(fields), tensors };
};

/** A tokenizer for models that have none: the word t7 is token 7. */
function numberWords(n_ids) {
  const vocab = Object.fromEntries(Array.from({ length: n_ids }, (_, id) => [`t${id}`, id]));
  return Buffer.from(
    JSON.stringify({
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: { type: "WhitespaceSplit" },
      post_processor: null,
      decoder: null,
      model: { type: "WordLevel", vocab, unk_token: "t0" },
    }),
  );
}

const words = (ids) => ids.map((id) => `t${id}`).join(" ");

/** The text of a case; where it has two segments, both. */
function textOf({ ids, token_types }) {
  const n_first = token_types ? token_types.filter((type) => type === 0).length : ids.length;
  return { text: words(ids.slice(0, n_first)), pair: n_first < ids.length ? words(ids.slice(n_first)) : null };
}

const models = Object.fromEntries(
  [...DECODERS, ...ENCODERS].map((name) => {
    const config = JSON.parse(read(`${name}/config.json`));
    const files = {
      "config.json": read(`${name}/config.json`),
      "model.safetensors": read(`${name}/model.safetensors`),
      "tokenizer.json": numberWords(config.vocab_size),
    };
    return [name, { title: name, files }];
  }),
);

/** Runs in the browser: each text of each model, with every value of every hook. */
async function everyCase([engine, jobs]) {
  const { driver } = globalThis;
  const started = await driver.start(engine);
  const answers = [];
  for (const { model, texts } of jobs) {
    await driver.load({ Bundled: model });
    for (const { text, pair } of texts) {
      const { tokens } = await driver.run(text, { pair });
      const { attachment } = await driver.ask({ Export: { hooks: ["*"] } }, "Exported");
      let file = "";
      for (const byte of new Uint8Array(attachment)) file += String.fromCharCode(byte);
      answers.push({ ids: tokens.map(({ id }) => id), file: btoa(file) });
    }
  }
  return { engine: started.engine, answers };
}

/** The greatest difference, and the root of squares relative to the reference's. */
function difference(ours, reference, what) {
  equal(ours.length, reference.length, `${what}: number of values`);
  let [square, norm, absolute] = [0, 0, 0];
  for (const [idx, b] of reference.entries()) {
    if (ours[idx] === b && !Number.isFinite(b)) continue;
    const error = Math.abs(ours[idx] - b);
    check(!Number.isNaN(error), `${what}: ${ours[idx]} where ${b} was expected`);
    square += error * error;
    norm += b * b;
    absolute = Math.max(absolute, error);
  }
  return { relative: Math.sqrt(square / Math.max(norm, 1e-300)), absolute };
}

function compare(answer, reference, what) {
  equal(answer.ids, reference.ids, `${what}: ids`);
  const { tensors } = parse(Buffer.from(answer.file, "base64"));
  let n_compared = 0;
  for (const [name, expected] of reference.tensors) {
    const ours = tensors.get(name);
    if (!ours) continue;
    equal(ours.shape, expected.shape, `${what} ${name}: shape`);
    const { relative, absolute } = difference(floats(ours), floats(expected), `${what} ${name}`);
    const is_close = name.endsWith("hook_pattern") ? absolute <= 1e-5 : relative <= 1e-5;
    check(is_close, `${what} ${name}: relative ${relative}, absolute ${absolute}`);
    n_compared += 1;
  }
  check(n_compared >= 0.9 * reference.tensors.size, `${what}: ${n_compared} of ${reference.tensors.size} values`);
}

const onEngine = (engine, names, more) => ({
  name: `${names === DECODERS ? "decoders" : "encoders"}-on-${engine === "Gpu" ? "webgpu" : "cpu"}`,
  models,
  withDriver: true,
  timeout: 180_000,
  run: async ({ page, site }) => {
    await openDriver(page, site);
    const cases = names.flatMap((model) => CASES.map((name) => `${model}/${name}`));
    const references = cases.map(golden);
    const jobs = names.map((model, idx) => {
      const mine = references.slice(idx * CASES.length, (idx + 1) * CASES.length);
      return { model, texts: mine.map(textOf) };
    });
    const found = await page.evaluate(everyCase, [engine, jobs]);
    equal(Boolean(found.engine.gpu), engine === "Gpu", "the engine that was asked for");
    for (const [idx, answer] of found.answers.entries()) compare(answer, references[idx], cases[idx]);
  },
  ...more,
});

/** Runs in the browser: each text's tokens and last logits, and what follows it greedily. */
async function continued([model, texts, n_tokens]) {
  const { driver } = globalThis;
  await driver.start("Cpu");
  await driver.load({ Bundled: model });
  const answers = [];
  for (const text of texts) {
    const { tokens, logits } = await driver.run(text);
    const after = await driver.generate(n_tokens);
    const ids = (list) => list.map(({ id }) => id);
    answers.push({ ids: ids(tokens), logits: [...new Float32Array(logits)], after: ids(after.tokens) });
  }
  return answers;
}

/** The mean over the tokens of the last hidden states `[T, d_model]`. */
function meanPooled({ shape: [n_rows, width], ...tensor }) {
  const values = floats(tensor);
  const mean = (column) => Array.from({ length: n_rows }, (_, row) => values[row * width + column]).reduce((a, b) => a + b) / n_rows;
  return Array.from({ length: width }, (_, column) => mean(column));
}

function cosine(a, b) {
  const dot = (x, y) => x.reduce((sum, value, idx) => sum + value * y[idx], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

const fetched = (name, run) => ({
  name,
  models: "real",
  withDriver: true,
  timeout: 180_000,
  run: async ({ page, site }) => {
    await openDriver(page, site);
    await run(page);
  },
});

export default [
  onEngine("Cpu", DECODERS),
  onEngine("Cpu", ENCODERS),
  onEngine("Gpu", DECODERS, { graphics: "gpu" }),
  onEngine("Gpu", ENCODERS, { graphics: "gpu" }),
  fetched("minilm-on-cpu", async (page) => {
    const reference = golden("minilm");
    const jobs = [{ model: "all-minilm-l6-v2", texts: reference.texts.map((text) => ({ text, pair: null })) }];
    const { answers } = await page.evaluate(everyCase, ["Cpu", jobs]);
    for (const [idx, { ids, file }] of answers.entries()) {
      equal(ids, reference.ids[idx], `text ${idx}: ids`);
      const { tensors } = parse(Buffer.from(file, "base64"));
      const pooled = meanPooled(tensors.get("blocks.5.hook_normalized_resid_post"));
      const similarity = cosine(pooled, floats(reference.tensors.get(`embedding.${idx}`)));
      check(similarity >= 0.99999, `text ${idx}: cosine ${similarity}`);
    }
  }),
  fetched("smollm2-on-cpu", async (page) => {
    const reference = golden("smollm2");
    const n_tokens = reference.greedy[0].length;
    const answers = await page.evaluate(continued, ["smollm2-135m-instruct", reference.texts, n_tokens]);
    const END_OF_TURN = 2;
    for (const [idx, { ids, logits, after }] of answers.entries()) {
      equal(ids, reference.ids[idx], `prompt ${idx}: ids`);
      const { relative } = difference(logits, floats(reference.tensors.get(`logits.${idx}`)), `prompt ${idx}`);
      check(relative <= 1e-3, `prompt ${idx}: relative error ${relative}`);
      const greedy = reference.greedy[idx];
      if (!greedy) continue;
      // The page stops where the model ends its turn.
      const n_until_end = greedy.includes(END_OF_TURN) ? greedy.indexOf(END_OF_TURN) : greedy.length;
      check(n_until_end > 20, `prompt ${idx}: the reference goes on for ${n_until_end} tokens`);
      equal(after.slice(ids.length, ids.length + n_until_end), greedy.slice(0, n_until_end), `prompt ${idx}: greedy`);
    }
  }),
];
