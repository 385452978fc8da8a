// Room 10: the walk over tiles, what is measured, and other ways to attend.

import { check, equal, until } from "../lib/check.mjs";
import { axes, byKeyboard, presentedAndPrinted, Room } from "../lib/room.mjs";

const open = (name, more, run, extra = {}) => ({
  name,
  run: async (given) => {
    const room = new Room(given.page, given.explorer);
    await room.open(10, more);
    await run({ ...given, room });
  },
  timeout: 90_000,
  ...extra,
});

export default [
  open("a-link-reopens-knobs-and-step", "&r-from=random&r-rows=8&r-keys=2&r-mask=none&step=5", async ({ page, room }) => {
    await room.isAt(6);
    equal(await room.id("knob-rows").inputValue(), "8", "queries a block");
    equal(await room.id("knob-keys").inputValue(), "2", "keys a block");
    equal((await room.step())[1], 16, "two blocks of queries, eight of keys");
    await until(async () => /Queries 1 to 8, keys 11 to 12/.test(await room.id("flash-tile").innerText()), "the tile is named");
    await room.id("knob-mask").selectOption("causal");
    await until(async () => (await room.step())[1] === 12, "tiles that nobody sees are passed over");
    await page.goBack();
    await until(async () => (await room.step())[1] === 16, "back undoes a knob");
  }),

  open("the-machine-walks-the-visitor-s-text", "", async ({ explorer, room }) => {
    await until(async () => /layer 0, head 0/.test(await room.id("flash-source").innerText()), "the source is named");
    check((await room.step())[1] >= 1, "it has steps");
    await room.id("fast-text").fill("One two three four five six seven");
    await explorer.settled();
    const verdicts = await room.verdicts();
    equal(verdicts.join(), "holds,holds,holds,holds", "what must hold");
    for (const error of await room.errors()) check(error >= 0 && error <= 1e-5, `an error of ${error}`);
  }),

  open("a-step-changes-the-tile-and-the-last-one-gives-what-the-matrices-give", "&r-from=random&r-mask=none", async ({ explorer, room }) => {
    const first = await room.pixels("flash-scores");
    const output = await room.pixels("flash-output");
    await room.id("step-on").click();
    await room.isAt(2);
    check((await room.pixels("flash-scores")) !== first, "another tile");
    check((await room.pixels("flash-output")) !== output, "another output");
    await room.id("step-scrub").fill("15");
    await room.isAt(16);
    await explorer.settled();
    equal(await room.drawn("flash-output"), await room.drawn("flash-matrices"), "in the end both are the same");
  }),

  open("the-way-back-is-walked-tile-by-tile", "&r-from=random&r-mask=none&r-pass=backward", async ({ explorer, room }) => {
    equal((await room.step())[1], 16, "four blocks of keys, four of queries");
    const said = () => room.id("flash-tile").innerText();
    await until(async () => /^Keys 1 to 4, queries 1 to 4\. A block of keys and values is loaded/.test(await said()), await said());
    const names = ["again", "slopes", "dq", "dk", "dv"];
    const seen = () => Promise.all(names.map((name) => room.pixels(`flash-${name}`)));
    const first = await seen();
    await room.id("step-on").click();
    await room.isAt(2);
    await until(async () => /^Keys 1 to 4, queries 5 to 8\. The keys stay/.test(await said()), await said());
    const second = await seen();
    names.forEach((name, at) => check(first[at] !== second[at], `another ${name}`));
    check((await room.pixels("flash-dq")) !== (await room.pixels("flash-all-dq")), "not all of it yet");
    await room.id("step-scrub").fill("15");
    await room.isAt(16);
    await explorer.settled();
    for (const name of ["dq", "dk", "dv"]) {
      equal(await room.drawn(`flash-${name}`), await room.drawn(`flash-all-${name}`), `in the end ${name} is what matrices give`);
    }
    check(/loads [\d.]+ kB and stores [\d.]+ kB/.test(await room.id("flash-back-moved").innerText()), "what it moves");
    check((await room.verdicts()).every((verdict) => verdict === "holds"), await room.errors());
    await room.id("knob-mask").selectOption("causal");
    await until(async () => (await room.step())[1] === 10, "tiles that nobody sees are passed over");
    await room.id("knob-pass").selectOption("forward");
    await room.id("flash-scores").waitFor();
  }),

  open("every-knob-changes-what-is-shown-and-all-agree", "&r-from=random&step=3", async ({ explorer, room }) => {
    for (const [name, value, shown] of [
      ["rows", "8", "flash-scores"], ["keys", "8", "flash-scores"], ["mask", "none", "flash-pattern"], ["rows", "1", "flash-scores"],
      ["way", "dilated", "flash-way"], ["way", "global", "flash-way"], ["way", "blocks", "flash-way"], ["way", "random", "flash-way"], ["way", "lsh", "flash-way"],
      ["way", "low", "flash-way"], ["way", "linear", "flash-way"], ["way", "full", "flash-way"],
    ]) {
      const before = await room.pixels(shown);
      await room.id(`knob-${name}`).selectOption(value);
      await until(() => new RegExp(`r-${name}=${value}`).test(room.hash()), `${name} is in the address`);
      await explorer.settled();
      await until(async () => (await room.pixels(shown)) !== before, `${name}=${value} changes ${shown}`);
      check((await room.verdicts()).every((verdict) => verdict === "holds"), `${name}=${value}: ${await room.errors()}`);
    }
    await room.id("knob-from").selectOption("model");
    await until(() => !/r-from/.test(room.hash()), "the model's head");
  }),

  open("what-a-way-costs-is-said", "&r-from=random&r-way=window&r-mask=none", async ({ room }) => {
    const cost = room.id("flash-way-cost");
    await until(async () => /of the products of all pairs/.test(await cost.innerText()), "its cost");
    await room.id("knob-way").selectOption("full");
    await until(async () => /100 %.* 0 away/.test(await cost.innerText()), "all pairs are all pairs");
    await room.id("knob-way").selectOption("lsh");
    await until(async () => /away from that of all pairs of queries that are keys too/.test(await cost.innerText()), "hashing has its own measure");
    await room.id("knob-way").selectOption("low");
    await room.id("knob-mask").selectOption("causal");
    await until(async () => /set the mask to none/.test(await cost.innerText()), "what cannot be is said");
  }),

  open("claims-are-measured-here-beside-what-was-published", "&r-from=random", async ({ room }) => {
    check((await room.table("blocks")).every(([, , here]) => here === "not yet"), "nothing is shown before it was measured");
    await room.measure("blocks");
    const moved = (await room.table("blocks")).map((row) => Number(/([\d.]+) MB/.exec(row[2])[1]));
    for (let at = 1; at < moved.length; at += 1) {
      const ratio = moved[at - 1] / moved[at];
      check(ratio > 1.7 && ratio <= 2.05, `twice the block, half the traffic: ${moved}`);
    }
    await room.measure("time");
    const [work, traffic] = await room.table("time");
    check(/^[\d.]+ → [\d.]+ GFLOP$/.test(work[2]), work[2]);
    const [matrices, blocks] = [...traffic[2].matchAll(/([\d.]+) (kB|MB|GB)/g)].map((one) => Number(one[1]) * { kB: 1e3, MB: 1e6, GB: 1e9 }[one[2]]);
    check(matrices > 20 * blocks, traffic[2]);
    await room.measure("sparse");
    check((await room.table("sparse")).every(([, , here]) => /times as fast/.test(here)), "shares are timed");
  }, { timeout: 240_000, alone: true }),

  open("all-ways-are-measured-and-can-be-stopped", "&r-from=random&r-mask=none", async ({ room }) => {
    const rows = room.id("table-ways").locator("tbody tr").filter({ hasNotText: "not yet" });
    equal(await rows.count(), 0, "nothing is shown before it was measured");
    await room.id("measure-ways").click();
    await until(async () => (await rows.count()) === 9, "nine ways", 90_000);
    const text = await room.id("table-ways").innerText();
    check(/all pairs\s+100 %\s+0\s/.test(text), text);
    check(/no kernel skips these/.test(text), "masks alone save nothing, and the table says so");
  }, { timeout: 150_000, alone: true }),

  open("the-question-is-judged-by-this-run", "&r-from=random", async ({ room }) => {
    const say = async (text) => {
      await room.id("question-answer").fill(text);
      await room.id("question-check").click();
    };
    const verdict = async (pattern) =>
      until(async () => pattern.test(await room.id("question-verdict").innerText()), `the verdict is ${pattern}`, 30_000);
    await say("16");
    await verdict(/^Not yet: your run here says 32.* times less, you said 16/);
    await say("32");
    await verdict(/^Right: your run here says 32/);
  }),

  open("one-click-sets-several-knobs", "", async ({ room }) => {
    await room.id("try-skip").click();
    equal(await room.id("knob-mask").inputValue(), "causal", "the mask");
    equal(await room.id("knob-from").inputValue(), "random", "the vectors");
    await room.isAt(10);
    await until(async () => /6 tiles are never computed/.test(await room.id("flash-tile").innerText()), "it says what is passed over");
    await room.id("try-online").click();
    await until(async () => (await room.step())[1] === 16, "a key at a time");
  }),

  presentedAndPrinted(open, "&r-from=random", "flash-scores", "measure-time", async ({ page, room }) => {
    await page.keyboard.press("ArrowRight");
    await room.isAt(2);
  }),

  byKeyboard(open, "&r-from=random", [
    "present", "S", "knob-rows", "knob-pass", "knob-way", "step-on", "flash-scores", "measure-time", "measure-ways", "try-online", "question-answer",
  ], 90),

  ...axes(open, "&r-from=random&step=4"),
];
