// The watch over every case sees what it is there to see: planted errors must be found.

import { check, equal } from "../lib/check.mjs";
import { longTasks } from "../lib/watch.mjs";

const blank = `<!doctype html><html lang="en"><meta charset="utf-8"><title>planted</title><link rel="icon" href="data:,">
<meta http-equiv="Content-Security-Policy" content="default-src 'self'; img-src 'self' data:; require-trusted-types-for 'script'"><p>planted`;

const planted = (name, plant, pattern) => ({
  name,
  overlay: { "planted.html": Buffer.from(blank) },
  run: async ({ page, site, watch }) => {
    await page.goto(site.url("planted.html"));
    equal(await watch.end(page), [], "problems before anything is planted");
    await page.evaluate(plant);
    await page.waitForTimeout(300);
    const problems = await watch.end(page);
    check(problems.some((one) => pattern.test(one)), `not seen; seen: ${problems}`);
    // These were on purpose.
    watch.problems.length = 0;
    await page.evaluate(() => (globalThis.__watched.violations.length = 0));
  },
});

export default [
  planted("sees-uncaught-errors", () => setTimeout(() => { throw new Error("planted"); }, 0), /uncaught: planted/),
  planted("sees-console-errors", () => console.error("planted"), /console: planted/),
  planted("sees-third-parties", () => void (new Image().src = "https://example.org/x.png"), /third-party request/),
  planted("sees-refused-connections", () => void fetch("https://example.com/").catch(() => {}), /policy: connect-src/),
  planted(
    "sees-untrusted-html",
    () => {
      try {
        document.body.innerHTML = "<b>planted</b>";
      } catch {
        // Refused, as it should be.
      }
    },
    /policy: require-trusted-types-for/,
  ),
  {
    name: "sees-a-page-held-up",
    alone: true,
    overlay: { "planted.html": Buffer.from(blank) },
    run: async ({ page, site }) => {
      await page.goto(site.url("planted.html"));
      const tasks = await longTasks(page, () =>
        page.evaluate(
          () =>
            new Promise((done) =>
              setTimeout(() => {
                const end = performance.now() + 120;
                while (performance.now() < end);
                done();
              }, 5),
            ),
        ),
      );
      check(tasks.some((ms) => ms >= 110), `tasks seen: ${tasks}`);
    },
  },
];
