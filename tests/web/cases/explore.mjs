// What a visitor does in the Explorer, with a small model: type, select, look, generate, share.

import { check, equal, near, until } from "../lib/check.mjs";
import * as safetensors from "../lib/safetensors.mjs";
import { longTasks } from "../lib/watch.mjs";

const open = (name, run, more = {}) => ({
  name,
  run: async (given) => {
    await given.explorer.open(more.hash ?? "");
    await given.explorer.ready();
    await run(given);
  },
  ...more,
});

const sum = (values) => values.reduce((total, value) => total + value, 0);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export default [
  open("starts-with-model-and-sentence", async ({ explorer }) => {
    check((await explorer.id("prompt").inputValue()).length > 10, "a sentence is there");
    check((await explorer.modelTitle()).length > 3, "a model is named");
    check((await explorer.tokens().count()) > 5, "its tokens are there");
    const rows = await explorer.headValues();
    equal(rows.length, await explorer.tokens().count(), "rows of the head's table");
  }),

  open("the-theme-follows-the-system-until-one-is-chosen", async ({ page, explorer }) => {
    const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
    equal(await theme(), "light", "by day");
    await page.emulateMedia({ colorScheme: "dark" });
    await until(async () => (await theme()) === "dark", "the colours of the night");
    await explorer.id("theme").click();
    await until(async () => (await theme()) === "light", "paper, as chosen");
    await page.emulateMedia({ colorScheme: "light" });
    await page.emulateMedia({ colorScheme: "dark" });
    equal(await theme(), "light", "what was chosen stays");
  }),

  open("rows-of-the-head-sum-to-one", async ({ explorer }) => {
    for (const [q, row] of (await explorer.headValues()).entries()) {
      const seen = row.slice(0, q + 1);
      check(seen.every((p) => p >= 0 && p <= 1), `row ${q} holds probabilities: ${row}`);
      near(sum(seen), 1, 0.02, `row ${q}`);
      check(row.slice(q + 1).every((p) => !(p > 0)), `row ${q} sees nothing later: ${row}`);
    }
  }),

  open("typing-changes-the-maps", async ({ explorer }) => {
    const values = await explorer.headValues();
    const wall = await explorer.pixels("wall-grid");
    await explorer.type("Completely different words stand here now");
    await explorer.settled();
    check(!same(values, await explorer.headValues()), "the head's values change with the text");
    await until(async () => (await explorer.pixels("wall-grid")) !== wall, "the wall changes with the text", 5000);
  }),

  open("typing-one-more-word-keeps-the-rest", async ({ explorer }) => {
    const before = await explorer.headValues();
    const text = await explorer.id("prompt").inputValue();
    await explorer.type(`${text} and`);
    await explorer.settled();
    const after = await explorer.headValues();
    check(after.length > before.length, "there are more tokens");
    for (const [q, row] of before.entries()) {
      for (const [k, value] of row.slice(0, q + 1).entries()) near(after[q][k], value, 0.002, `row ${q}, key ${k}`);
    }
  }),

  open("the-last-of-many-keystrokes-wins", async ({ page, explorer }) => {
    await explorer.id("prompt").fill("");
    await explorer.id("prompt").pressSequentially("one two three four", { delay: 15 });
    await explorer.settled();
    const typed = await explorer.headValues();
    await page.reload();
    await explorer.ready();
    equal(await explorer.id("prompt").inputValue(), "one two three four", "the text in the address");
    // A run that reuses rows multiplies in another order than one that computes all: rounding differs.
    const reloaded = await explorer.headValues();
    equal(reloaded.length, typed.length, "as many rows");
    for (const [q, row] of typed.entries()) {
      for (const [k, value] of row.slice(0, q + 1).entries()) near(reloaded[q][k], value, 0.002, `row ${q}, key ${k}`);
    }
  }),

  open("the-page-is-never-held-up", async ({ page, explorer }) => {
    const tasks = await longTasks(page, async () => {
      await explorer.id("prompt").fill("");
      await explorer.id("prompt").pressSequentially("the more one types the more it has to show for it", { delay: 40 });
      await explorer.settled();
    });
    // Two busy cores make single tasks late; a page that computes would have many.
    const late = tasks.filter((ms) => ms > 50).sort((a, b) => a - b);
    check(late.length <= 3 && (late.at(-1) ?? 0) < 250, `tasks over 50 ms: ${late.map((ms) => Math.round(ms))}`);
  }, { alone: true }),

  open("select-a-token-by-click-and-keys", async ({ page, explorer }) => {
    const tokens = explorer.tokens();
    await tokens.nth(2).click();
    await until(() => /[#&]q=2\b/.test(page.url()), "the click is in the address");
    await page.keyboard.press("ArrowRight");
    await until(() => /[#&]q=3\b/.test(page.url()), "the arrow moves the selection");
    await page.keyboard.press("Escape");
    await until(() => !/[#&]q=/.test(page.url()), "Escape lets go");
  }),

  open("back-and-forward-undo", async ({ page, explorer }) => {
    await explorer.tab("card");
    await until(() => /tab=card/.test(page.url()), "the tab is in the address");
    await page.goBack();
    await until(async () => !(await explorer.isTab("card")), "back closes the card");
    await page.goForward();
    await until(() => explorer.isTab("card"), "forward opens it again");
  }),

  open(
    "a-link-restores-what-was-seen",
    async ({ page, explorer }) => {
      equal(await explorer.id("prompt").inputValue(), "in the ether", "text");
      check(/layer 2\b/i.test(await explorer.id("head").innerText()), "layer 2");
      check(/head 3\b/i.test(await explorer.id("head").innerText()), "head 3");
      check(await explorer.isTab("residual"), "the tab");
      equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(19, 21, 24)", "night paper");
    },
    { hash: "#t=in+the+ether&l=2&h=3&q=2&k=1&tab=residual&theme=dark" },
  ),

  open(
    "a-hostile-link-is-harmless",
    async ({ page, explorer }) => {
      check((await page.locator("img[onerror], script:not([src])").count()) === 0, "no element comes from the address");
      check((await explorer.headValues()).length > 0, "the page works");
    },
    { hash: `#l=99999999999&h=-4&q=1e9&tab=%00&T=NaN&seed=x&m=bundled/../../etc&t=${encodeURIComponent("<img src=x onerror=alert(1)> \u202e abc")}` },
  ),

  open("temperature-changes-bars-without-a-run", async ({ explorer }) => {
    const run = () => explorer.id("run-report").innerText();
    const before = { run: await run(), bars: await explorer.candidates().allInnerTexts() };
    await explorer.id("temperature").fill("2");
    await until(async () => !same(before.bars, await explorer.candidates().allInnerTexts()), "the bars change");
    equal(await run(), before.run, "and no new run took place");
  }),

  open("generates-the-same-from-the-same-seed", async ({ page, explorer }) => {
    const generate = async () => {
      await explorer.id("generate").click();
      await explorer.settled();
      return explorer.tokens().allInnerTexts();
    };
    const n_before = await explorer.tokens().count();
    const first = await generate();
    check(first.length > n_before, "there are new tokens");
    await page.reload();
    await explorer.ready();
    const second = await generate();
    equal(second, first, "the same seed, the same text");
    await page.reload();
    await explorer.ready();
    await explorer.id("settings").click();
    await explorer.id("seed").fill("1234");
    await explorer.id("seed").press("Enter");
    check(!same(await generate(), first), "another seed, another text");
  }),

  open("stages-show-the-steps", async ({ explorer }) => {
    const seen = new Set();
    for (const stage of ["scores", "scaled", "masked", "pattern", "values"]) {
      await explorer.id(`stage-${stage}`).click();
      await explorer.settled();
      seen.add(JSON.stringify(await explorer.headValues()));
    }
    check(seen.size >= 4, `the steps differ: ${seen.size} kinds of values`);
  }),

  open("scaled-scores-become-the-pattern", async ({ explorer }) => {
    const pattern = await explorer.headValues();
    await explorer.id("stage-scaled").click();
    await explorer.settled();
    const scores = await explorer.headValues();
    for (const [q, row] of scores.entries()) {
      const seen = row.slice(0, q + 1).map(Math.exp);
      for (const [k, e] of seen.entries()) near(e / sum(seen), pattern[q][k], 0.01, `softmax of row ${q} at ${k}`);
    }
  }),

  open("hide-sinks", async ({ explorer }) => {
    const before = await explorer.pixels("head-matrix");
    await explorer.id("hide-sink").click();
    await until(async () => (await explorer.pixels("head-matrix")) !== before, "the picture changes");
  }),

  open("average-over-heads", async ({ explorer }) => {
    const one = await explorer.headValues();
    await explorer.id("average").selectOption("heads");
    await explorer.settled();
    const mean = await explorer.headValues();
    check(!same(one, mean), "the mean is not one head");
    for (const [q, row] of mean.entries()) near(sum(row.slice(0, q + 1)), 1, 0.02, `mean row ${q}`);
  }),

  open("bipartite-view", async ({ explorer }) => {
    await explorer.id("view-lines").click();
    await explorer.id("head-lines").waitFor();
  }),

  open("engines-agree", async ({ explorer }) => {
    await explorer.id("compare-engines").click();
    // "CPU … = WebGPU … ± 1.2e-6"
    const found = await until(async () => {
      await explorer.settled(60_000);
      const words = await explorer.id("invariants").innerText();
      return / = [^±]*±\s*([\d.]+(?:e[-−]?\d+)?)/.exec(words);
    }, "the comparison has a number", 60_000);
    const error = Number(found[1].replace("−", "-"));
    check(error <= 1e-3, `the engines differ by ${error}`);
  }, { graphics: "gpu", timeout: 120_000 }),

  open("export-csv", async ({ explorer }) => {
    const { name, bytes } = await explorer.exported("head", "csv");
    check(name.endsWith(".csv"), name);
    const lines = bytes.toString("utf8").trim().split(/\r?\n/);
    check(lines.length > (await explorer.tokens().count()), `a line a row and a head line: ${lines.length}`);
  }),
  open("export-svg", async ({ explorer }) => {
    const { bytes } = await explorer.exported("head", "svg");
    check(/^\s*(<\?xml[^>]*>\s*)?<svg /.test(bytes.toString("utf8")), "an SVG");
  }),
  open("export-png", async ({ explorer }) => {
    const { bytes } = await explorer.exported("head", "png");
    equal(bytes.subarray(0, 4).toString("latin1"), "\x89PNG", "magic of a PNG");
    check(bytes.readUInt32BE(16) > 100 && bytes.length > 500, "a picture with something on it");
  }),
  open("export-safetensors", async ({ explorer }) => {
    const shown = await explorer.headValues();
    const { bytes } = await explorer.exported("head", "safetensors");
    const { tensors } = safetensors.parse(bytes);
    const pattern = tensors.get("blocks.0.attn.hook_pattern");
    check(pattern, `hooks: ${[...tensors.keys()]}`);
    const [n_heads, n_queries, n_keys] = pattern.shape.slice(-3);
    equal([n_heads, n_queries, n_keys], [4, shown.length, shown.length], "shape");
    const values = safetensors.floats(pattern);
    for (const [q, row] of shown.entries()) {
      for (let k = 0; k <= q; k += 1) near(row[k], values[q * n_keys + k], 0.002, `row ${q}, key ${k}`);
    }
  }),

  open("theme", async ({ page, explorer }) => {
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await explorer.id("theme").click();
    await until(async () => (await background()) !== light, "the background changes");
  }),

  open("help-shows-the-keys", async ({ page, explorer }) => {
    await page.keyboard.press("?");
    await explorer.id("keys-dialog").waitFor();
    await page.keyboard.press("Escape");
    await explorer.id("keys-dialog").waitFor({ state: "hidden" });
  }),

  open(
    "phone-has-no-sideways-scroll",
    async ({ page, explorer }) => {
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wide <= 0, `${wide} px too wide`);
      await explorer.type("a".repeat(300));
      await explorer.settled();
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wider <= 0, `${wider} px too wide with a long word`);
    },
    { context: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } },
  ),

  open(
    "reduced-motion",
    async ({ page }) => {
      const moving = await page.evaluate(
        () => document.getAnimations().filter((one) => (one.effect?.getComputedTiming().duration ?? 0) > 1).length,
      );
      equal(moving, 0, "animations");
    },
    { context: { reducedMotion: "reduce" } },
  ),
];
