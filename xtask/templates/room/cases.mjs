// Room ROOM_NUMBER: what `new-room` writes, tried as every room is: from its link, by steps and knobs, judged.

import { check, equal, until } from "../lib/check.mjs";
import { axes, byKeyboard, presentedAndPrinted, Room } from "../lib/room.mjs";

const open = (name, more, run, extra = {}) => ({
  name,
  run: async (given) => {
    const room = new Room(given.page, given.explorer);
    await room.open(ROOM_NUMBER, more);
    await until(async () => /looks most/.test(await room.id("ROOM_WORD-line").innerText()), "the head is there", 30_000);
    await run({ ...given, room });
  },
  ...extra,
});

export default [
  open("a-link-reopens-knobs-and-step", "&r-shown=scores&step=1", async ({ room }) => {
    await room.isAt(2);
    equal(await room.id("knob-shown").inputValue(), "scores", "the knob");
    check((await room.verdicts()).every((verdict) => verdict === "holds"), `${await room.errors()}`);
  }),

  open("knobs-and-steps-change-what-is-shown", "", async ({ room }) => {
    const before = await room.pixels("ROOM_WORD-pattern");
    await room.id("knob-shown").selectOption("scores");
    await until(async () => (await room.pixels("ROOM_WORD-pattern")) !== before, "scores are not shares");
    const line = room.id("ROOM_WORD-line");
    await room.id("step-on").click();
    await until(async () => /^Token 2 /.test(await line.innerText()), "the next token");
  }),

  open("the-question-is-judged-by-this-run", "&step=2", async ({ room }) => {
    const [, right] = /looks most at token (\d+)/.exec(await room.id("ROOM_WORD-line").innerText());
    const verdict = async (said, pattern) => {
      await room.id("question-answer").fill(said);
      await room.id("question-check").click();
      await until(async () => pattern.test(await room.id("question-verdict").innerText()), `the verdict is ${pattern}`);
    };
    await verdict(String(Number(right) + 1), /^Not yet/);
    await verdict(right, /^Right/);
  }),

  byKeyboard(open, "", ["present", "A", "ROOM_WORD-text", "knob-shown", "step-on", "ROOM_WORD-pattern", "try-scores", "question-answer"], 60),

  ...axes(open, ""),
];
