// The rooms: the frame that all share, and what each of them shows and measures.

import { check, equal, until } from "../lib/check.mjs";
import { axes, byKeyboard, Room } from "../lib/room.mjs";

const open = (name, more, run, extra = {}) => ({
  name,
  run: async (given) => {
    const room = new Room(given.page, given.explorer);
    await room.open(4, more);
    await run({ ...given, room });
  },
  timeout: 90_000,
  ...extra,
});

const number = (text) => Number(text.replace("−", "-"));

/** The presented parts as well as the whole room, its measurements made. */
export default [
  {
    name: "home-leads-to-the-room-and-back-leads-home",
    run: async ({ page, explorer }) => {
      await explorer.open("#p=home");
      await explorer.id("room-4").click();
      await explorer.id("room-enter").click();
      await explorer.id("room-words").locator("article").waitFor();
      check(/#p=room-04/.test(page.url()), `the address names the room: ${page.url()}`);
      check(/another/.test(await explorer.id("room-question").innerText()), "its question");
      const cited = explorer.id("room").getByRole("link", { name: /2102\.11174/ });
      equal(await cited.getAttribute("href"), "https://arxiv.org/abs/2102.11174", "its paper");
      await page.goBack();
      await explorer.id("home").waitFor();
    },
  },

  open("a-link-reopens-knobs-and-step", "&r-from=random&r-map=dpfp2&r-rule=delta&r-beta=0.5&step=5", async ({ page, room }) => {
    await room.isAt(6);
    equal(await room.id("knob-map").inputValue(), "dpfp2", "the map");
    equal(await room.id("knob-rule").inputValue(), "delta", "the rule");
    equal(await room.id("knob-beta").inputValue(), "0.5", "β");
    await room.id("knob-map").selectOption("elu");
    await until(() => !/r-map/.test(room.hash()), "a plain knob is not in the address");
    await page.goBack();
    await until(async () => (await room.id("knob-map").inputValue()) === "dpfp2", "back undoes a knob");
  }),

  open("the-machine-walks-the-visitor-s-text", "", async ({ explorer, room }) => {
    const said = room.id("fast-source");
    await until(async () => /layer 0, head 0/.test(await said.innerText()), "the source is named");
    const [, n] = await room.step();
    check(n > 3, `${n} tokens`);
    await room.id("fast-text").fill("One two three");
    await explorer.settled();
    await until(async () => (await room.step())[1] !== n, "another text has other steps");
    await room.id("fast-layer").fill("1");
    await room.id("fast-layer").press("Enter");
    await until(async () => /layer 1, head 0/.test(await said.innerText()), "another layer");
    await explorer.settled();
    const verdicts = await room.verdicts();
    equal(verdicts.join(), "holds,holds,holds,holds", "what must hold");
    for (const error of await room.errors()) check(error >= 0 && error <= 1e-5, `an error of ${error}`);
  }),

  open("steps-by-buttons-keys-and-scrubbing", "&r-from=random", async ({ page, room }) => {
    await room.isAt(1);
    const first = await room.pixels("fast-after");
    await room.id("step-on").click();
    await room.isAt(2);
    await until(async () => (await room.pixels("fast-after")) !== first, "W changes");
    await page.keyboard.press("Escape");
    await room.id("room").focus();
    await page.keyboard.press("ArrowRight");
    await room.isAt(3);
    await page.keyboard.press("ArrowLeft");
    await room.isAt(2);
    check(/step=1/.test(room.hash()), "the step is in the address");
    await room.id("step-scrub").fill("11");
    await room.isAt(12);
    await room.id("step-back").click();
    await room.isAt(11);
    await room.id("fast-token-4").click();
    await room.isAt(5);
    await room.id("step-speed").selectOption("5");
    await room.id("room").focus();
    await page.keyboard.press("Space");
    await room.isAt(12);
    equal(await room.id("step-play").getAttribute("aria-label"), "Play the steps", "it stops at the end");
  }),

  open("reduced-motion-jumps", "&r-from=random", async ({ room }) => {
    await room.id("step-play").click();
    await room.isAt(12);
  }, { context: { reducedMotion: "reduce" } }),

  open("every-knob-changes-what-is-shown-and-all-forms-agree", "&r-from=random&step=7", async ({ explorer, room }) => {
    const turn = async (name, value) => {
      const knob = room.id(`knob-${name}`);
      if ((await knob.evaluate((one) => one.tagName)) === "SELECT") await knob.selectOption(value);
      else {
        await knob.fill(value);
        await knob.press("Enter");
      }
      await until(() => new RegExp(`r-${name}=${value}`).test(room.hash()), `${name} is in the address`);
      await explorer.settled();
      check((await room.verdicts()).every((verdict) => verdict !== "broken"), `${name}=${value}: ${await room.errors()}`);
    };
    // What is read in words: halving all of it changes no colour.
    const read = () => room.id("fast-machine").locator("#fast-read-summary").textContent();
    let before = await read();
    for (const [name, value] of [
      ["from", "again"], ["map", "relu"], ["map", "dpfp1"], ["map", "dpfp3"], ["map", "favor"], ["m", "256"], ["map", "none"],
      ["map", "dpfp2"], ["sums", "off"], ["keep", "0.5"], ["rule", "delta"], ["beta", "0.5"],
    ]) {
      await turn(name, value);
      const was = before;
      before = await until(async () => {
        const after = await read();
        return after !== was && after;
      }, `${name}=${value} changes what is read`);
    }
    await turn("chunk", "8");
    await turn("keys", "random");
    await room.id("knob-keep").fill("7");
    await room.id("knob-keep").press("Enter");
    equal(await room.id("knob-keep").getAttribute("aria-invalid"), "true", "what cannot be is marked");
    check(/r-keep=0.5/.test(room.hash()), "and changes nothing");
  }),

  open("symbols-and-matrices-light-up-together", "&r-from=random", async ({ page, room }) => {
    const lit = () => page.locator(".lit").evaluateAll((all) => all.map((one) => `${one.localName} ${one.dataset?.symbol ?? one.getAttribute("data-symbol")}`));
    await room.id("room").locator("button.symbol", { hasText: "v φ(k)ᵀ" }).focus();
    await until(async () => (await lit()).includes("figure outer"), "a symbol lights its matrix");
    check((await lit()).includes("mrow outer"), "and its place in the equation");
    await page.locator(".plate-fast-before").hover();
    await until(async () => (await lit()).includes("msub Wbefore"), "a matrix lights its symbol");
    check(!(await lit()).includes("figure outer"), "and no other");
  }),

  open("claims-are-measured-here-beside-what-was-published", "&r-from=random", async ({ room }) => {
    check((await room.table("capacity")).every(([, , here]) => here === "not yet"), "nothing is shown before it was measured");
    await room.measure("capacity");
    for (const [name, published, here] of await room.table("capacity")) {
      const [said, found] = [published, here].map((text) => Number(/\d+/.exec(text)?.[0]));
      if (name === "FAVOR+") equal(here, "from the start", "random features");
      else check(found >= said && found <= 1.1 * said, `${name}: published ${published}, here ${here}`);
    }
    check((await room.id("chart-capacity").locator("path").count()) > 4, "the chart is drawn");
    await room.measure("update");
    const [sum, delta] = (await room.table("update")).map((row) => number(row[2]));
    check(delta < 0.8 * sum, `delta ${delta}, sum ${sum}`);
    await room.measure("favor");
    for (const [name, , here] of await room.table("favor")) check(Math.abs(number(here) + 0.5) <= 0.1, `${name}: slope ${here}`);
  }),

  open("the-slow-net-learns-to-write-the-fast-one", "&r-from=random", async ({ explorer, room }) => {
    await room.measure("slow", 60_000);
    const [[, , before], [, , after]] = await room.table("slow");
    check(number(before.split(" ")[0]) < 60 && number(after.split(" ")[0]) >= 95, `${before} ${after}`);
    await explorer.settled();
    const shown = ["slow-from-weights", "slow-to-weights", "slow-from", "slow-to", "slow-fast", "slow-answers"];
    const trained = await Promise.all(shown.map((name) => room.pixels(name)));
    await room.id("slow-scrub").fill("0");
    for (const [at, name] of shown.entries()) {
      await until(async () => (await room.pixels(name)) !== trained[at], `${name} of the untrained net`);
    }
    await room.id("knob-from-width").selectOption("2");
    await room.measure("slow", 60_000);
    const [, [, , narrow]] = await room.table("slow");
    check(number(narrow.split(" ")[0]) < 90, `two columns: ${narrow}`);
  }),

  open("a-head-is-replaced-by-its-linear-form", "", async ({ explorer, room }) => {
    await room.id("fast-text").fill("One two three four");
    await explorer.settled();
    const block = room.id("change-block-head");
    await until(async () => room.id("change-head").isEnabled(), "the head was walked", 30_000);
    await room.id("change-head").click();
    const mean = async () => number(/KL ([\d.e−]+) nats in the mean/.exec(await block.innerText())?.[1] ?? "NaN");
    const first = await until(async () => (await mean()) || false, "its predictions are held against those before", 30_000);
    check(first > 0, `something moves: ${first}`);
    await room.id("knob-map").selectOption("relu");
    await until(async () => /Not looked at yet|on its way/.test(await block.innerText()), "another map has not been looked at");
    await until(async () => room.id("change-head").isEnabled(), "it was walked again", 30_000);
    await room.id("change-head").click();
    const second = await until(async () => (await mean()) || false, "another map", 30_000);
    check(second !== first, `${first} ${second}`);
    await room.id("knob-from").selectOption("random");
    await until(async () => room.id("change-head").isDisabled(), "random vectors are no head of the model");
  }),

  open("time-is-measured-and-can-be-stopped", "&r-from=random", async ({ room }) => {
    await room.id("measure-time").click();
    await until(async () => (await room.id("chart-time").locator("path").count()) > 0, "times come one by one", 30_000);
    await room.id("measure-time").click();
    equal(await room.id("measure-time").innerText(), "Measure here", "it was stopped");
  }),

  open("the-question-is-judged-by-this-run", "&r-from=random", async ({ room }) => {
    const say = async (text) => {
      await room.id("question-answer").fill(text);
      await room.id("question-check").click();
    };
    const verdict = async (pattern) =>
      until(async () => pattern.test(await room.id("question-verdict").innerText()), `the verdict is ${pattern}`, 30_000);
    await say("64");
    await verdict(/^Not yet: your run here says 13\d pairs, you said 64/);
    await say("128");
    await verdict(/^Right: your run here says 13\d pairs/);
    await say("many");
    await verdict(/Type a number/);
  }),

  open("one-click-sets-several-knobs", "", async ({ explorer, room }) => {
    await room.id("try-delta").click();
    await explorer.settled();
    equal(await room.id("knob-rule").inputValue(), "delta", "the rule");
    equal(await room.id("knob-from").inputValue(), "again", "the vectors");
    await room.isAt(4);
    await room.id("try-sum").click();
    equal(await room.id("knob-rule").inputValue(), "sum", "the rule");
  }),

  open("presented-part-by-part", "&r-from=random", async ({ page, room }) => {
    await room.id("present").click();
    equal(await room.id("present-at").innerText(), "1 of 10", "the question first");
    check(await room.id("room-question").isVisible(), "the question is shown");
    check(!(await room.id("fast-after").isVisible()), "and nothing else");
    await page.keyboard.press("ArrowDown");
    await until(() => room.id("fast-after").isVisible(), "then the machine");
    await page.keyboard.press("ArrowRight");
    await room.isAt(2);
    check(/present=1/.test(room.hash()), "the part is in the address");
    await page.keyboard.press("PageDown");
    await until(() => room.id("measure-capacity").isVisible(), "then the first claim");
    check(!(await room.id("fast-after").isVisible()), "alone");
    await page.keyboard.press("ArrowUp");
    await until(() => room.id("fast-after").isVisible(), "and back");
    await page.keyboard.press("Escape");
    await until(() => room.id("measure-capacity").isVisible(), "the whole room again");
  }),

  open("printed-as-a-handout", "&r-from=random", async ({ page, room }) => {
    await page.emulateMedia({ media: "print" });
    check(!(await room.id("print").isVisible()), "no buttons");
    check(!(await room.id("step-on").isVisible()), "no steps");
    check(await room.id("fast-after").isVisible(), "the machine as it stands");
    const words = await room.id("room-words").locator(".words").first().boundingBox();
    const page1 = page.viewportSize();
    check(words.width > 0.8 * page1.width, `words over the page: ${words.width} of ${page1.width}`);
    await page.emulateMedia({ media: "screen" });
  }),

  byKeyboard(open, "&r-from=random", [
    "present", "print", "outer", "knob-map", "step-on", "step-scrub", "fast-after", "measure-capacity", "measure-time", "try-sum", "question-answer",
    "question-check",
  ], 90, async ({ page, room }) => {
    await room.id("question-answer").focus();
    await page.keyboard.type("130");
    await page.keyboard.press("Enter");
    await until(async () => /^Right/.test(await room.id("question-verdict").innerText()), "answered by keys", 30_000);
  }),

  {
    name: "a-room-that-is-not-open-says-so",
    run: async ({ explorer }) => {
      await explorer.open("#p=room-22");
      await until(async () => /not open yet/.test(await explorer.id("room").innerText()), "it says so", 40_000);
    },
  },

  ...axes(open, "&r-from=random", ({ room }) => room.measure("favor")),
];
