// Conversations as an instruction model's template writes them, shown as the exact tokens: against
// transformers' apply_chat_template (tests/golden/chat.py).

import { readFileSync } from "node:fs";

import { violations } from "../lib/axe.mjs";
import { check, equal, until } from "../lib/check.mjs";
import { gpt2 } from "../lib/fixtures.mjs";

const GOLDENS = JSON.parse(readFileSync(new URL("../../golden/chat.json", import.meta.url)));
const hash = (text) => `#t=${encodeURIComponent(text)}`;

/** A small model that comes with a template. */
const withTemplate = (source) => ({
  ...gpt2({ ctx: 1024 }),
  "tokenizer_config.json": Buffer.from(JSON.stringify({ chat_template: source, bos_token: "<s>", eos_token: { content: "</s>" } })),
});

/** The text that the tokens on screen make, by their bytes. */
async function shown(explorer) {
  await explorer.settled();
  const titles = await explorer.tokens().evaluateAll((all) => all.map((one) => one.title));
  const bytes = titles.flatMap((title) => title.match(/bytes ([0-9a-f ]+)/)[1].trim().split(" "));
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 16))).toString("utf8");
}

/** Splits a conversation as the page holds it: the system's words, what was said, what the user says now. */
function held(turns) {
  const [system, rest] = turns[0]?.[0] === "system" ? [turns[0][1], turns.slice(1)] : ["", turns];
  const said = rest.slice(0, -1);
  const fits = rest.length % 2 === 1 && rest.every(([role], at) => role === (at % 2 ? "assistant" : "user"));
  return fits && { system, said: said.map(([, words]) => words), now: rest.at(-1)[1] };
}

/** What the page can say: user and assistant in turn, the user last, perhaps the system before them. */
const sayable = ({ turns }) => held(turns) && held(turns).now !== "";

const byTemplate = {};
for (const row of GOLDENS.filter(sayable)) (byTemplate[row.name] ??= []).push(row);

export default [
  ...Object.entries(byTemplate).map(([name, rows]) => ({
    name: `as-transformers-writes-it-${name}`,
    models: { chat: { title: "Small chat", files: withTemplate(rows[0].source) } },
    run: async ({ page, explorer }) => {
      await explorer.open(hash("plain text"));
      await explorer.ready();
      equal(await shown(explorer), "plain text", "without the switch the text is as it is");
      await explorer.id("as-chat").check();
      for (const { turns, text, error } of rows) {
        await explorer.dismiss();
        const { system, said, now } = held(turns);
        // An address is how a conversation that was not had here comes in.
        const more = said.map((words) => `&said=${encodeURIComponent(words)}`).join("");
        await page.evaluate((hash) => { location.hash = hash; }, `#t=${encodeURIComponent(now)}&chat=${encodeURIComponent(system)}${more}`);
        if (error) {
          const said = await explorer.fault();
          check(said.includes(error.slice(0, 20)), `${error} in: ${said}`);
        } else {
          await until(async () => (await shown(explorer)) === text, `the tokens of ${JSON.stringify(text)}`, 8000).catch(async (err) => {
            throw new Error(`${err.message}; they are ${JSON.stringify(await shown(explorer))}`);
          });
        }
      }
    },
  })),

  {
    name: "the-switch-is-in-the-address-and-by-keys",
    models: { chat: { title: "Small chat", files: withTemplate("{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}") } },
    run: async ({ page, explorer }) => {
      await explorer.open(hash("hello"));
      await explorer.ready();
      await explorer.id("as-chat").focus();
      await page.keyboard.press("Space");
      await until(async () => (await shown(explorer)) === "[user]hello", "the user's words");
      check(/[#&]chat=/.test(page.url()), "in the address");
      await explorer.id("system").fill("be brief");
      await until(async () => (await shown(explorer)) === "[system]be brief[user]hello", "with the system's");
      await page.reload();
      await explorer.ready();
      equal(await shown(explorer), "[system]be brief[user]hello", "a link keeps it");
      const found = await violations(page);
      check(found.length === 0, found.join(" | "));
      await explorer.id("as-chat").uncheck();
      await until(async () => (await shown(explorer)) === "hello", "and back");
    },
  },

  {
    name: "an-answer-is-kept-and-taken-back",
    models: { chat: { title: "Small chat", files: withTemplate("{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]") } },
    run: async ({ page, explorer }) => {
      await explorer.open(`${hash("hello")}&chat=&T=0`);
      await explorer.ready();
      check(await explorer.id("keep-answer").isDisabled(), "there is no answer yet");
      await explorer.id("generate").click();
      await until(async () => explorer.id("keep-answer").isEnabled(), "an answer is written", 30_000);
      const whole = await shown(explorer);
      const answer = whole.slice("[user]hello[assistant]".length).trim();
      await explorer.id("keep-answer").click();
      await explorer.type("and?");
      await until(async () => (await shown(explorer)) === `[user]hello[assistant]${answer}[user]and?[assistant]`, "the conversation goes on");
      equal((await explorer.id("turns").innerText()).split("\n").length >= 2, true, "what was said is there");
      const found = await violations(page);
      check(found.length === 0, found.join(" | "));
      await page.reload();
      await explorer.ready();
      equal(await shown(explorer), `[user]hello[assistant]${answer}[user]and?[assistant]`, "a link keeps it");
      await explorer.id("take-back").click();
      await until(async () => (await shown(explorer)) === "[user]hello[assistant]", "and back");
    },
  },

  {
    name: "hostile-templates-are-refused-and-the-model-stays",
    models: { chat: { title: "Small chat", files: withTemplate("{% set s = 'aaaaaaaa' %}" + "{% set s = s ~ s %}".repeat(60) + "{{ s }}") } },
    run: async ({ explorer }) => {
      await explorer.open(hash("hello"));
      await explorer.ready();
      const from = Date.now();
      await explorer.id("as-chat").check();
      const said = await explorer.fault();
      check(/too much text/.test(said), said);
      check(Date.now() - from < 5000, `refused after ${Date.now() - from} ms`);
      await explorer.dismiss();
      await explorer.id("as-chat").uncheck();
      await until(async () => (await shown(explorer)) === "hello", "the text runs");
    },
  },

  {
    name: "smollm2-instruct",
    models: "real",
    timeout: 120_000,
    run: async ({ explorer }) => {
      const { turns, text } = GOLDENS.find(({ name, turns }) => name === "smollm2" && turns.length === 1);
      await explorer.open(hash(turns[0][1]));
      await explorer.ready(90_000);
      await explorer.chooseModel("smollm2-135m-instruct");
      await explorer.loaded(/SmolLM2/, 90_000);
      await explorer.id("as-chat").check();
      await until(async () => (await shown(explorer)) === text, "the tokens of its own template", 30_000);
      const first = await explorer.tokens().first().innerText();
      equal(first.split("\n"), ["<|im_start|>", "1"], "special tokens are single ones");
    },
  },
];
