// The door: what a visitor sees when the site is whole, moved, or broken.

import { check, until } from "../lib/check.mjs";

const failed = /Failed to load resource/;

/** The panel that boot.js paints when the page cannot start. */
async function bootFault(page, ...words) {
  const panel = page.getByTestId("boot-fault");
  await panel.waitFor();
  const text = await panel.innerText();
  for (const word of words) check(word.test(text), `the panel says "${text}", without ${word}`);
  check((await panel.getByRole("alert").count()) === 1, "the panel is announced");
  const reload = panel.getByRole("button", { name: "Reload" });
  check(await reload.evaluate((button) => button === document.activeElement), "Reload has the focus");
}

/** A fault of the host, and the words for it. */
const broken = (name, rule, words, allow = [failed]) => ({
  name,
  allow,
  run: async ({ page, site }) => {
    site.rules.add(rule);
    await page.goto(site.url());
    await bootFault(page, ...words);
  },
});

const isPageWasm = /\/page_bg(\.[0-9a-f]+)?\.wasm$/;
const isPageScript = /\/page(\.[0-9a-f]+)?\.js$/;

const isLaterPart = /_later(\.[0-9a-f]+)?\.wasm$/;

/** Whether the start on a host that has no later parts gets to its first map. */
async function startsWithoutLaterParts(page, site, explorer, hash) {
  site.log.length = 0;
  // A second visit finds its model in the cache, by a way that a first one does not take.
  if (page.url().startsWith("http")) {
    await page.evaluate(async () => {
      for (const name of await caches.keys()) await caches.delete(name);
    });
  }
  await page.goto("about:blank");
  await explorer.open(hash);
  const stopped = page.getByTestId("boot-fault").filter({ hasText: /later/ }).waitFor().then(() => true);
  const hasMap = async () => {
    await explorer.started();
    await until(async () => (await explorer.tokens().count()) > 0, "the text is cut into tokens");
    await explorer.id("head").locator("canvas").first().waitFor();
    return true;
  };
  const map = hasMap();
  // Where the start has stopped, nobody waits for the map any more.
  map.catch(() => {});
  if (await Promise.race([map.then(() => false), stopped.catch(() => map.then(() => false))])) return false;
  check((await explorer.faults()).length === 0, `a fault: ${await explorer.faults()}`);
  const asked = () => site.log.filter(({ path }) => isLaterPart.test(path)).length;
  await until(() => asked() >= 2, "page and engine ask for their later parts by themselves");
  return true;
}

/**
 * The first map needs no later part. What runs depends on the clock as well: a start that other work on the
 * machine comes between may show that it waits, and asks for what shows that; so one start of six is enough.
 */
const firstMap = (engine) => ({
  name: `first-map-needs-no-later-part-${engine}`,
  graphics: engine === "gpu" ? "gpu" : "none",
  alone: true,
  allow: [failed, /later/],
  timeout: 180_000,
  run: async ({ page, site, explorer }) => {
    site.rules.add({ match: isLaterPart, status: 404 });
    const hash = engine === "gpu" ? "#engine=gpu" : "";
    for (let start = 0; start < 6; start += 1) {
      if (await startsWithoutLaterParts(page, site, explorer, hash)) return;
    }
    check(false, "none of six starts got to its first map");
  },
});

export default [
  firstMap("cpu"),
  firstMap("gpu"),
  {
    name: "a-later-part-that-is-missing-is-said",
    allow: [failed, /later/],
    run: async ({ page, site, explorer }) => {
      site.rules.add({ match: isLaterPart, status: 404 });
      await explorer.open();
      await page.getByTestId("prompt").waitFor();
      // At the latest: an ill-timed start may ask before.
      await explorer.openFiles({ "model.gguf": new Uint8Array([...Buffer.from("GGUF"), 3, 0, 0, 0]) });
      const alert = page.getByRole("alert").filter({ hasText: /later/ }).first();
      await alert.waitFor();
      check(/404/.test(await alert.innerText()), `the alert says "${await alert.innerText()}"`);
    },
  },
  broken("page-wasm-missing", { match: isPageWasm, status: 404 }, [/page_bg/, /404/]),
  broken("page-wasm-forbidden", { match: isPageWasm, status: 403 }, [/page_bg/, /403/]),
  broken(
    "page-wasm-captive-portal",
    { match: isPageWasm, status: 200, body: "<!doctype html><title>Log in</title>", type: "text/html" },
    [/page_bg/, /text\/html/],
  ),
  broken("page-wasm-damaged", { match: isPageWasm, flip: 3 }, [/page_bg/], [failed]),
  broken("page-script-missing", { match: isPageScript, status: 404 }, [/page/], [failed, /MIME|module script/]),
  broken("connection-cut", { match: isPageWasm, drop: true }, [/page_bg/, /network|blocks/], [failed]),
  {
    name: "wrong-mime-still-works",
    run: async ({ site, explorer }) => {
      site.rules.add({ match: /\.wasm$/, type: "application/octet-stream" });
      await explorer.open();
      await explorer.ready();
    },
  },
  {
    name: "engine-wasm-missing",
    allow: [failed, /engine/],
    run: async ({ page, site, explorer }) => {
      site.rules.add({ match: /engine(-relaxed)?_bg(\.[0-9a-f]+)?\.wasm$/, status: 404 });
      await explorer.open();
      const alert = page.getByRole("alert").filter({ hasText: /\S/ }).first();
      await alert.waitFor();
      const text = await alert.innerText();
      check(/engine/i.test(text) && /404|could not|missing|copied/i.test(text), `the alert says "${text}"`);
    },
  },
  {
    name: "tokenizer-wasm-missing",
    allow: [failed, /tokenizer/],
    run: async ({ page, site, explorer }) => {
      site.rules.add({ match: /tokenizer_bg(\.[0-9a-f]+)?\.wasm$/, status: 404 });
      await explorer.open();
      const alert = page.getByRole("alert").filter({ hasText: /\S/ }).first();
      await alert.waitFor();
      const text = await alert.innerText();
      check(/tokenizer/i.test(text), `the alert says "${text}"`);
    },
  },
  {
    name: "no-script",
    context: { javaScriptEnabled: false },
    run: async ({ page, site }) => {
      await page.goto(site.url());
      const text = await page.innerText("body");
      check(/JavaScript is switched off/.test(text), `without scripts the page says "${text}"`);
    },
  },
  {
    name: "sub-path",
    base: "/people/ada/vitrine/",
    run: async ({ site, explorer }) => {
      await explorer.open();
      await explorer.ready();
      const outside = site.log.filter(({ path }) => !path.startsWith("/people/ada/vitrine/"));
      check(outside.length === 0, `asked for outside the site: ${outside.map(({ path }) => path)}`);
    },
  },
  {
    name: "classroom-by-plain-http",
    host: "classroom.test",
    run: async ({ page, explorer }) => {
      await explorer.open();
      await explorer.ready();
      check(!(await page.evaluate(() => isSecureContext)), "the test reaches the page by plain http");
      const why = await explorer.engineWhy();
      check(/CPU/.test(why.badge), `the badge says "${why.badge}"`);
      check(/secure|https|localhost/i.test(why.why), `the reason is "${why.why}"`);
    },
  },
  {
    name: "offline-by-service-worker",
    serviceWorkers: "allow",
    timeout: 90_000,
    // While the host is away, the browser itself tells the console of every failed request.
    allow: [failed],
    run: async ({ page, site, explorer }) => {
      await explorer.open();
      await explorer.ready();
      await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
      await until(
        () => page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.active?.state === "activated"),
        "the service worker is active",
      );
      await site.stop();
      await page.reload();
      await explorer.ready();
      const before = await explorer.headValues();
      await explorer.type("Without a network");
      await explorer.settled();
      check(JSON.stringify(before) !== JSON.stringify(await explorer.headValues()), "the maps follow the text offline");
    },
  },
];
