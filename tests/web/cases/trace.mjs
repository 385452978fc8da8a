// A run recorded in Python opens without a model: every number shown is one of the file, what
// needs a model says so, and files that hold no run leave the loaded model as it was.

import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { violations } from "../lib/axe.mjs";
import { check, equal, near, until } from "../lib/check.mjs";
import * as safetensors from "../lib/safetensors.mjs";

const FILE = readFileSync(path.join(path.dirname(fileURLToPath(import.meta.url)), "../../golden/trace.safetensors"));
// A case of the goldens: what transformers computed of a tiny BART, by the names of the hooks.
const PAIR = readFileSync(path.join(path.dirname(fileURLToPath(import.meta.url)), "../../golden/bart/case_plain.safetensors"));
const number = (text) => Number(text.replace("−", "-"));

/** The fixture's tensors: name → { shape, values }. */
function tensors() {
  const { tensors, metadata } = safetensors.parse(FILE);
  const floats = [...tensors].map(([name, one]) => [name, { shape: one.shape, values: safetensors.floats(one) }]);
  return { run: Object.fromEntries(floats), metadata };
}

/** A run like the fixture's with something else about it. */
function changed(change) {
  const { run } = tensors();
  return { "run.safetensors": safetensors.build(change(run) ?? run) };
}

const open = (name, run, more = {}) => ({
  name,
  run: async (given) => {
    await given.explorer.open(more.hash);
    await given.explorer.ready();
    await run(given);
  },
  ...more,
});

async function opened(explorer, files = { "run.safetensors": FILE }) {
  await explorer.openFiles(files);
  await explorer.loaded(/recorded/);
}

const rows = async (explorer, panel) => (await explorer.table(panel)).map(([, ...cells]) => cells.map(number));

export default [
  open("nothing-to-mend-for-screen-readers", async ({ page, explorer }) => {
    await opened(explorer);
    await explorer.settled();
    const found = await violations(page);
    check(found.length === 0, found.join(" | "));
  }),

  open("a-run-of-transformers-shows-the-files-numbers", async ({ explorer }) => {
    const { metadata } = tensors();
    await opened(explorer);
    const texts = await explorer.tokens().locator(".token-text").allInnerTexts();
    equal(texts.map((text) => text.replace("␣", " ")), JSON.parse(metadata.tokens), "tokens");
    equal((await explorer.tokens().first().innerText()).split("\n")[1], "3", "its id");
  }),

  open("every-panel-reads-the-file", async ({ page, explorer }) => {
    const { run } = tensors();
    await opened(explorer);
    await page.keyboard.press("]");
    await page.keyboard.press("}");
    await explorer.settled();
    const pattern = run["blocks.1.attn.hook_pattern"];
    const shown = await explorer.headValues();
    for (let q = 0; q < 8; q += 1) {
      for (let k = 0; k < 8; k += 1) {
        const value = pattern.values[(1 * 8 + q) * 8 + k];
        if (k > q) equal(shown[q][k], null, `${q} does not see ${k}`);
        else near(shown[q][k], value, 1e-6, `pattern ${q}, ${k}`);
      }
    }
    const length = (name, row) => Math.hypot(...run[name].values.slice(row * 36, row * 36 + 36));
    await explorer.tab("residual");
    await explorer.settled();
    const lengths = await rows(explorer, "residual");
    near(lengths[3][1], length("blocks.1.hook_resid_pre", 3), 1e-3, "the stream before layer 1");
    near(lengths[7][3], length("blocks.2.hook_resid_post", 7), 1e-3, "and after the last");
    await explorer.tab("mlp");
    await explorer.settled();
    const neurons = await explorer.table("mlp");
    const largest = Math.max(...run["blocks.1.mlp.hook_post"].values.map(Math.abs));
    const all = neurons.flatMap(([, ...cells]) => cells.map((cell) => Math.abs(number(cell))));
    near(Math.max(...all), largest, 1e-4, "the strongest neuron");
    const next = (await explorer.table("predictions"))[0];
    const logits = run.logits.values.slice(7 * 61);
    const best = logits.indexOf(Math.max(...logits));
    equal([next[0], next[1]], [`#${best}`, `${best}`], "the most probable token, by its id");
    near(number(next[2]), logits[best], 1e-4, "its logit");
    await explorer.tab("loss");
    await explorer.settled();
    const losses = await explorer.table("loss");
    const row = run.logits.values.slice(0, 61);
    const most = Math.max(...row);
    const sum = row.reduce((total, one) => total + Math.exp(one - most), 0);
    near(number(losses[1][1]), Math.log(sum) + most - row[17], 1e-4, "loss of the second token, id 17");
    check(/✓ rows sum to 1/.test(await explorer.id("invariants").innerText()), "rows of the file's patterns sum to 1");
    check((await explorer.pixels("wall-canvas")).length > 0, "the wall is painted");
  }),

  open("what-needs-a-model-says-so", async ({ page, explorer }) => {
    await explorer.type("the fox");
    await explorer.settled();
    const before = await explorer.headValues();
    await opened(explorer);
    equal(await explorer.id("generate").count(), 0, "nothing is generated");
    equal(await explorer.id("prompt").count(), 0, "no text to type");
    check(/needs the model’s unembedding/.test(await explorer.id("lens").innerText()), "the lens");
    for (const tab of ["weights", "positions"]) {
      await explorer.tab(tab);
      check(/needs a model/.test(await explorer.id("lacking").innerText()), tab);
    }
    await explorer.tab("norms");
    check(/no blocks.N.ln1.hook_scale/.test(await explorer.id("lacking").innerText()), "norms are not in the file");
    await explorer.id("stage-scores").click();
    check(/no blocks.0.attn.hook_q/.test(await explorer.id("head-lacking").innerText()), "nor are queries");
    await explorer.id("stage-pattern").click();
    await explorer.id("close-recorded").focus();
    await page.keyboard.press("Enter");
    await explorer.loaded(/Small GPT-2/);
    equal(await explorer.headValues(), before, "the model is back with its text");
  }),

  open("what-the-page-exports-opens-again", async ({ explorer }) => {
    await explorer.type("the fox");
    await explorer.settled();
    const before = await explorer.headValues();
    const { bytes } = await explorer.exported("wall", "safetensors");
    await opened(explorer, { "again.safetensors": bytes });
    await explorer.settled();
    equal(await explorer.headValues(), before, "the same pattern");
  }),

  open("a-run-of-an-encoder-decoder-has-three-attentions", async ({ page, explorer }) => {
    const run = Object.fromEntries(
      [...safetensors.parse(PAIR).tensors].map(([name, one]) => [name, { shape: one.shape, values: safetensors.floats(one) }]),
    );
    await opened(explorer, { "pair.safetensors": PAIR });
    await explorer.settled();
    equal(await explorer.id("source-strip").locator(".token").count(), 11, "tokens of the source");
    equal(await explorer.tokens().count(), 7, "tokens of the target");
    for (const [of, name] of [["encoder", "encoder.0.attn"], ["cross", "decoder.0.cross_attn"], ["decoder", "decoder.0.attn"]]) {
      await explorer.id(`attend-${of}`).click();
      await explorer.settled();
      const { shape, values } = run[`${name}.hook_pattern`];
      const shown = await explorer.headValues();
      equal([shown.length, shown[0].length], shape.slice(1), `the head of ${of}`);
      for (const [q, row] of shown.entries()) {
        for (const [k, value] of row.entries()) {
          if (of === "decoder" && k > q) equal(value, null, `${q} does not see ${k}`);
          else near(value, values[q * shape[2] + k], 1e-6, `${of} ${q}, ${k}`);
        }
      }
      check((await explorer.pixels(`wall-canvas-${of}`)).length > 0, `the wall of ${of} is painted`);
    }
    await explorer.tab("alignment");
    await explorer.id("align-head").click();
    await explorer.settled();
    const { shape, values } = run["decoder.0.cross_attn.hook_pattern"];
    const alignment = await rows(explorer, "alignment");
    for (const [q, row] of alignment.entries()) for (const [k, value] of row.entries()) near(value, values[q * shape[2] + k], 1e-4, `alignment ${q}, ${k}`);
    equal(await explorer.id("tab-beam").count(), 0, "no search without a model");
    const found = await violations(page);
    check(found.length === 0, found.join(" | "));
    await explorer.id("attend-cross").click();
    await explorer.settled();
    const { bytes } = await explorer.exported("head", "safetensors");
    const names = [...safetensors.parse(bytes).tensors.keys()];
    check(names.includes("decoder.0.cross_attn.hook_pattern"), `what is shown goes out, not ${names.join(", ")}`);
  }),

  open("broken-runs-leave-the-model-usable", async ({ explorer }) => {
    await explorer.type("the fox");
    await explorer.settled();
    const before = await explorer.headValues();
    const values = (n) => new Float32Array(n);
    const bad = [
      [(run) => { run["blocks.0.attn.hook_pattern"].shape = [3, 4, 16]; }, /blocks\.0\.attn\.hook_pattern.*tokens is (4|16)/],
      [(run) => { run["blocks.1.hook_resid_pre"] = { shape: [2, 8, 36], values: values(576) }; }, /batch of 2/],
      [(run) => { run["blocks.1.hook_resid_pre"] = { shape: [288], values: values(288) }; }, /\[tokens, d_model\] is expected/],
      [(run) => { run["blocks.70000.hook_resid_pre"] = { shape: [8, 36], values: values(288) }; }, /layers from 1024 on/],
      [(run) => ({ "<img src=x onerror=alert(1)>": run.logits }), /config\.json/],
    ];
    for (const [change, expected] of bad) {
      const said = await explorer.openBroken(changed(change));
      check(expected.test(said), `${expected} in: ${said}`);
      check(/Small GPT-2/.test(await explorer.modelTitle()), "the model stays");
    }
    const cut = await explorer.openBroken({ "run.safetensors": FILE.subarray(0, FILE.length - 4) });
    check(/cut short|data_offsets|bytes/.test(cut), cut);
    await explorer.dismiss();
    await explorer.type("the foxes");
    await explorer.settled();
    await explorer.type("the fox");
    await explorer.settled();
    equal(await explorer.headValues(), before, "and runs as before");
  }),

  open("nan-and-hostile-names-are-shown-for-what-they-are", async ({ page, explorer }) => {
    const hostile = "<b id=pwned>\u202eevil</b>".repeat(40);
    await opened(explorer, changed((run) => {
      run["blocks.0.attn.hook_pattern"].values[0] = Number.NaN;
      run[hostile] = { shape: [1], values: new Float32Array(1) };
    }));
    const notes = await explorer.id("recorded").innerText();
    check(/1 values are not finite, the first in blocks\.0\.attn\.hook_pattern/.test(notes), notes);
    check(/1 tensors are not named like hooks/.test(notes) && notes.length < 800, "the name is cut");
    check(/does not say the tokens' texts/.test(notes), "no tokens in this file");
    equal(await page.locator("#pwned").count(), 0, "no markup is read from it");
    check(/fails: rows sum to 1/.test(await explorer.id("invariants").innerText()), "the check fails visibly");
  }),

  open("a-run-without-patterns-or-logits", async ({ explorer }) => {
    await opened(explorer, changed((run) =>
      Object.fromEntries(Object.entries(run).filter(([name]) => name.includes("resid")))));
    check(/no blocks.0.attn.hook_pattern/.test(await explorer.id("head-lacking").innerText()), "the head says what is missing");
    check(/no logits/.test(await explorer.id("predictions").innerText()), "so does the next token");
    await explorer.tab("residual");
    check(/no blocks.0.hook_attn_out/.test(await explorer.id("lacking").innerText()), "and the residual panel");
  }),
];
