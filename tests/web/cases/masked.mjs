// Models that fill gaps, and pairs of sentences: what they say against the logits that they export.

import { check, equal, near, until } from "../lib/check.mjs";
import { golden } from "../lib/fixtures.mjs";
import * as safetensors from "../lib/safetensors.mjs";

const TEXT = "the man went to the store";
const number = (text) => Number(text.replace("−", "-"));
const models = { "words-bert": { title: "Words BERT", files: golden("bert") } };
const discriminator = { "judging-electra": { title: "Judging ELECTRA", files: golden("electra_discriminator") } };
const headless = { "bare-bert": { title: "Bare BERT", files: golden("bert_encoder") } };

const open = (name, run, more = {}) => ({
  name,
  models,
  run: async (given) => {
    await given.explorer.open(more.hash ?? `#t=${TEXT.replaceAll(" ", "+")}`);
    await given.explorer.ready();
    await run(given);
  },
  ...more,
});

const softmax = (logits) => {
  const most = Math.max(...logits);
  const shares = [...logits].map((logit) => Math.exp(logit - most));
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
};

/** A tensor that the masked panel exports. */
async function exported(explorer, name) {
  const { bytes } = await explorer.exported("masked", "safetensors");
  const tensor = safetensors.parse(bytes).tensors.get(name);
  check(tensor, `${name} is exported`);
  return { shape: tensor.shape, values: safetensors.floats(tensor) };
}

/** The rows of the masked panel's table, once there are so many. */
const places = (explorer, n) =>
  until(async () => {
    await explorer.settled();
    const rows = n === 0 ? [] : await explorer.table("masked");
    return rows.length === n && rows;
  }, `${n} masked places`);

export default [
  open("a-click-masks-and-a-key-unmasks", async ({ page, explorer }) => {
    const maps = await explorer.headValues();
    await explorer.tokens().nth(3).click();
    await until(() => /[#&]mask=3\b/.test(page.url()), "the mask is in the address");
    const [row] = await places(explorer, 1);
    equal(row.slice(0, 2), ["went", "3"], "which token");
    const { shape, values } = await exported(explorer, "logits");
    const p = softmax(values.slice(3 * shape[1], 4 * shape[1]));
    const ids = p.map((_, id) => id).sort((a, b) => p[b] - p[a]);
    const vocab = JSON.parse(models["words-bert"].files["tokenizer.json"]).model.vocab;
    near(number(row[2]), p[vocab.went], 1e-5, "probability of the masked token");
    equal(number(row[3]), ids.indexOf(vocab.went) + 1, "its rank");
    equal(row[4], Object.keys(vocab)[ids[0]], "the best candidate");
    near(number(row[5]), p[ids[0]], 1e-5, "its probability");
    check((await explorer.id("token-3").innerText()).includes(row[4]), "the candidate stands under the token");
    check(JSON.stringify(maps) !== JSON.stringify(await explorer.headValues()), "the maps are of the masked text");
    await explorer.id("token-3").focus();
    await page.keyboard.press("Enter");
    await until(() => !/mask=/.test(page.url()), "Enter gives the token back");
    await explorer.settled();
    equal(await explorer.headValues(), maps, "and the maps are as before");
  }),

  open(
    "a-link-keeps-masks",
    async ({ page, explorer }) => {
      equal((await places(explorer, 2)).map(([, at]) => at), ["2", "5"], "masked places");
      await page.goBack().catch(() => {});
      await explorer.open("#t=the+man");
      await explorer.type("the dog");
      await explorer.settled();
      check(!/mask=/.test(page.url()), "another text has no masks");
    },
    { hash: `#t=${TEXT.replaceAll(" ", "+")}&mask=2.5` },
  ),

  open("added-tokens-are-not-masked", async ({ page, explorer }) => {
    await explorer.tokens().first().click();
    await until(() => /[#&]q=0\b/.test(page.url()), "the click pins");
    check(!/mask=/.test(page.url()), "and masks nothing");
  }),

  open("each-token-masked-alone", async ({ explorer }) => {
    await explorer.tab("loss");
    await explorer.id("mask-each").click();
    await explorer.settled();
    const losses = await explorer.table("loss");
    equal(losses.length, 8, "a row a token");
    equal([losses[0][1], losses[7][1]], ["", ""], "none for added tokens");
    check(/Pseudo-log-likelihood −/.test(await explorer.id("loss").innerText()), "the sum is named");
    // The run on screen is that of the whole text again.
    for (const at of [2, 5]) {
      await explorer.tokens().nth(at).click();
      const [row] = await places(explorer, 1);
      near(number(losses[at][1]), -Math.log(number(row[2])), 1e-4, `loss of token ${at}`);
      await explorer.tokens().nth(at).click();
      await explorer.settled();
    }
  }),

  open(
    "a-model-without-a-head-says-so",
    async ({ page, explorer }) => {
      check(/no head over the vocabulary/.test(await explorer.id("no-masks").innerText()), "the panel says why");
      await explorer.tokens().nth(2).click();
      await until(() => /[#&]q=2\b/.test(page.url()), "a click pins");
      equal(await explorer.id("tab-loss").count(), 0, "no losses");
    },
    { models: headless },
  ),

  open(
    "a-discriminator-says-which-tokens-were-replaced",
    async ({ explorer }) => {
      const rows = await until(async () => {
        const rows = await explorer.table("replaced");
        return rows.length === 8 && rows;
      }, "a row a token");
      equal(rows[3][0], "went", "in the order of the text");
      equal(await explorer.page.locator(".bars.replaced li:visible").count(), 8, "every token is on screen");
      for (const [token, , logit, share] of rows) near(number(share), 1 / (1 + Math.exp(-number(logit))), 1e-5, token);
      const { bytes } = await explorer.exported("replaced", "safetensors");
      const scores = safetensors.floats(safetensors.parse(bytes).tensors.get("discriminator_logits"));
      for (const [at, row] of rows.entries()) near(number(row[2]), scores[at], 1e-4, `the score of token ${at}`);
      const before = JSON.stringify(rows);
      await explorer.type("the man went to the dog");
      await explorer.settled();
      check(JSON.stringify(await explorer.table("replaced")) !== before, "another text, other scores");
    },
    { models: discriminator },
  ),

  open("a-pair-has-sides-and-an-answer", async ({ explorer }) => {
    check(/Type a second text/.test(await explorer.id("next-sentence").innerText()), "what to do");
    await explorer.id("pair").fill("he bought milk");
    await explorer.settled();
    const { values } = await exported(explorer, "nsp_logits");
    const [follows] = softmax(values);
    const said = await until(async () => {
      const words = await explorer.id("next-sentence").innerText();
      return words.match(/probability ([\d.e−-]+);/)?.[1];
    }, "a probability");
    near(number(said), follows, 0.006 * follows, "B follows A");
    equal(await explorer.page.locator(".token.side-b").count(), 4, "tokens of the second text");
  }),

  open(
    "one-side-looks-at-the-other",
    async ({ page, explorer }) => {
      const all = await explorer.headValues();
      await explorer.id("pairs").selectOption("ba");
      await until(() => /[#&]pairs=ba\b/.test(page.url()), "the choice is in the address");
      const some = await explorer.headValues();
      for (const [q, row] of some.entries()) {
        for (const [k, value] of row.entries()) {
          equal(value, q >= 8 && k < 8 ? all[q][k] : null, `row ${q}, key ${k}`);
        }
      }
      check(/left out here/.test(await explorer.id("head").innerText()), "the legend says why");
    },
    { hash: `#t=${TEXT.replaceAll(" ", "+")}&t2=he+bought+milk` },
  ),
];
