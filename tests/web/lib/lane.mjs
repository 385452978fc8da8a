// One browser with its own stand-in hub, in which cases run one after the other.

import { mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { launch } from "./browser.mjs";
import { driverOverlay, workerAfter } from "./driver.mjs";
import { Explorer } from "./explorer.mjs";
import { modelsFolder, small } from "./fixtures.mjs";
import { Hub } from "./hub.mjs";
import { indexOf } from "./models.mjs";
import { Watch } from "./watch.mjs";
import { Site } from "../server.mjs";

const SHOTS = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "shots");
const CASE_MS = 60_000;

export class Lane {
  #dist;
  #models;
  #hub;
  #browser;
  #graphics;

  /** `dist`: the built site; `models`: the folder of the fetched models, if there is one. */
  constructor({ dist, models }) {
    this.#dist = dist;
    this.#models = models;
  }

  async start() {
    this.#hub = await new Hub().start();
    return this;
  }

  async stop() {
    await this.#browser?.close().catch(() => {});
    await this.#hub.stop();
  }

  /** Runs a case; throws what is wrong. */
  async run(one) {
    const browser = await this.#ready(one);
    const { overlay = {}, models } = this.#modelsOf(one);
    const site = await new Site({
      dist: this.#dist,
      base: one.base ?? "/",
      models,
      overlay: {
        ...overlay,
        ...one.overlay,
        ...(one.withDriver && driverOverlay(this.#dist)),
        ...(one.prelude && workerAfter(this.#dist, one.prelude)),
      },
    }).start();
    this.#hub.reset();
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      acceptDownloads: true,
      viewport: { width: 1440, height: 900 },
      colorScheme: "light",
      reducedMotion: "no-preference",
      serviceWorkers: one.serviceWorkers ?? "block",
      ...one.context,
    });
    context.setDefaultTimeout(20_000);
    const origin = `http://${one.host ?? "127.0.0.1"}:${site.port}`;
    const watch = new Watch(context, { origin, hub: one.hub, allow: one.allow ?? [] });
    await watch.ready;
    const page = await context.newPage();
    const explorer = new Explorer(page, site, one.host);
    let timer;
    try {
      const late = new Promise((_, reject) => {
        const ms = one.timeout ?? CASE_MS;
        timer = setTimeout(() => reject(new Error(`not done after ${ms / 1000} s`)), ms);
      });
      await Promise.race([one.run({ page, context, site, hub: this.#hub, explorer, watch, browser }), late]);
      const problems = await watch.end(page);
      if (problems.length) throw new Error(`the page did what it must not: ${problems.join("; ")}`);
    } catch (err) {
      const problems = watch.problems.length ? ` [seen: ${watch.problems.slice(0, 4).join("; ")}]` : "";
      await picture(page, one.name);
      throw new Error(`${err.message}${problems}`, { cause: err });
    } finally {
      clearTimeout(timer);
      // A page that hangs must not hang the tests.
      await Promise.race([context.close().catch(() => {}), new Promise((done) => setTimeout(done, 5000))]);
      await site.stop();
    }
  }

  /** The browser of the case's kind, a new one where the last was of another. */
  async #ready(one) {
    if (!this.#browser?.isConnected() || this.#graphics !== one.graphics || one.ownBrowser) {
      await this.#browser?.close().catch(() => {});
      this.#browser = await launch(one.graphics, { hubPort: this.#hub.port });
      this.#graphics = one.ownBrowser ? undefined : one.graphics;
    }
    return this.#browser;
  }

  /** The models of a case: "real" (fetched), or files by folder; small ones made on the spot if it names none. */
  #modelsOf(one) {
    if (one.models === "real") {
      if (!this.#models) throw new Error("this case needs the fetched models: give --models DIR");
      return { models: this.#models, overlay: { "models/index.json": indexOf(this.#models) } };
    }
    const made = one.models ?? { "small-gpt2": { title: "Small GPT-2", files: small().gpt2 } };
    return { overlay: modelsFolder(made) };
  }
}

/** What was on screen when a case failed: shots/failed-NAME.png. */
async function picture(page, name) {
  mkdirSync(SHOTS, { recursive: true });
  const file = path.join(SHOTS, `failed-${name.replaceAll("/", "-")}.png`);
  await page.screenshot({ path: file, timeout: 5000 }).catch(() => {});
}
