// Drives the built page in a real browser, case by case. Nothing is tried twice.
// Usage: node run.mjs --dist DIR [--models DIR] [--only NAME] [--list]

import { existsSync, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { launch } from "./lib/browser.mjs";
import { driverOverlay, workerAfter } from "./lib/driver.mjs";
import { Explorer } from "./lib/explorer.mjs";
import { modelsFolder, small } from "./lib/fixtures.mjs";
import { Hub } from "./lib/hub.mjs";
import { indexOf } from "./lib/models.mjs";
import { fail, options } from "./lib/options.mjs";
import { Watch } from "./lib/watch.mjs";
import { Site } from "./server.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const TOTAL_MS = 20 * 60_000;
const CASE_MS = 60_000;

const flags = options({ "--dist": "value", "--models": "value", "--only": "value", "--list": "switch" });

/** Every case of cases/*.mjs, those of one kind of browser together. */
async function collect() {
  const files = readdirSync(path.join(HERE, "cases")).filter((name) => name.endsWith(".mjs")).sort();
  const cases = [];
  for (const file of files) {
    const { default: list } = await import(`./cases/${file}`);
    const group = path.basename(file, ".mjs");
    cases.push(...list.map((one) => ({ graphics: "none", ...one, name: `${group}/${one.name}` })));
  }
  const names = new Set(cases.map(({ name }) => name));
  if (names.size !== cases.length) fail("two cases have one name");
  const wanted = cases.filter(({ name }) => !flags.only || name.includes(flags.only));
  return wanted.sort((a, b) => a.graphics.localeCompare(b.graphics));
}

/** The models of a case: "small" (made on the spot), "real" (fetched), or a folder of its own. */
function modelsOf(one) {
  if (one.models === "real") {
    if (!flags.models) throw new Error("this case needs the fetched models: give --models DIR");
    return { models: flags.models, overlay: { "models/index.json": indexOf(flags.models) } };
  }
  const made = one.models ?? { "small-gpt2": { title: "Small GPT-2", files: small().gpt2 } };
  return { overlay: modelsFolder(made) };
}

async function runCase(one, browser, hub) {
  const { overlay = {}, models } = modelsOf(one);
  const site = await new Site({
    dist: flags.dist,
    base: one.base ?? "/",
    models,
    overlay: { ...overlay, ...one.overlay, ...(one.withDriver && driverOverlay(flags.dist)), ...(one.prelude && workerAfter(flags.dist, one.prelude)) },
  }).start();
  hub.reset();
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
    await Promise.race([one.run({ page, context, site, hub, explorer, watch, browser }), late]);
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

/** What was on screen when a case failed: shots/failed-NAME.png. */
async function picture(page, name) {
  const folder = path.join(HERE, "shots");
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `failed-${name.replaceAll("/", "-")}.png`);
  await page.screenshot({ path: file, timeout: 5000 }).catch(() => {});
}

const oneLine = (text) => text.replace(/\s+/g, " ").trim().slice(0, 4000);

async function main() {
  if (!flags.dist || !existsSync(path.join(flags.dist, "index.html"))) {
    fail("--dist must name a built site (a folder with index.html)");
  }
  const cases = await collect();
  if (flags.list) return void cases.forEach(({ name }) => console.log(name));
  if (!cases.length) fail(`no case has "${flags.only}" in its name`);
  const started = Date.now();
  const hub = await new Hub().start();
  let [browser, graphics, n_passed, n_failed] = [undefined, undefined, 0, 0];
  const ready = async (one) => {
    if (!browser?.isConnected() || graphics !== one.graphics || one.ownBrowser) {
      await browser?.close().catch(() => {});
      browser = await launch(one.graphics, { hubPort: hub.port });
      graphics = one.ownBrowser ? undefined : one.graphics;
    }
    return browser;
  };
  for (const one of cases) {
    const from = Date.now();
    try {
      if (from - started > TOTAL_MS) throw new Error(`the ${TOTAL_MS / 60_000} minutes for all cases were over`);
      await runCase(one, await ready(one), hub);
      n_passed += 1;
      console.log(`ok ${one.name} (${Date.now() - from} ms)`);
    } catch (err) {
      n_failed += 1;
      console.log(`not ok ${one.name}: ${oneLine(err.message)}`);
    }
  }
  await browser?.close().catch(() => {});
  await hub.stop();
  console.log(`${n_passed} passed, ${n_failed} failed`);
  process.exit(n_failed === 0 && n_passed > 0 ? 0 : 1);
}

await main();
