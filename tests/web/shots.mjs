// Pictures of every panel and state, at three sizes, light and dark, to be looked at.
// Usage: node shots.mjs --dist DIR --out DIR [--models DIR] [--only NAME] [--graphics gpu|none]

import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { launch } from "./lib/browser.mjs";
import { Explorer } from "./lib/explorer.mjs";
import { golden, marian, modelsFolder, small } from "./lib/fixtures.mjs";
import { Hub } from "./lib/hub.mjs";
import { Lab } from "./lib/lab.mjs";
import { Room } from "./lib/room.mjs";
import { indexOf } from "./lib/models.mjs";
import { fail, options } from "./lib/options.mjs";
import { Site } from "./server.mjs";

const RECORDED = readFileSync(new URL("../golden/trace.safetensors", import.meta.url));
const SIZES = { wide: [1440, 900], middle: [1024, 768], phone: [390, 844] };
const THEMES = ["light", "dark"];
const LONG =
  "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of " +
  "foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of Light. ";

/** A BERT with all its heads (random weights), at work on a sentence. */
const bert = async (explorer, text = "The quick brown fox jumps over the lazy dog") => {
  await explorer.openFiles(golden("bert"));
  await explorer.settled();
  await explorer.type(text);
  await explorer.settled();
};

/** A translator (random weights), at work on a sentence. */
const translator = async (explorer) => {
  await explorer.openFiles(marian());
  await explorer.settled();
  await explorer.type("The woman bought a new red book in the park");
  await explorer.settled();
};

/** The Lab with a preset, trained to its end or to what `until` waits for. */
const trained = async ({ page, explorer }, preset, until = "done") => {
  await explorer.id("place-lab").click();
  const lab = new Lab(page, explorer);
  await lab.preset(preset);
  await lab.train();
  await lab.is(until, 120_000);
  return lab;
};

/** What to bring about before each picture; every one starts from the page as it opens. */
const STATES = {
  start: async () => {},
  residual: async ({ explorer }) => explorer.tab("residual"),
  mlp: async ({ explorer }) => explorer.tab("mlp"),
  loss: async ({ explorer }) => explorer.tab("loss"),
  // Of encoders only: the fetched MiniLM.
  similarity: async ({ explorer }) => {
    await explorer.chooseModel("all-minilm-l6-v2");
    await explorer.loaded(/MiniLM/, 90_000);
    await explorer.tab("similarity");
  },
  masked: async ({ explorer }) => {
    await bert(explorer);
    for (const at of [4, 7]) {
      await explorer.tokens().nth(at).click();
      await explorer.settled();
    }
  },
  "masked-each": async ({ explorer }) => {
    await bert(explorer);
    await explorer.id("mask-each-here").click();
  },
  pair: async ({ explorer }) => {
    await bert(explorer, "The man went to the store");
    await explorer.id("pair").fill("He bought milk");
    await explorer.settled();
    await explorer.id("pairs").selectOption("ba");
  },
  translate: async ({ explorer }) => translator(explorer),
  "translate-beam": async ({ explorer }) => {
    await translator(explorer);
    await explorer.id("beams").selectOption("4");
    await explorer.settled();
    await explorer.tab("beam");
  },
  "translate-encoder": async ({ explorer }) => {
    await translator(explorer);
    await explorer.id("attend-encoder").click();
    await explorer.tab("residual");
  },
  // A real translator: the fetched English to Portuguese.
  bergamot: async ({ explorer }) => {
    await explorer.chooseModel("bergamot-en-pt");
    await explorer.loaded(/Bergamot/, 90_000);
    await explorer.type("The black cat sleeps on the old sofa.");
  },
  card: async ({ explorer }) => explorer.tab("card"),
  weights: async ({ explorer }) => explorer.tab("weights"),
  circuit: async ({ explorer }) => {
    await explorer.tab("weights");
    await explorer.id("weights-choice").selectOption("attn.OV");
  },
  positions: async ({ explorer }) => explorer.tab("positions"),
  // Windows in some layers; a model of tests/golden.
  windows: async ({ explorer }) => {
    await explorer.openFiles(golden("gpt_neo"));
    await explorer.settled();
    await explorer.tab("positions");
    await explorer.id("cells-row").waitFor();
  },
  recorded: async ({ explorer }) => {
    await explorer.openFiles({ "trace.safetensors": RECORDED });
    await explorer.settled();
    await explorer.tab("residual");
  },
  // An instruction model: the fetched SmolLM2.
  chat: async ({ explorer }) => {
    await explorer.chooseModel("smollm2-135m-instruct");
    await explorer.loaded(/SmolLM2/, 90_000);
    await explorer.id("as-chat").check();
    await explorer.id("system").fill("Answer in one word.");
    await explorer.settled();
  },
  "chat-turns": async ({ page, explorer }) => {
    await explorer.chooseModel("smollm2-135m-instruct");
    await explorer.loaded(/SmolLM2/, 90_000);
    await explorer.id("as-chat").check();
    await explorer.type("And of the sea?");
    await page.evaluate(() => (location.hash += "&said=What+is+the+colour+of+grass%3F&said=Green."));
    await explorer.settled();
  },
  replaced: async ({ explorer }) => {
    await explorer.openFiles(golden("electra_discriminator"));
    await explorer.settled();
    await explorer.type("the quick brown fox");
    await explorer.settled();
  },
  picker: async ({ explorer }) => explorer.pick(async () => {}),
  alibi: async ({ explorer }) => {
    await explorer.openFiles(golden("bloom"));
    await explorer.settled();
    await explorer.tab("positions");
  },
  selected: async ({ explorer }) => explorer.tokens().nth(3).click(),
  lines: async ({ explorer }) => explorer.id("view-lines").click(),
  scores: async ({ explorer }) => explorer.id("stage-scores").click(),
  "fault-facts": async ({ explorer }) => {
    await explorer.openBroken({ ...golden("gpt2"), "config.json": Buffer.from('{ "model_type": "perceiver", "d_latents": 256, "num_latents": 32 }') });
    await explorer.id("fault-facts").locator("summary").click();
  },
  fault: async ({ explorer }) => explorer.openBroken({ "model.gguf": Buffer.from("<!doctype html><title>Log in</title>") }),
  keys: async ({ page }) => page.keyboard.press("?"),
  long: async ({ explorer }) => explorer.type(LONG.repeat(6)),
  "right-to-left": async ({ explorer }) => explorer.type("שלום עולם, مرحبا بالعالم and back"),
  empty: async ({ explorer }) => explorer.type(""),
  home: async ({ explorer }) => {
    await explorer.id("place-home").click();
    await explorer.id("home-matrix").waitFor();
  },
  "home-room": async ({ explorer }) => {
    await explorer.id("place-home").click();
    await explorer.id("room-4").click();
  },
  "room-01": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(1, "&r-row=6");
    await room.id("align-train").click();
    await room.id("align-status").filter({ hasText: "Both are trained" }).waitFor({ timeout: 400_000 });
    await room.id("step-scrub").fill("20");
  },
  "room-01-own": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(1, "&r-own=3_may_1999&r-row=6");
    await room.id("align-line").filter({ hasText: "3 may 1999" }).waitFor({ timeout: 60_000 });
  },
  "room-01-claims": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(1);
    await room.measure("lengths", 600_000);
    await room.id("claim-lengths").scrollIntoViewIfNeeded();
  },
  "room-01-live": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(1);
    await room.id("load-bergamot-en-pt").click();
    await room.id("live-matrix").waitFor({ timeout: 120_000 });
    await room.id("align-trained").click();
    await room.id("live").scrollIntoViewIfNeeded();
  },
  "room-02": async ({ page, explorer }) => {
    await new Room(page, explorer).openDates("&step=2&l=1");
  },
  "room-02-last": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.openDates("&step=15&r-of=cross&beams=4");
    await room.id("attention-scores").scrollIntoViewIfNeeded();
  },
  "room-02-claims": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(2);
    for (const slot of ["scale", "cost"]) await room.measure(slot, 120_000);
    await room.id("claim-scale").scrollIntoViewIfNeeded();
  },
  "room-03": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(3, "&step=4");
    await room.id("norms-layer").filter({ hasText: "ResiDual" }).waitFor({ timeout: 60_000 });
  },
  "room-03-claims": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(3, "&r-layers=2");
    for (const slot of ["layers", "depth", "race"]) await room.measure(slot, 200_000);
    await room.id("claim-layers").scrollIntoViewIfNeeded();
  },
  "room-03-race": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(3, "&r-layers=2");
    await room.measure("race", 200_000);
    await room.id("claim-race").scrollIntoViewIfNeeded();
  },
  "room-03-real": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(3, "&r-layers=2");
    await room.id("change-norm").click();
    await room.id("next-norm").locator("tbody tr").first().waitFor({ timeout: 60_000 });
    await room.id("room-norms").scrollIntoViewIfNeeded();
  },
  "room-04-slow": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(4, "&step=5");
    await room.measure("slow");
    await room.id("change-head").click();
    await room.id("next-head").locator("tbody tr").first().waitFor({ timeout: 60_000 });
    await room.id("claim-slow").scrollIntoViewIfNeeded();
  },
  "room-10": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(10, "&step=4");
  },
  "room-10-back": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(10, "&r-from=random&r-pass=backward&step=5");
  },
  "room-10-claims": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(10, "&r-from=random&r-way=global&r-mask=none&step=6");
    for (const slot of ["time", "blocks", "sparse", "again", "ways"]) await room.measure(slot, 200_000);
    await room.id("claim-time").scrollIntoViewIfNeeded();
  },
  "room-04": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(4, "&step=5");
  },
  "room-04-claims": async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(4, "&r-map=dpfp1&r-rule=delta&step=5");
    for (const slot of ["capacity", "update", "favor"]) await room.measure(slot);
    await room.id("question-answer").fill("128");
    await room.id("question-check").click();
    await room.id("claim-capacity").scrollIntoViewIfNeeded();
  },
  "room-04-presented": async ({ page, explorer }) => {
    await new Room(page, explorer).open(4, "&step=5&present=1");
  },
  lab: async ({ explorer }) => explorer.id("place-lab").click(),
  "lab-done": async (given) => {
    await trained(given, "reversal");
  },
  // Two runs, a knob turned, its group open.
  "lab-two": async (given) => {
    const lab = await trained(given, "reversal");
    await lab.turn("model.n_layers", "2");
    await lab.train();
    await lab.is("done", 120_000);
  },
  "lab-text": async (given) => {
    const lab = await trained(given, "characters", "running");
    await lab.reaches(160, 120_000);
    await lab.id("pause").click();
    await lab.is("paused");
  },
  "lab-pieces": async (given) => {
    const lab = await trained(given, "pieces", "running");
    await lab.reaches(200, 120_000);
    await lab.id("pause").click();
    await lab.is("paused");
  },
  "lab-diverged": async (given) => {
    await trained(given, "diverges", "diverged");
  },
  "lab-fault": async ({ page, explorer }) => {
    await explorer.id("place-lab").click();
    const lab = new Lab(page, explorer);
    await lab.turn("model.n_heads", "5");
    await lab.id("train").click();
    await lab.id("lab-fault").waitFor();
  },
  "one-layer": async ({ explorer }) => {
    await explorer.openFiles(small().one);
    await explorer.settled();
  },
};

const flags = options({
  "--dist": "value",
  "--models": "value",
  "--out": "value",
  "--only": "value",
  "--graphics": "value",
});
if (!flags.dist || !flags.out) fail("--dist and --out are needed");
mkdirSync(flags.out, { recursive: true });

const hub = await new Hub().start();
const browser = await launch(flags.graphics ?? "none", { hubPort: hub.port });
const overlay = flags.models
  ? { "models/index.json": indexOf(flags.models) }
  : modelsFolder({ "small-gpt2": { title: "Small GPT-2", files: small().gpt2 } });
const site = await new Site({ dist: flags.dist, models: flags.models, overlay }).start();
let [n_taken, n_failed] = [0, 0];
try {
  for (const [size, [width, height]] of Object.entries(SIZES)) {
    const context = await browser.newContext({
      viewport: { width, height },
      isMobile: size === "phone",
      hasTouch: size === "phone",
      ignoreHTTPSErrors: true,
      serviceWorkers: "block",
    });
    context.setDefaultTimeout(20_000);
    for (const [state, act] of Object.entries(STATES)) {
      const themes = THEMES.filter((theme) => !flags.only || `${state}-${size}-${theme}`.includes(flags.only));
      if (!themes.length) continue;
      if (["similarity", "chat", "chat-turns", "bergamot", "room-01-live"].includes(state) && !flags.models) continue;
      const page = await context.newPage();
      await page.emulateMedia({ colorScheme: themes[0] });
      const explorer = new Explorer(page, site);
      try {
        await explorer.open();
        await explorer.ready();
        await act({ page, explorer });
        await explorer.settled();
        n_taken += themes.length;
      } catch (err) {
        n_failed += themes.length;
        console.log(`not ok ${state}-${size}: ${err.message.split("\n")[0]}`);
      }
      // The other theme is that of the same page: what is drawn has to follow.
      for (const theme of themes) {
        await page.emulateMedia({ colorScheme: theme });
        await page.waitForTimeout(1500);
        const file = path.join(flags.out, `${state}-${size}-${theme}.png`);
        await page.screenshot({ path: file, fullPage: size !== "wide" }).catch(() => {});
      }
      await page.close();
    }
    await context.close();
  }
} finally {
  await browser.close();
  await site.stop();
  await hub.stop();
}
console.log(`${n_taken} pictures in ${flags.out}, ${n_failed} failed`);
process.exit(n_failed ? 1 : 0);
