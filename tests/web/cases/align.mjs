// Room 01: two models in training, one character taken apart, what is measured, real sentences.

import { check, equal, near, until } from "../lib/check.mjs";
import { axes, byKeyboard, presentedAndPrinted, Room } from "../lib/room.mjs";

const open = (name, more, run, extra = {}) => ({
  name,
  run: async (given) => {
    const room = new Room(given.page, given.explorer);
    await room.open(1, more);
    await until(async () => /Before the first step/.test(await room.id("align-line").innerText()), "the untrained models are looked at", 60_000);
    await run({ ...given, room });
  },
  timeout: 120_000,
  ...extra,
});

export default [
  open("a-link-reopens-knobs-and-row", "&r-task=numbers&r-twin=fixed&r-example=2&r-seed=7&r-row=3", async ({ page, room }) => {
    equal((await room.step())[1], 1, "one look, before any step");
    equal(await room.id("knob-task").inputValue(), "numbers", "the task");
    equal(await room.id("knob-seed").inputValue(), "7", "the seed");
    check(/four hundred and eight/.test(await room.id("align-line").innerText()), "the second example");
    check(/^Row 3: .* “8”/.test(await room.id("align-row").innerText()), "the third row");
    equal(await room.id("align-row-2").getAttribute("aria-current"), "step", "it is marked");
    const verdicts = await room.verdicts();
    equal(verdicts.join(), "holds,,holds,holds", `a fixed vector has no scores: ${await room.errors()}`);
    await room.id("knob-twin").selectOption("attention");
    await until(async () => (await room.verdicts()).join() === "holds,holds,holds,holds", "with attention all must hold");
    await page.goBack();
    await until(async () => (await room.id("knob-twin").inputValue()) === "fixed", "back undoes a knob");
  }),

  open("every-knob-changes-what-is-shown", "", async ({ room }) => {
    const turned = async (name, value, shown) => {
      const before = await room.pixels(shown);
      await room.id(`knob-${name}`).selectOption(value);
      await until(() => new RegExp(`r-${name}=${value}`).test(room.hash()), `${name} is in the address`);
      await until(async () => (await room.pixels(shown)) !== before, `${name}=${value} changes ${shown}`, 30_000);
    };
    await turned("example", "2", "align-alignment");
    await turned("task", "reversal", "align-alignment");
    await turned("twin", "fixed", "align-weights");
    equal(await room.id("align-scores").count(), 0, "a fixed vector asks nothing");
    const before = await room.pixels("align-annotations");
    await room.id("knob-seed").fill("5");
    await room.id("knob-seed").press("Enter");
    await until(async () => (await room.pixels("align-annotations")) !== before, "another seed", 30_000);
    const state = await room.pixels("align-after");
    await room.id("align-row-4").click();
    await until(async () => (await room.pixels("align-after")) !== state, "another row has another state");
    check(/r-row=5/.test(room.hash()), "the row is in the address");
    await room.id("align-alignment").focus();
    await room.page.keyboard.press("ArrowDown");
    await until(() => /r-row=6/.test(room.hash()), "an arrow on the alignment takes the next row");
  }),

  open("an-own-input-is-looked-at-before-and-after-training", "&r-own=3_may_1999", async ({ page, room }) => {
    const line = () => room.id("align-line").innerText();
    equal(await room.id("knob-own").inputValue(), "3 may 1999", "the input of the address");
    await until(async () => /^Before the first step: for “3 may 1999” it writes “[^”]*”\.$/.test(await line()), `no verdict: ${await line()}`);
    equal(await room.id("knob-example").count(), 0, "no example meanwhile");
    check((await room.verdicts()).every((verdict) => verdict === "holds"), await room.errors());
    await room.id("align-train").click();
    await until(async () => (await room.step())[1] >= 3, "looks come on the way", 90_000);
    await until(async () => /After \d+ steps: for “3 may 1999”/.test(await line()), "each of them at the input");
    await room.id("align-train").click();
    await until(async () => /^Stopped/.test(await room.id("align-status").innerText()), "stopped");
    const known = await room.drawn("align-alignment");
    // By keys: another input, at the models that are there already.
    await room.id("knob-own").focus();
    await page.keyboard.press("End");
    await page.keyboard.press("Backspace");
    await page.keyboard.type("8");
    await until(async () => /After \d+ steps: for “3 may 1998”/.test(await line()), "another input", 30_000);
    check(/r-own=3_may_1998/.test(room.hash()), room.hash());
    check((await room.drawn("align-alignment")) !== known, "another alignment");
    const state = await room.pixels("align-after");
    await room.id("align-row-1").click();
    await until(async () => (await room.pixels("align-after")) !== state, "a character of it, taken apart");
    await room.id("step-scrub").fill("0");
    await until(async () => /Before the first step: for “3 may 1998”/.test(await line()), "and by the untrained model", 30_000);
    // What cannot be read.
    await room.id("knob-own").fill("3 may 1998!");
    await until(async () => /^“!” cannot be read here/.test(await room.id("align-own").innerText()), "a character that is not known");
    await until(async () => /“27 march 2014”/.test(await line()), "the example in its place");
    await room.id("knob-own").fill("a".repeat(33));
    await until(async () => /^33 characters are too many/.test(await room.id("align-own").innerText()), "too long");
    await room.id("knob-own").fill("");
    await room.id("knob-example").waitFor();
    check(!/r-own/.test(room.hash()), "an empty field leaves no trace");
    await room.id("knob-task").selectOption("reversal");
    await room.id("knob-own").fill("planets");
    await until(async () => /“planets” it writes “[^”]*”, (right|wrong)\.$/.test(await line()), "backwards is judged", 30_000);
  }),

  open("training-is-seen-scrubbed-and-stopped", "", async ({ room }) => {
    const first = await room.drawn("align-alignment");
    await room.id("align-train").click();
    await until(async () => (await room.step())[1] >= 4, "looks come on the way", 90_000);
    const line = () => room.id("align-line").innerText();
    await until(async () => /After \d+ steps/.test(await line()), "the machine follows the newest");
    check(/The one with attention: step \d+ of/.test(await room.id("align-status").innerText()), "how far it is");
    await until(async () => (await room.id("align-loss").locator("path").count()) > 0, "losses are drawn");
    await room.id("step-scrub").fill("0");
    await until(async () => /Before the first step/.test(await line()), "back to the beginning");
    equal(await room.drawn("align-alignment"), first, "which is what it was");
    await room.id("step-scrub").fill("3");
    await until(async () => (await room.drawn("align-alignment")) !== first, "later it is another");
    check((await room.verdicts()).every((verdict) => verdict === "holds"), `at every step: ${await room.errors()}`);
    await room.id("align-train").click();
    await until(async () => /^Stopped after \d+ and \d+ steps/.test(await room.id("align-status").innerText()), "it was stopped");
    equal(await room.id("align-train").innerText(), "Train both", "and can begin anew");
  }),

  open("lengths-are-measured-beside-what-was-published-and-the-question-is-judged", "&r-steps=200", async ({ room }) => {
    const rows = await room.table("lengths");
    equal(rows.map(([, , here]) => here).join(), "no run here,no run here,not yet,not yet,no run here,no run here", "nothing is shown before it was measured");
    equal(rows[3][1], "26.75 / 34.16", "as published");
    const say = async (text) => {
      await room.id("question-answer").fill(text);
      await room.id("question-check").click();
    };
    await say("99");
    await until(async () => /^Not yet: your run here says [\d.]+ letters, you said 99/.test(await room.id("question-verdict").innerText()), "judged", 200_000);
    const found = /says ([\d.]+) letters/.exec(await room.id("question-verdict").innerText())[1];
    await say(found);
    await until(async () => /^Right/.test(await room.id("question-verdict").innerText()), "and right");
    await until(async () => (await room.id("measure-lengths").innerText()) === "Measure again", "both are measured", 200_000);
    const shares = (await room.table("lengths")).slice(2, 4).map((row) => [...row[2].matchAll(/([\d.]+) %/g)].map((one) => Number(one[1])));
    for (const [within, beyond] of shares) check(within > 0 && within <= 100 && beyond >= 0 && beyond <= within, `${shares}`);
    check((await room.id("chart-lengths").locator("path").count()) > 2, "the chart is drawn");
  }, { timeout: 420_000 }),

  {
    name: "real-sentences-through-a-translator",
    models: "real",
    timeout: 240_000,
    run: async ({ page, explorer }) => {
      const room = new Room(page, explorer);
      await room.open(1);
      await room.id("load-bergamot-en-pt").click();
      await room.id("live-matrix").waitFor({ timeout: 120_000 });
      await explorer.settled(60_000);
      const lines = () => room.id("live-lines").getAttribute("aria-label");
      check(/Económic|econômic|Europe/i.test(await lines()), `the paper's sentence: ${await lines()}`);
      await room.id("align-trained").click();
      equal(await room.id("align-trained").getAttribute("aria-pressed"), "true", "the head that was told");
      check(/[#&]al=head|align=head|head/.test(room.hash()), room.hash());
      await room.id("align-text").fill("The dog sleeps.");
      await explorer.settled(60_000);
      await until(async () => /cão.*dog/i.test(await lines()), "each word with its own", 30_000);
      const shares = (await explorer.table("live")).map(([, ...row]) => row.map((cell) => Number(cell.trim().replace("−", "-"))));
      for (const row of shares) near(row.reduce((total, value) => total + value, 0), 1, 1e-3, "shares of a row");
    },
  },

  open("one-click-sets-several-knobs", "", async ({ room }) => {
    await room.id("try-fixed").click();
    equal(await room.id("knob-twin").inputValue(), "fixed", "the model");
    await until(async () => /september 15, 2014/.test(await room.id("align-line").innerText()), "the example");
    await room.id("try-backwards").click();
    await until(async () => /“language”/.test(await room.id("align-line").innerText()), "another task", 30_000);
  }),

  presentedAndPrinted(open, "", "align-alignment", "measure-lengths", async ({ page, room }) => {
    await page.keyboard.press("ArrowDown");
    await until(() => room.id("align-after").isVisible(), "then one character");
  }),

  byKeyboard(open, "", [
    "present", "knob-task", "knob-own", "align-train", "step-scrub", "align-alignment", "alpha", "knob-row", "align-row-0", "align-weights",
    "align-update", "measure-lengths", "try-fixed", "question-answer",
  ], 110, async ({ page, room }) => {
    await room.id("align-row-0").focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await until(() => /r-row=2/.test(room.hash()), "a row by its button");
  }),

  ...axes(open, "&r-row=3", undefined, 2),
];
