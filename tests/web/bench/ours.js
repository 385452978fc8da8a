// Runs in the browser: the built worker, spoken to as the page speaks to it.

import { Driver } from "/driver.js";

const all_patterns = (card) => card.hooks.filter((hook) => hook.endsWith("attn.hook_pattern"));
const nothing = { hooks: [], lens_at: null, losses: false };

let driver;
let card;
let n_runs = 0;
let is_walled = false;

globalThis.setUp = async ({ worker, engine, model }) => {
  driver = new Driver(worker);
  const { engine: info } = await driver.start(engine);
  card = await driver.load({ Bundled: model });
  return { engine: info, patterns: all_patterns(card).length };
};

/** The wall of all heads, as large as the Explorer's at 1440 × 900, on a canvas or away. */
function wall(is_there) {
  if (!is_there) return driver.tell({ Wall: { of: "Own", command: "Detach" } });
  const [width, height] = [420, 520];
  const canvas = new OffscreenCanvas(width, height);
  driver.tell({ Wall: { of: "Own", command: { Attach: { width, height } } } }, canvas, [canvas]);
  const style = { dark: false, n_cols: card.n_heads, gap: 2, order: [], selected: null, hovered: null, hidden_keys: [] };
  return driver.tell({ Wall: { of: "Own", command: { Style: style } } });
}

/** One prompt from nothing, then greedy tokens; `capture` draws every head of every layer live. */
globalThis.measure = async ({ prompt, n_tokens, capture }) => {
  const wants = nothing;
  if (capture !== is_walled) wall((is_walled = capture));
  // Another text in between, so that nothing of the prompt is left in the cache.
  await driver.run(`${(n_runs += 1)} is not how the prompt begins`, { wants: nothing });
  const { report, tokens } = await driver.run(prompt, { wants });
  const { at, tokens: after } = await driver.generate(n_tokens);
  return {
    n_prompt: report.n_tokens,
    n_reused: report.n_reused,
    prefill: ((report.n_tokens - report.n_reused) / report.ms) * 1000,
    decode: ((at.length - 1) / (at.at(-1) - at[0])) * 1000,
    text: (after ?? []).slice(tokens.length).map(({ text }) => text).join(""),
  };
};
/** Types a sentence letter by letter; milliseconds from each keystroke to its answer. */
globalThis.typing = async ({ text }) => {
  const wants = { ...nothing, hooks: all_patterns(card).slice(0, 1) };
  const times = [];
  for (let end = 1; end <= text.length; end += 1) {
    const { ms } = await driver.run(text.slice(0, end), { wants });
    times.push(ms);
  }
  return times;
};

/** What one generated token asks of WebGPU. */
globalThis.perToken = async ({ n_tokens }) => {
  await driver.generate(1);
  const before = await driver.counts();
  await driver.generate(n_tokens);
  const after = await driver.counts();
  return Object.fromEntries(
    Object.keys(before)
      .filter((name) => name !== "complaints")
      .map((name) => [name, (after[name] - before[name]) / n_tokens]),
  );
};
globalThis.ready = true;
