// What people type: nothing, everything, and in every script.

import { check, equal } from "../lib/check.mjs";

const texts = {
  "nul-and-controls": "a\u0000b\u0007c\u001bd",
  "right-to-left": "שלום עולם مرحبا بالعالم",
  emoji: "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇵🇹",
  combining: "e\u0301 n\u0303 Z̷̢͇a̶l̴g̷o̵",
  bidi: "safe\u202egnp.exe\u2066 text \u2069",
  markup: "<script>alert(1)</script><img src=x onerror=alert(2)> &amp; ${7*7}",
  spaces: "  two  spaces\tand\ttabs\n\nand lines  ",
  cjk: "変換器は注意を払う。全部。",
};

export default [
  {
    name: "every-script",
    run: async ({ page, explorer }) => {
      await explorer.open();
      await explorer.ready();
      for (const [name, text] of Object.entries(texts)) {
        await explorer.type(text);
        await explorer.settled();
        const n_tokens = await explorer.tokens().count();
        check(n_tokens > 0, `${name}: there are tokens`);
        equal((await explorer.headValues()).length, n_tokens, `${name}: rows of the head`);
        check((await page.locator("img[onerror]").count()) === 0, `${name}: no element comes from the text`);
        const strip = await explorer.id("token-strip").innerText();
        check(!/[\u202a-\u202e\u2066-\u2069\u0000-\u0008\u001b]/.test(strip), `${name}: controls are shown, not obeyed`);
        check((await explorer.faults()).length === 0, `${name}: no fault, but ${await explorer.faults()}`);
      }
    },
  },
  {
    name: "empty",
    run: async ({ explorer }) => {
      await explorer.open();
      await explorer.ready();
      await explorer.type("");
      await explorer.settled();
      check((await explorer.faults()).length === 0, "an empty text is no fault");
      equal(await explorer.candidates().filter({ visible: true }).count(), 0, "candidates for the token after nothing");
      await explorer.type("back again");
      await explorer.settled();
      check((await explorer.headValues()).length > 0, "and the page goes on");
    },
  },
  {
    name: "longer-than-the-context",
    run: async ({ page, explorer }) => {
      await explorer.open();
      await explorer.ready();
      await explorer.type("word ".repeat(400));
      await explorer.settled();
      equal(await explorer.tokens().count(), 128, "tokens: the context of the model");
      const text = await page.innerText("body");
      check(/128/.test(text) && /cut|left out|context|first|last/i.test(text), "a notice says what was left out");
    },
  },
  {
    name: "a-megabyte",
    timeout: 90_000,
    run: async ({ explorer }) => {
      await explorer.open();
      await explorer.ready();
      await explorer.type("lorem ipsum ".repeat(87_000));
      await explorer.settled(60_000);
      await explorer.type("short");
      await explorer.settled();
      check((await explorer.headValues()).length > 0, "the page goes on");
    },
  },
];
