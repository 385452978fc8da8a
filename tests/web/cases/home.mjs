// Home: what Vitrine is, one live map, the reading list, the doors.

import { violations } from "../lib/axe.mjs";
import { check, equal, until } from "../lib/check.mjs";

const open = (name, run, more = {}) => ({
  name,
  run: async (given) => {
    const { page, explorer } = given;
    await explorer.open("#p=home");
    await explorer.id("home").waitFor({ timeout: 40_000 });
    await explorer.settled();
    await run({ ...given, page });
  },
  ...more,
});

const axe = (theme, viewport, name) =>
  open(
    `axe-${theme}-${name}`,
    async ({ page }) => {
      const found = await violations(page);
      check(found.length === 0, `${found.length}: ${found.join(" | ")}`);
    },
    { context: { colorScheme: theme, viewport } },
  );

export default [
  open("the-map-follows-the-text-and-the-explorer-has-the-same", async ({ page, explorer }) => {
    const words = "Once upon a time there lived a king";
    const before = await explorer.pixels("home-map");
    await explorer.id("home-text").fill(words);
    await explorer.settled();
    await until(async () => (await explorer.pixels("home-map")) !== before, "the map follows", 10_000);
    await explorer.id("door-explorer").click();
    await explorer.id("prompt").waitFor();
    await explorer.settled();
    equal(await explorer.id("prompt").inputValue(), words, "the text of the Explorer");
    check((await explorer.headValues()).length > 5, "its head is drawn");
    await page.goBack();
    await explorer.id("home").waitFor();
    check(/[#&]p=home/.test(page.url()), "back is home");
  }),

  open("twenty-two-rooms-by-pointer-and-keys", async ({ page, explorer }) => {
    const marks = explorer.id("timeline").getByRole("radio");
    equal(await marks.count(), 22, "rooms");
    const shown = explorer.id("room-shown");
    check(/Align and translate/.test(await shown.innerText()), "the first room");
    await explorer.id("room-10").hover();
    await until(async () => /FlashAttention/.test(await shown.innerText()), "what is pointed at");
    check(/not open yet|Enter the room/.test(await shown.innerText()), "whether it is open");
    const hrefs = await shown.getByRole("link").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    check(hrefs.includes("https://arxiv.org/abs/2205.14135"), `its paper is among ${hrefs}`);
    await explorer.id("room-10").click();
    await page.keyboard.press("ArrowRight");
    await until(async () => /Cramming/.test(await shown.innerText()), "an arrow walks on");
    await page.keyboard.press("End");
    await until(async () => /Proteins/.test(await shown.innerText()), "to the last");
  }),

  open("the-door-to-the-lab", async ({ explorer }) => {
    await explorer.id("door-lab").click();
    await explorer.id("lab").waitFor();
  }),

  axe("light", { width: 1440, height: 900 }, "wide"),
  axe("dark", { width: 1440, height: 900 }, "wide"),
  axe("light", { width: 390, height: 844 }, "phone"),
];
