// The models that come with the site: SmolLM2 and MiniLM, as a newcomer meets them.

import { check, equal, near, until } from "../lib/check.mjs";

const real = (name, run, more = {}) => ({
  name,
  models: "real",
  timeout: 180_000,
  run: async (given) => {
    await given.explorer.open(more.hash ?? "");
    await given.explorer.ready(90_000);
    await given.explorer.chooseModel("smollm2-135m-instruct");
    await given.explorer.loaded(/SmolLM2/, 90_000);
    await run(given);
  },
  ...more,
});

export default [
  {
    name: "opens-on-a-model-of-its-own",
    models: "real",
    run: async ({ site, explorer }) => {
      await explorer.open();
      await explorer.ready();
      check(/Grimm/.test(await explorer.modelTitle()), `opens on "${await explorer.modelTitle()}"`);
      check((await explorer.candidates().count()) > 0, "it says what comes next");
      const fetched = site.log.filter(({ path }) => /models\/(?!index\.json|grimm-gpt\/)/.test(path));
      equal(fetched.map(({ path }) => path), [], "no other model is asked for");
    },
  },

  real("first-minute", async ({ page, explorer }) => {
    const n_tokens = await explorer.tokens().count();
    equal(n_tokens, 9, "tokens of the first sentence");
    const wall = await explorer.pixels("wall-grid");
    await explorer.type("The capital of France is");
    await explorer.settled(60_000);
    const [first] = await explorer.candidates().allInnerTexts();
    check(/Paris|the|a /.test(first), `after "The capital of France is" comes "${first}"`);
    await until(async () => (await explorer.pixels("wall-grid")) !== wall, "the wall follows");
    await explorer.id("temperature").fill("0");
    await explorer.id("generate").click();
    await until(async () => (await explorer.tokens().count()) > 8, "tokens stream in", 60_000);
    await explorer.id("stop").click();
    await explorer.settled();
    const text = (await explorer.tokens().locator(".token-text").allInnerTexts()).join("");
    check(/Paris/.test(text), `it goes on "${text}"`);
    check((await explorer.faults()).length === 0, "no fault");
    check(!/undefined|NaN|null/.test(await page.innerText("body")), "no undefined, NaN or null on screen");
  }),

  real("minilm-compares-sentences", async ({ explorer }) => {
    await explorer.chooseModel("all-minilm-l6-v2");
    await explorer.loaded(/MiniLM/, 90_000);
    const rows = await explorer.headValues();
    for (const [q, row] of rows.entries()) near(row.reduce((total, p) => total + p, 0), 1, 0.02, `row ${q} (both ways)`);
    await explorer.tab("similarity");
    // Something is there before anything is typed or pressed: the text and four sentences.
    await explorer.id("similarity-matrix").waitFor({ timeout: 60_000 });
    await until(async () => (await explorer.table("similarity")).length === 5, "the sentences are compared at once");
    const cosines = await explorer.similarity([
      "A cat sits on the mat.",
      "A kitten is sitting on a rug.",
      "The stock market fell sharply today.",
    ]);
    check(cosines[1][2] > 0.5 && cosines[1][3] < 0.3, `cat and kitten ${cosines[1][2]}, cat and market ${cosines[1][3]}`);
    near(cosines[1][1], 1, 0.001, "a sentence with itself");
    await explorer.type("A cat sits on the mat.");
    await until(async () => Math.abs(Number((await explorer.table("similarity"))[0][2]) - 1) < 0.001, "the first row follows the text");
  }),

  real("writing-can-be-stopped", async ({ page, explorer }) => {
    await explorer.chooseModel("bergamot-en-pt");
    await explorer.loaded(/Bergamot/, 90_000);
    await explorer.settled();
    const words = "The old man who lives in the small house by the river tells the children a story every evening";
    await explorer.type(`${words}, and ${words}.`);
    await explorer.settled();
    const whole = await explorer.id("target").inputValue();
    await explorer.id("beams").selectOption("8");
    await explorer.id("stop-writing").click();
    await explorer.settled();
    const part = await explorer.id("target").inputValue();
    check(part.length < whole.length, `"${part}" is no part of "${whole}"`);
    check(/[#&]y=/.test(page.url()), "what was written is the target now");
    await explorer.id("write").click();
    await explorer.settled();
    check((await explorer.id("target").inputValue()).length > part.length, "it can go on");
  }),

  real("switching-back-and-forth", async ({ explorer }) => {
    await explorer.chooseModel("all-minilm-l6-v2");
    await explorer.loaded(/MiniLM/, 90_000);
    await explorer.chooseModel("smollm2-135m-instruct");
    await explorer.loaded(/SmolLM2/, 90_000);
    check((await explorer.candidates().count()) > 0, "predictions are back");
  }),
];
