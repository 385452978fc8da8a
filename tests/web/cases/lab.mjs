// The Lab: a run is trained, steered, lost and found again, compared, handed to the Explorer.

import { readFileSync } from "node:fs";

import { violations } from "../lib/axe.mjs";
import { check, equal, near, until } from "../lib/check.mjs";
import { Lab } from "../lib/lab.mjs";
import { parse } from "../lib/safetensors.mjs";

/** Counts what the engine asks of WebGPU. */
const PROBE = readFileSync(new URL("../lib/probe.js", import.meta.url), "utf8");

const SHORT = "data.task=copy&model.n_layers=1&model.d_model=16&model.n_heads=2&model.n_ctx=16&run.n_sequences=8&run.validate_every=10&run.n_validation=1";

const PIECES = "corpus=toy&model.n_layers=1&model.d_model=32&model.n_heads=2&model.n_ctx=32&optimiser.rate=0.01&run.n_steps=60&run.validate_every=30&run.n_validation=1&run.n_sequences=8";

const open = (name, knobs, run, more = {}) => ({
  name,
  run: async (given) => {
    const lab = new Lab(given.page, given.explorer);
    await lab.open(knobs);
    await run({ ...given, lab });
  },
  ...more,
});

/** Changes with the theme only. */
const axe = (theme, viewport, name) =>
  open(`axe-${theme}-${name}`, SHORT + "&run.n_steps=30", async ({ page, lab }) => {
    const found = [...(await violations(page))];
    await lab.train();
    await lab.is("done");
    for (const one of await violations(page)) if (!found.includes(one)) found.push(one);
    check(found.length === 0, `${found.length}: ${found.join(" | ")}`);
  }, { context: { colorScheme: theme, viewport }, timeout: 120_000 });

export default [
  open("trains-pauses-slows-down-and-goes-on", "", async ({ lab }) => {
    equal(await lab.state(), "none", "before the first run");
    await lab.train();
    await lab.reaches(5);
    await lab.id("pause").click();
    await lab.is("paused");
    const paused = await lab.step();
    const rate = Number(await lab.id("rate").inputValue());
    await lab.id("rate-half").click();
    near(Number(await lab.id("rate").inputValue()), rate / 2, 1e-9, "half the rate");
    equal(await lab.step(), paused, "a paused run stays where it is");
    await lab.id("step-once").click();
    await until(async () => (await lab.step()) === paused + 1, "one step more");
    await lab.is("paused");
    const rows = await lab.rows("lab-loss");
    equal(rows.length, paused + 1, "a row a step");
    const [before, after] = rows.slice(-2).map((row) => row[4]);
    check(after < 0.7 * before, `the step has half the rate: ${before} before, ${after} after`);
    await lab.id("resume").click();
    await lab.is("done", 100_000);
    const [, step, , , exact] = (await lab.rows("lab-right")).at(-1);
    equal(step, 400, "the last validation is after the last step");
    check(exact >= 0.9, `letters are reversed: ${exact} of what is held out`);
    const marks = await lab.id("lab-samples").locator(".sample-mark").allInnerTexts();
    check(marks.filter((mark) => mark === "✓").length >= 6, `samples are right: ${marks}`);
  }, { timeout: 150_000 }),

  open("a-loss-that-is-no-number-leads-back", `${SHORT}&optimiser.kind=sgd&optimiser.rate=1000&optimiser.max_norm=0&run.n_steps=60&run.validate_every=2`, async ({ lab }) => {
    await lab.train();
    await lab.is("diverged");
    const said = await lab.id("diverged").innerText();
    const [, step, loss, back] = /step (\d+) is (NaN|∞).*those of step (\d+) again/.exec(said.replaceAll("\n", " ")) ?? [];
    check(loss && Number(back) < Number(step), `the step and the way back are named: ${said}`);
    await lab.id("rate").fill("0.05");
    await lab.id("rate").press("Enter");
    await lab.id("resume").click();
    await lab.is("done");
    const rows = await lab.rows("lab-loss");
    equal(rows.length, 60, "a row a step, the lost ones once");
    check(rows.every((row) => Number.isFinite(row[2])), "every loss on the curve is a number");
  }),

  open("looks-of-a-run-that-went-back-are-in-order", "", async ({ lab, explorer }) => {
    await lab.preset("diverges");
    await lab.train();
    await lab.is("diverged");
    const steps = await until(async () => {
      const steps = (await explorer.table("lab-activations")).map(([step]) => Number(step));
      return steps.length > 2 && steps;
    }, "some looks");
    check(steps.every((step, at) => at === 0 || step > steps[at - 1]), `one after the other: ${steps}`);
  }),

  open("half-the-rate-is-one-click", `${SHORT}&optimiser.kind=sgd&optimiser.rate=1000&optimiser.max_norm=0&run.n_steps=60&run.validate_every=2`, async ({ lab }) => {
    await lab.train();
    await lab.is("diverged");
    await lab.id("go-on-slower").click();
    await until(async () => (await lab.id("rate").inputValue()) === "500", "half the rate");
  }),

  open("the-way-back", `${SHORT}&run.n_steps=40`, async ({ lab }) => {
    await lab.train();
    await lab.is("done");
    const all = await lab.rows("lab-loss");
    await lab.id("rewind-step").selectOption("20");
    await lab.id("rewind").click();
    await until(async () => (await lab.step()) === 20, "step 20");
    await lab.id("resume").click();
    await lab.is("done");
    equal(await lab.rows("lab-loss"), all, "the same steps give the same losses");
  }),

  open("two-runs-lie-over-each-other", `${SHORT}&run.n_steps=20`, async ({ lab }) => {
    await lab.train();
    await lab.is("done");
    await lab.turn("model.d_model", "32");
    await lab.train();
    await lab.is("done");
    const legend = (await lab.id("lab-loss").locator(".key").allInnerTexts()).map((text) => text.trim());
    equal(legend, ["width 16", "width 16, held out", "width 32", "width 32, held out"], "the legend");
    equal((await lab.rows("lab-loss")).length, 40, "steps of both");
    await lab.id("hide-1").click();
    equal((await lab.rows("lab-loss")).length, 20, "steps of the second");
    await lab.id("use-1").click();
    equal(await lab.knob("model.d_model"), "16", "the knob of the first run");
  }),

  open("what-goes-on-inside", `${SHORT}&model.kind=transformer&run.n_steps=30`, async ({ page, lab, explorer }) => {
    await lab.train();
    await lab.is("done");
    const norms = await explorer.table("lab-norms");
    equal(norms.length, 30, "a row a step");
    await lab.id("quantity-ratio").click();
    const ratios = await lab.rows("lab-norms");
    check(ratios.at(-1).slice(1).every((ratio) => ratio > 0 && ratio < 1), `update ratios: ${ratios.at(-1)}`);
    const looks = (await explorer.table("lab-activations")).length;
    check(looks >= 2, `a row a look: ${looks}`);
    for (const [statistic, least, most] of [["spread", 0, 100], ["largest", 0, 1000], ["zeros", 0, 1], ["mean", -100, 100]]) {
      await lab.id(`statistic-${statistic}`).click();
      const values = (await lab.rows("lab-activations")).flatMap((row) => row.slice(1));
      check(values.length === 9 * looks && values.every((value) => value >= least && value <= most), `${statistic}: ${values}`);
      check(values.some((value) => value !== 0), `${statistic} is measured`);
    }
    for (const part of ["value", "mean", "square"]) {
      await lab.id("heat-part").selectOption(part);
      await until(async () => (await explorer.table("lab-heat")).length > 1, `the heat-map of ${part}`);
    }
    const map = await explorer.table("lab-maps");
    for (const [, ...row] of map) {
      near(row.reduce((sum, cell) => sum + Number(cell), 0), 1, 1e-4, "shares of a row");
    }
    await page.getByTestId("scrub").fill("0");
    await until(async () => (await lab.id("lab-maps").locator("h2").first().innerText()).endsWith("after step 0"), "the map of the untrained model");
    check(JSON.stringify(await explorer.table("lab-maps")) !== JSON.stringify(map), "training changes the map");
  }),

  open("a-knob-that-cannot-be-is-named", SHORT, async ({ lab }) => {
    await lab.turn("model.n_heads", "5");
    await lab.id("train").click();
    const fault = await until(async () => (await lab.id("lab-fault").allInnerTexts())[0], "a fault");
    check(fault.includes("“Heads” is 5") && fault.includes("“Width” = 16"), `it names the knobs: ${fault}`);
    equal(await lab.id("knob-model.n_heads").getAttribute("aria-invalid"), "true", "the knob");
    await lab.turn("model.n_heads", "4");
    equal(await lab.id("lab-fault").count(), 0, "faults once it is turned");
    await lab.turn("model.n_layers", "99");
    check((await lab.id("lab").innerText()).includes("A whole number from 1 to 12."), "what it may be");
  }),

  open("a-text-is-gone-on-with", "corpus=toy&model.n_layers=1&model.d_model=32&model.n_heads=2&model.n_ctx=32&optimiser.rate=0.01&run.n_steps=80&run.validate_every=40&run.n_validation=1", async ({ lab }) => {
    await lab.train();
    await lab.is("done");
    const texts = await lab.id("lab-samples").locator(".sample-text").allInnerTexts();
    equal(texts.length, 3, "beginnings");
    check(texts.every((text) => text.length > 28), `each is gone on with: ${texts}`);
    const scores = await lab.rows("lab-right");
    check(scores.at(-1)[2] < scores[0][2] - 0.5, `the held-out loss falls: ${scores.map((row) => row[2])}`);
  }),

  open("pieces-of-words", `${PIECES}&data.tokenizer=byte_bpe&data.d_vocab=400`, async ({ page, lab, explorer }) => {
    await lab.train();
    await lab.is("done");
    const n_ids = Number(/([\d,]+) tokens in the vocabulary/.exec(await lab.id("lab-figures").innerText())[1]);
    check(n_ids > 280 && n_ids <= 400, `all bytes, an end, and pieces: ${n_ids}`);
    const texts = await lab.id("lab-samples").locator(".sample-text").allInnerTexts();
    check(texts.length === 3 && texts.every((text) => / [a-z]/.test(text) && !text.includes("Ġ")), `texts, not spellings: ${texts}`);
    const scores = await lab.rows("lab-right");
    check(scores.at(-1)[2] < scores[0][2] - 0.5, `the held-out loss falls: ${scores.map((row) => row[2])}`);
    const saved = page.waitForEvent("download");
    await lab.id("save-run").click();
    const file = readFileSync(await (await saved).path());
    await lab.id("open-explorer").click();
    await explorer.loaded(/^(?!.*Grimm)/, 40_000);
    await explorer.type("the old woman");
    await explorer.settled();
    const n_tokens = await explorer.tokens().count();
    check(n_tokens > 1 && n_tokens < 9, `pieces are several letters: ${n_tokens} of them`);
    await explorer.id("place-lab").click();
    await lab.id("open-run").setInputFiles({ name: "run.safetensors", mimeType: "application/octet-stream", buffer: file });
    await lab.is("done");
    const again = await lab.rows("lab-right");
    near(again.at(-1)[2], scores.at(-1)[2], 1e-6, "the same vocabulary, the same loss");
  }, { timeout: 120_000 }),

  open("pieces-of-words-for-a-bert", `${PIECES}&data.tokenizer=word_piece&data.d_vocab=300&model.kind=bert`, async ({ lab }) => {
    await lab.train();
    await lab.is("done");
    const scores = await lab.rows("lab-right");
    check(scores.at(-1)[2] < scores[0][2], `the held-out loss falls: ${scores.map((row) => row[2])}`);
    const words = await lab.id("lab-maps").innerText();
    check(/fox|king|the/.test(words), `whole words: ${words}`);
  }),

  open("texts-of-every-size", "corpus=pasted&model.n_layers=1&model.d_model=16&model.n_heads=2&model.n_ctx=16&optimiser.rate=0.01&run.n_steps=40&run.validate_every=40&run.n_validation=1&run.n_sequences=4", async ({ lab }) => {
    const said = async (text, words) => {
      await lab.id("corpus").fill(text);
      await lab.id("train").click();
      const fault = await until(async () => (await lab.id("lab-fault").allInnerTexts())[0], `a fault about ${words}`);
      check(fault.includes(words), `it says ${words}: ${fault}`);
    };
    await said("", "empty");
    await said("a", "tokens");
    await said("too short", "tokens");
    await lab.id("corpus").fill("a".repeat(4000));
    await lab.train();
    await lab.is("done");
    const [, , loss] = (await lab.rows("lab-right")).at(-1);
    check(loss < 0.01, `nothing is surprising any more: ${loss}`);
    // Typing so much would take the test longer than the page.
    await lab.id("corpus").evaluate((area) => {
      area.value = `${"ab ".repeat(20)}\n`.repeat(36_000);
      area.dispatchEvent(new Event("input", { bubbles: true }));
    });
    check((await lab.page.locator(".corpus .hint").textContent()).includes("The first 2.0 MB are trained on."), "a long text is cut");
  }),

  open("a-run-opens-in-the-explorer", "", async ({ lab, explorer }) => {
    await lab.train();
    await lab.is("done", 100_000);
    await lab.id("open-explorer").click();
    await until(async () => (await explorer.id("target").count()) > 0, "a source and a target", 40_000);
    await explorer.settled();
    await explorer.type("abcd");
    await explorer.settled();
    equal(await explorer.id("target").inputValue(), "dcba", "what the trained model writes");
    const rows = await explorer.table("alignment");
    equal(rows.length, 5, "a row a letter, and the end");
    await explorer.id("place-lab").click();
    equal(await lab.state(), "done", "the run is still there");
    check((await lab.step()) === 400, "with its curves");
  }, { timeout: 180_000 }),

  open("a-run-is-saved", `${SHORT}&run.n_steps=10`, async ({ page, lab }) => {
    await lab.train();
    await lab.is("done");
    const saved = page.waitForEvent("download");
    await lab.id("save-run").click();
    const download = await saved;
    equal(download.suggestedFilename(), "vitrine-copy-step-10.safetensors", "its name");
    const { tensors, metadata } = parse(readFileSync(await download.path()));
    const names = [...tensors.keys()];
    check(names.some((name) => name.startsWith("parameter.")) && names.some((name) => name.startsWith("moment1.")), `parameters and moments: ${names.slice(0, 4)}`);
    equal(metadata["vitrine.n_done"], "10", "the steps");
  }),

  open("webgpu-trains-as-the-processor-does", `${SHORT}&run.n_steps=12&engine=cpu`, async ({ page, lab }) => {
    await lab.train();
    await lab.is("done");
    const cpu = (await lab.rows("lab-loss")).map((row) => row[2]);
    await page.reload();
    await lab.open(`${SHORT}&run.n_steps=12&engine=gpu`);
    await lab.train();
    await lab.is("done", 150_000);
    const gpu = (await lab.rows("lab-loss")).map((row) => row[2]);
    equal(gpu.length, 12, "as many steps");
    check(/GPU|SwiftShader/i.test(await page.getByTestId("engine-badge").innerText()), "on the GPU");
    for (const [at, loss] of gpu.entries()) near(loss, cpu[at], 0.01 * cpu[at], `the loss of step ${at + 1}`);
  }, { graphics: "gpu", timeout: 240_000 }),

  open("a-step-on-webgpu-makes-nothing-new", `${SHORT}&run.n_steps=500&run.validate_every=500&engine=gpu`, async ({ page, lab }) => {
    await lab.train();
    await lab.reaches(3);
    await lab.id("pause").click();
    await lab.is("paused", 60_000);
    const names = await Promise.all(page.workers().map((worker) => worker.evaluate(() => self.name)));
    const worker = page.workers()[names.indexOf("lab")];
    const counts = () => worker.evaluate(() => ({ ...self.counted }));
    const step = async () => {
      const [before, at] = [await counts(), await lab.step()];
      await lab.id("step-once").click();
      await until(async () => (await lab.step()) === at + 1, "one step more");
      await lab.is("paused");
      const after = await counts();
      return Object.fromEntries(Object.entries(after).map(([name, n]) => [name, n - before[name]]));
    };
    const [one, another] = [await step(), await step()];
    const { shaders, pipelines, bindGroups, buffers, maps, dispatches } = another;
    equal(JSON.stringify({ shaders, pipelines, bindGroups, buffers }), JSON.stringify({ shaders: 0, pipelines: 0, bindGroups: 0, buffers: 0 }), "all is there from the first step on");
    check(maps <= 3, `${maps} maps: the loss with the norms, the times of the kernels, what is drawn of a paused run`);
    check(dispatches > 50, `it runs on the GPU: ${dispatches} dispatches`);
    equal(one.dispatches, dispatches, "every step is the same recording");
    console.log(`# a training step of 1 block on WebGPU: ${dispatches} dispatches, ${another.submits} submits, ${maps} maps`);
  }, { graphics: "gpu", timeout: 240_000, prelude: `${PROBE}\nself.counted = counts;` }),

  open("a-saved-run-goes-on-where-it-was", `${SHORT.replace("n_sequences=8", "n_sequences=64")}&run.n_steps=400`, async ({ page, lab }) => {
    await lab.train();
    await lab.reaches(20);
    await lab.id("pause").click();
    await lab.is("paused");
    const at = await lab.step();
    const saved = page.waitForEvent("download");
    await lab.id("save-run").click();
    const file = readFileSync(await (await saved).path());
    await lab.id("resume").click();
    await lab.is("done");
    const whole = (await lab.rows("lab-loss")).slice(at);
    await page.reload();
    await lab.open("data.task=dates");
    await lab.id("open-run").setInputFiles({ name: "run.safetensors", mimeType: "application/octet-stream", buffer: file });
    await lab.is("paused");
    equal(await lab.step(), at, "the steps that were done");
    equal(await lab.knob("data.task"), "copy", "the knobs are those of the run");
    await lab.id("resume").click();
    await lab.is("done");
    equal((await lab.rows("lab-loss")).map((row) => row.slice(1)), whole.map((row) => row.slice(1)), "the same losses as without the break");
    await lab.id("open-run").setInputFiles({ name: "other.safetensors", mimeType: "application/octet-stream", buffer: file.subarray(0, file.length - 100) });
    const fault = await until(async () => (await lab.id("lab-fault").allInnerTexts())[0], "a fault");
    check(/other\.safetensors/.test(fault), fault);
  }),

  open("an-address-holds-every-knob", "", async ({ page, lab }) => {
    await lab.preset("dates");
    await lab.turn("model.d_model", "48");
    await lab.turn("seed", "7");
    const hash = await page.evaluate(() => location.hash);
    check(hash.includes("p=lab") && hash.includes("model.d_model=48") && hash.includes("train.seed=7"), hash);
    await page.reload();
    await lab.id("train").waitFor({ timeout: 40_000 });
    equal(await lab.knob("model.d_model"), "48", "the width");
    equal(await lab.knob("data.task"), "dates", "the task");
    await page.goBack();
    await until(async () => (await lab.knob("seed")) === "0", "back undoes a knob");
    await page.getByTestId("place-explorer").click();
    check(!(await page.evaluate(() => location.hash)).includes("model."), "the Explorer's address is its own");
    await page.getByTestId("place-lab").click();
    equal(await lab.knob("model.d_model"), "48", "the width is still there");
  }),

  open("keys-drive-the-run", SHORT, async ({ page, lab }) => {
    await page.locator("#lab").focus();
    await page.keyboard.press("t");
    await lab.is("running");
    await page.keyboard.press("p");
    await lab.is("paused");
    const at = await lab.step();
    await page.keyboard.press("s");
    await until(async () => (await lab.step()) === at + 1, "one step more");
    await page.keyboard.press("p");
    await lab.reaches(at + 3);
    await lab.id("lab-stop").click();
    await lab.is("none");
  }),

  axe("light", { width: 1440, height: 900 }, "wide"),
  axe("dark", { width: 1440, height: 900 }, "wide"),
  axe("light", { width: 390, height: 844 }, "phone"),
  axe("dark", { width: 390, height: 844 }, "phone"),

  // What the Lab promises: on the processor, in under five minutes.
  open("dates-are-learned-in-five-minutes", "", async ({ lab }) => {
    await lab.preset("dates");
    const from = Date.now();
    await lab.train();
    await lab.is("done", 300_000);
    const [, step, loss, , exact] = (await lab.rows("lab-right")).at(-1);
    console.log(`# dates: ${((Date.now() - from) / 1000).toFixed(0)} s, ${step} steps, held-out loss ${loss}, exact ${exact}`);
    check(exact >= 0.99, `exact match of held-out dates: ${exact}`);
  }, { timeout: 360_000 }),
];
