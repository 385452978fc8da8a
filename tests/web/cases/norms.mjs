// Room 03: three models before their first step, and what is measured of them.

import { check, equal, until } from "../lib/check.mjs";
import { axes, byKeyboard, presentedAndPrinted, Room } from "../lib/room.mjs";

const open = (name, more, run, extra = {}) => ({
  name,
  run: async (given) => {
    const room = new Room(given.page, given.explorer);
    await room.open(3, more);
    await until(async () => /ResiDual/.test(await room.id("norms-layer").innerText()), "the models are measured", 60_000);
    await run({ ...given, room });
  },
  timeout: 120_000,
  ...extra,
});

const number = (text) => Number(text.replace("−", "-"));

export default [
  open("a-link-reopens-knobs-and-layer", "&r-layers=4&r-seed=7&step=2", async ({ page, room }) => {
    await room.isAt(3);
    equal((await room.step())[1], 4, "a step a layer");
    equal(await room.id("knob-seed").inputValue(), "7", "the seed");
    check(/^Layer 3\./.test(await room.id("norms-layer").innerText()), "the layer's numbers");
    const verdicts = await room.verdicts();
    equal(verdicts.length, 3, "three lines");
    check(verdicts.every((verdict) => verdict === "holds"), `${verdicts} ${await room.errors()}`);
    await room.id("knob-layers").selectOption("2");
    await until(async () => (await room.step())[1] === 2, "two layers");
    await page.goBack();
    await until(async () => (await room.step())[1] === 4, "back undoes a knob");
  }),

  open("every-knob-changes-what-is-shown", "&r-layers=4", async ({ room }) => {
    const line = room.id("norms-layer");
    let before = await line.innerText();
    await room.id("knob-seed").fill("3");
    await room.id("knob-seed").press("Enter");
    await until(async () => /ResiDual/.test(await line.innerText()) && (await line.innerText()) !== before, "another seed", 30_000);
    before = await room.pixels("norms-size");
    await room.id("knob-layers").selectOption("8");
    await until(async () => (await room.pixels("norms-size")) !== before, "more layers", 30_000);
    await room.id("step-on").click();
    await until(async () => /^Layer 2\./.test(await line.innerText()), "the next layer");
    await room.id("try-slow").click();
    equal(await room.id("knob-rate").inputValue(), "0.001", "one click sets the rate");
    await room.id("try-deep").click();
    await until(async () => (await room.step()).join() === "16,16", "the last of sixteen layers");
  }),

  open("claims-are-measured-here-beside-what-was-published", "&r-layers=2", async ({ room }) => {
    check((await room.table("layers")).every(([, , here]) => here === "not yet"), "nothing is shown before it was measured");
    await room.measure("layers", 120_000);
    const [post, pre] = (await room.table("layers")).map((row) => number(/times ([\d.]+)/.exec(row[2])[1]));
    check(post > 1.25, `Post-LN grows: ${post}`);
    check(pre > 0.85 && pre < 1.15, `Pre-LN is flat: ${pre}`);
    await room.measure("depth", 120_000);
    const [last, falling] = (await room.table("depth")).map((row) => number(row[2]));
    check(Math.abs(last) < 0.3, `Post-LN's exponent is ${last}`);
    check(Math.abs(falling + 0.5) < 0.17, `Pre-LN's exponent is ${falling}`);
  }, { timeout: 300_000 }),

  open("the-race-is-run-and-can-be-stopped", "&r-layers=2", async ({ room }) => {
    await room.id("measure-race").click();
    await until(async () => (await room.id("chart-race").locator("path").count()) > 0, "losses come one by one", 60_000);
    await room.id("measure-race").click();
    equal(await room.id("measure-race").innerText(), "Measure here", "it was stopped");
    await room.measure("race", 200_000);
    const [cold, warm, pre, dual] = (await room.table("race")).map((row) => number(row[2]));
    check(cold > 2.5 && warm < 2 && pre < 1.8 && dual < 2.3, `${cold} ${warm} ${pre} ${dual}`);
    const maps = await Promise.all([0, 1, 2, 3].map((at) => room.pixels(`race-map-${at}`)));
    equal(new Set(maps).size, 4, "four runs, four maps of gradients");
  }, { timeout: 300_000 }),

  open("the-norms-of-the-loaded-model-follow-the-text", "&r-layers=2", async ({ explorer, room }) => {
    const stats = async () => (await explorer.table("room-norms")).length;
    await room.id("norms-text").fill("One two three");
    await explorer.settled();
    const before = await until(async () => (await stats()) || false, "statistics of every token");
    await room.id("norms-text").fill("One two three four five six");
    await explorer.settled();
    await until(async () => (await stats()) > before, "a longer text, more rows");
    check((await explorer.table("room-residual")).length > 0, "the length of the stream");
  }),

  open("the-swap-of-norms-moves-the-predictions", "&r-layers=2", async ({ explorer, room }) => {
    await room.id("norms-text").fill("Once upon a time");
    await explorer.settled();
    equal(await room.id("next-norm").isVisible(), false, "nothing is shown before it was looked at");
    await room.id("change-norm").click();
    await until(async () => (await room.id("next-norm").locator("tbody tr").count()) >= 5, "what comes next", 30_000);
    const said = await room.id("change-block-norm").locator("[role=status]").innerText();
    const [, mean, most] = /KL ([\d.e−]+) nats in the mean, ([\d.e−]+) at most/.exec(said).map(number);
    check(mean > 0.001 && most >= mean, said);
    for (const at of [1, 2]) {
      const shares = await room.id("next-norm").locator(`tbody td:nth-child(${at + 1})`).allInnerTexts();
      const sum = shares.map(number).reduce((total, one) => total + one, 0);
      check(sum > 0 && sum <= 1.01, `shares: ${shares}`);
    }
    await room.id("norms-text").fill("Once upon a time there");
    await explorer.settled();
    await until(async () => !(await room.id("next-norm").isVisible()), "another text has not been looked at");
  }),

  open("the-question-is-judged-by-this-run", "&r-layers=2", async ({ room }) => {
    const say = async (text) => {
      await room.id("question-answer").fill(text);
      await room.id("question-check").click();
    };
    const verdict = async (pattern) =>
      until(async () => pattern.test(await room.id("question-verdict").innerText()), `the verdict is ${pattern}`, 120_000);
    await say("4");
    await verdict(/^Not yet: your run here says [12]\.?\d* times smaller, you said 4/);
    await say("2");
    await verdict(/^Right/);
  }, { timeout: 200_000 }),

  open("one-click-sets-the-layers-and-the-step", "&r-layers=4", async ({ room }) => {
    await room.id("try-deep").click();
    await until(async () => (await room.step()).join() === "16,16", "the last of sixteen layers");
    equal(await room.id("knob-layers").inputValue(), "16", "the knob");
  }),

  presentedAndPrinted(open, "&r-layers=4", "norms-size", "measure-layers", async ({ page, room }) => {
    await page.keyboard.press("ArrowRight");
    await room.isAt(2);
    await page.keyboard.press("PageDown");
    await until(() => room.id("measure-layers").isVisible(), "then the first claim");
    check(!(await room.id("norms-size").isVisible()), "alone");
  }),

  byKeyboard(open, "&r-layers=4", [
    "present", "print", "x", "knob-layers", "knob-seed", "step-on", "step-scrub", "norms-size", "norms-gradient", "measure-layers", "measure-depth",
    "knob-rate", "measure-race", "norms-text", "change-norm", "try-deep", "question-answer", "question-check",
  ], 110),

  ...axes(open, "&r-layers=4"),
];
