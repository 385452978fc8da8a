// The node side of driver.js: a blank page of the site on which a test speaks to the worker.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));

/** Path of the worker's script in a built site, whose name may carry a hash. */
export function workerOf(dist) {
  const name = readdirSync(dist).find((name) => /^worker(\.[0-9a-f]{12})?\.js$/.test(name));
  if (!name) throw new Error(`${dist} has no worker.js`);
  return name;
}

/** What to lay over a site so that `openDriver` works: beside the worker, which looks beside itself. */
export function driverOverlay(dist) {
  const script = `
    import { Driver } from "./driver.js";
    globalThis.driver = new Driver(new URL("./driver-worker.js", import.meta.url));
    globalThis.driverReady = true;`;
  const html = `<!doctype html><meta charset="utf-8"><title>driver</title><link rel="icon" href="data:,">
    <script type="module" src="driver-start.js"></script>`;
  return {
    "driver.html": Buffer.from(html),
    "driver-start.js": Buffer.from(script),
    // Imports are evaluated in this order.
    "driver-worker.js": Buffer.from(`import "./driver-probe.js"; import "./${workerOf(dist)}";`),
    "driver-probe.js": readFileSync(path.join(HERE, "probe.js")),
    "driver.js": readFileSync(path.join(HERE, "driver.js")),
    "wire.js": readFileSync(path.join(HERE, "wire.js")),
  };
}

/** What to lay over a site whose worker is to meet a browser that `prelude` changed before. */
export function workerAfter(dist, prelude) {
  const name = workerOf(dist);
  return { [name]: Buffer.concat([readFileSync(path.join(dist, name)), Buffer.from(`\n{${prelude}}\n`)]) };
}

/** Opens the blank page; `page.evaluate` finds the driver as `driver`. */
export async function openDriver(page, site) {
  await page.goto(site.url("driver.html"));
  await page.waitForFunction(() => globalThis.driverReady);
}
