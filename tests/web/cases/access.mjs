// Keyboard, screen readers, contrast: axe-core finds nothing in either theme, at any size, on
// any panel, and every control is reached by Tab.

import { violations } from "../lib/axe.mjs";
import { check, equal, until } from "../lib/check.mjs";

const TABS = ["norms", "residual", "mlp", "loss", "positions", "weights", "card"];

const axe = (theme, name, viewport) => ({
  name: `axe-${theme}-${name}`,
  timeout: 120_000,
  context: { colorScheme: theme, viewport },
  run: async ({ page, explorer }) => {
    await explorer.open();
    await explorer.ready();
    const found = [];
    for (const tab of TABS) {
      await explorer.tab(tab);
      await explorer.settled();
      for (const one of await violations(page)) if (!found.includes(one)) found.push(one);
    }
    check(found.length === 0, `${found.length}: ${found.join(" | ")}`);
  },
});

const wide = { width: 1440, height: 900 };
const phone = { width: 390, height: 844 };

export default [
  axe("light", "wide", wide),
  axe("dark", "wide", wide),
  axe("light", "phone", phone),
  axe("dark", "phone", phone),
  {
    name: "axe-with-a-fault-on-screen",
    run: async ({ page, explorer }) => {
      await explorer.open();
      await explorer.ready();
      await explorer.openBroken({ "model.gguf": Buffer.alloc(0) });
      const found = await violations(page);
      check(found.length === 0, found.join(" | "));
    },
  },
  {
    name: "every-control-by-tab",
    run: async ({ page, explorer }) => {
      await explorer.open();
      await explorer.ready();
      await page.locator("body").focus();
      const seen = [];
      for (let n = 0; n < 200; n += 1) {
        await page.keyboard.press("Tab");
        const here = await page.evaluate(() => {
          const element = document.activeElement;
          if (!element || element === document.body) return null;
          const style = getComputedStyle(element);
          const box = element.getBoundingClientRect();
          return {
            id: element.dataset.testid ?? element.closest("[data-testid]")?.dataset.testid ?? element.tagName,
            outlined: style.outlineStyle !== "none" || style.boxShadow !== "none",
            visible: box.width > 0 && box.height > 0,
          };
        });
        if (!here) break;
        seen.push(here);
      }
      const ids = seen.map(({ id }) => id);
      for (const id of ["prompt", "token-0", "wall-grid", "head-matrix", "temperature", "generate", "tab-norms", "theme", "model-picker", "engine-badge", "settings", "menu-head"]) {
        check(ids.includes(id), `Tab does not reach ${id}; it reaches ${[...new Set(ids)]}`);
      }
      const blind = seen.filter(({ outlined }) => !outlined).map(({ id }) => id);
      check(blind.length === 0, `no focus ring on ${[...new Set(blind)]}`);
    },
  },
  {
    name: "tabs-by-keys",
    run: async ({ page, explorer }) => {
      await explorer.open();
      await explorer.ready();
      await explorer.id("tab-norms").focus();
      for (const tab of TABS.slice(1)) {
        await until(async () => {
          await page.keyboard.press("ArrowRight");
          return explorer.isTab(tab);
        }, `ArrowRight reaches the panel ${tab}`, 3000);
      }
    },
  },
  {
    name: "pictures-have-names-and-tables",
    run: async ({ page, explorer }) => {
      await explorer.open();
      await explorer.ready();
      const nameless = await page.evaluate(() =>
        [...document.querySelectorAll("canvas, svg:not([aria-hidden=true])")]
          .filter((one) => one.getClientRects().length && !one.closest("[aria-hidden=true]"))
          .filter((one) => !one.getAttribute("aria-label") && !one.getAttribute("aria-labelledby") && !one.querySelector("title") && !one.closest("[role=img][aria-label], [role=grid][aria-label], button[aria-label]"))
          .map((one) => one.outerHTML.slice(0, 120)),
      );
      equal(nameless, [], "pictures without a name");
    },
  },
];
