// Matrices of the weights, their singular values, how positions enter, and the card: what the
// panels show against the files that the model was loaded from.

import { check, equal, near, until } from "../lib/check.mjs";
import { gpt2Tensors, golden, llamaTensors, small } from "../lib/fixtures.mjs";

const number = (text) => Number(text.replace("−", "-"));
const llama = { "small-llama": { title: "Small Llama", files: { "small.gguf": small().llama } } };
const one = (name) => ({ [name]: { title: `Golden ${name}`, files: golden(name) } });

const open = (name, run, more = {}) => ({
  name,
  run: async (given) => {
    await given.explorer.open(more.hash);
    await given.explorer.ready();
    await run(given);
  },
  ...more,
});

/** The numbers of a panel's table, row by row, once it shows what is expected of its first cell. */
async function table(explorer, panel) {
  await explorer.settled();
  const rows = await explorer.table(panel);
  return rows.map(([, ...cells]) => cells.map(number));
}

const spectrum = async (explorer) => (await table(explorer, "spectrum")).map(([value]) => value);
const squares = (values) => values.reduce((sum, value) => sum + value * value, 0);

export default [
  open("a-matrix-is-that-of-the-file", async ({ page, explorer }) => {
    const tensors = gpt2Tensors();
    await explorer.tab("weights");
    equal((await explorer.id("weights-choice").locator("option").allInnerTexts()).slice(0, 6), [
      "attn.W_Q", "attn.W_K", "attn.W_V", "attn.W_O", "attn: W_Qᵀ·W_K of head 0", "attn: W_O·W_V of head 0",
    ], "what can be chosen");
    const rows = await table(explorer, "weights");
    // Conv1D keeps inputs as rows, three matrices side by side.
    const { values } = tensors["h.0.attn.c_attn.weight"];
    const W_Q = (out, input) => values[input * 96 + out];
    equal([rows.length, rows[0].length], [32, 32], "the whole matrix");
    for (const [out, input] of [[0, 0], [3, 17], [31, 31]]) near(rows[out][input], W_Q(out, input), 1e-6, `${out}, ${input}`);
    const sigma = await spectrum(explorer);
    equal(sigma.length, 32, "singular values");
    check(sigma.every((value, at) => at === 0 || value <= sigma[at - 1]), "largest first");
    near(squares(sigma), squares(rows.flat()), 1e-4 * squares(sigma), "squares of all cells");
    check(/32 values from .* stable rank/.test(await explorer.id("spectrum-words").innerText()), "the line in words");
    await explorer.id("weights-matrix").focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    const read = await explorer.id("weights-matrix-value").innerText();
    near(number(read.split(": ")[1]), rows[0][1], 1e-6, "arrows move, the exact value is read out");
  }),

  open("layers-and-heads-are-those-of-the-page", async ({ page, explorer }) => {
    const tensors = gpt2Tensors();
    await explorer.tab("weights");
    await explorer.id("weights-choice").selectOption("attn.QK");
    check(/[#&]w=attn\.QK\b/.test(page.url()), "the choice is in the address");
    await explorer.id("cells-layer").fill("2");
    await explorer.id("cells-layer").press("Enter");
    await until(() => /[#&]l=2\b/.test(page.url()), "the layer is the page's");
    const rows = await table(explorer, "weights");
    // Rows are what the looking token has, columns what the other has.
    const { values } = tensors["h.2.attn.c_attn.weight"];
    const cell = (a, b) => {
      let sum = 0;
      for (let i = 24; i < 32; i += 1) sum += values[a * 96 + i] * values[b * 96 + 32 + i];
      return sum;
    };
    await page.goto(page.url().replace(/(&h=\d+)?$/, "&h=3"));
    await explorer.ready();
    const last = await table(explorer, "weights");
    check(JSON.stringify(last) !== JSON.stringify(rows), "another head has another circuit");
    for (const [a, b] of [[0, 0], [5, 30], [31, 2]]) near(last[a][b], cell(a, b), 1e-5, `QK ${a}, ${b}`);
    const sigma = await spectrum(explorer);
    equal(sigma.length, 8, "as many as the head is wide");
    near(squares(sigma), squares(last.flat()), 1e-4 * squares(sigma), "the circuit's squares");
  }),

  open("a-large-table-comes-in-parts", async ({ page, explorer }) => {
    const { values } = gpt2Tensors()["wte.weight"];
    await explorer.tab("weights");
    await explorer.id("weights-choice").selectOption("embed.W_E");
    await explorer.id("cells-row").fill("100");
    await explorer.id("cells-row").press("Enter");
    await until(() => /[#&]wr=100\b/.test(page.url()), "the part is in the address");
    const rows = await table(explorer, "weights");
    equal(rows.length, 64, "as many rows as are shown");
    near(rows[0][7], values[100 * 32 + 7], 1e-6, "row 100");
    equal((await spectrum(explorer)).length, 32, "the spectrum is of all rows");
    await explorer.type("the cat sat");
    await explorer.settled();
    equal((await table(explorer, "weights")).length, 64, "a new text leaves it alone");
  }),

  open("quantised-or-not-the-panel-reads-the-file", async ({ explorer }) => {
    const { values } = llamaTensors()["blk.1.ffn_down.weight"];
    await explorer.id("tab-weights").click();
    await explorer.id("weights-choice").selectOption("mlp.W_out");
    const rows = await table(explorer, "weights");
    equal([rows.length, rows[0].length], [32, 64], "outputs are rows");
    near(rows[2][5], values[2 * 64 + 5], 1e-6, "a cell");
    equal((await spectrum(explorer)).length, 32, "of the smaller side");
  }, { models: llama, hash: "#l=1" }),

  open("positions-of-a-learned-table", async ({ explorer }) => {
    const { values } = gpt2Tensors()["wpe.weight"];
    await explorer.tab("positions");
    const rows = await table(explorer, "positions");
    equal(rows.length, 64, "a part of the table");
    near(rows[9][4], values[9 * 32 + 4], 1e-6, "position 9");
    check(/leaves the scores alone/.test(await explorer.id("positions-why").innerText()), "why there is no line");
    check(/no window/.test(await explorer.id("reach-words").innerText()), "what the layers see");
    const seen = await table(explorer, "reach");
    equal([seen[2][2], seen[2][3]], [1, 0], "no token sees later ones");
  }),

  open("rotary-positions-turn", async ({ explorer }) => {
    await explorer.tab("positions");
    const rows = await table(explorer, "positions");
    equal(rows[0].length, 4, "a column a pair");
    for (const [position, pair] of [[1, 0], [3, 1], [60, 2]]) {
      const turned = position * 10000 ** (-pair / 4);
      near(Math.cos(rows[position][pair]), Math.cos(turned), 1e-5, `cos of pair ${pair} at ${position}`);
      near(Math.sin(rows[position][pair]), Math.sin(turned), 1e-5, `sin of pair ${pair} at ${position}`);
    }
    check(await explorer.id("positions-chart").isVisible(), "how a product falls with distance");
  }, { models: llama }),

  open("linear-biases-by-head", async ({ explorer }) => {
    await explorer.tab("positions");
    const rows = await table(explorer, "positions");
    // Four heads: slopes 2^-2, 2^-4, 2^-6, 2^-8.
    const last = rows[0].length - 1;
    equal(rows.length, 4, "a row a head");
    equal([rows[0][last], rows[0][last - 1], rows[3][last - 2]], [0, -0.25, -2 / 256], "slope times distance");
  }, { models: one("bloom"), hash: "#t=the+cat" }),

  open("windows-are-drawn", async ({ page, explorer }) => {
    const { window_size } = JSON.parse(golden("gpt_neo")["config.json"]);
    await explorer.tab("positions");
    const words = await explorer.id("reach-words").innerText();
    check(words.includes(`the last ${window_size} tokens`), `the window in words: ${words}`);
    await page.goto(page.url().replace("#", "#l=1&"));
    await explorer.ready();
    const seen = await table(explorer, "reach");
    const last = seen.length - 1;
    check(last > window_size, "the text is longer than the window");
    equal([seen[last][last - window_size + 1], seen[last][last - window_size]], [1, 0], "the window's edge");
  }, { models: one("gpt_neo"), hash: "#t=the+man+went+to+the+store+and+bought+milk+and+bread+for+the+dog" }),

  open("the-card-is-complete", async ({ explorer }) => {
    await explorer.tab("card");
    const rows = Object.fromEntries(await explorer.table("card"));
    equal(rows["config: n_embd"], "32", "the configuration");
    check(/BPE/.test(rows["tokenizer: cut by"]), `the tokenizer: ${rows["tokenizer: cut by"]}`);
    equal(rows["tokenizer: merges"], "7", "its merges");
    check(/endoftext/.test(rows["tokenizer: special tokens"]), "its special tokens");
    equal(rows.licence, "Apache-2.0", "the licence");
    const parts = ["embeddings", "attention", "MLPs", "norms"].map((part) => rows[`weights: ${part}`]);
    check(parts.every((part) => /%$/.test(part)), `parts: ${parts}`);
    check(/sha256 [0-9a-f]{64}/.test(rows["file: model.safetensors"]), "the file's hash");
    check(rows["held in memory"], "memory");
  }),
];

