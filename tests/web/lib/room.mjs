// A room as a visitor meets it.

import { violations } from "./axe.mjs";
import { check, until } from "./check.mjs";

/** A number as the page writes it: a true minus in its power of ten. */
const small = (text) => Number(text.replaceAll("−", "-"));

export class Room {
  constructor(page, explorer) {
    Object.assign(this, { page, explorer });
  }

  id(name) {
    return this.page.getByTestId(name);
  }

  /** Opens a room by its address; its words are there and its machine has run. */
  async open(number, more = "") {
    await this.explorer.open(`#p=room-${String(number).padStart(2, "0")}${more}`);
    await this.id("room-words").locator("article").waitFor({ timeout: 40_000 });
    await this.explorer.settled();
  }

  /** Opens Room 02 on the shipped Transformer and its first date. */
  async openDates(more = "") {
    await this.explorer.open(`#m=bundled/dates-transformer&t=tuesday%2C+24th+of+december+1912&p=room-02${more}`);
    await this.id("room-words").locator("article").waitFor({ timeout: 40_000 });
    await this.id("attention-block").waitFor({ timeout: 40_000 });
    await this.explorer.settled();
  }

  /** Where the machine stands: `[3, 9]`; none while it has no steps. */
  async step() {
    const said = await this.id("step-now").innerText();
    return /^\d/.test(said) ? said.split(" of ").map(Number) : [0, 0];
  }

  async isAt(step) {
    await until(async () => (await this.step())[0] === step, `the machine stands at ${step}`);
  }

  /** What is shown as it is drawn: the pixels of a plate. */
  pixels(name) {
    return this.explorer.pixels(name);
  }

  /** What is drawn of a plate, without what is behind it. */
  drawn(name) {
    return this.id(name).evaluate((element) => (element.querySelector("canvas.picture") ?? element).toDataURL());
  }

  hash() {
    return new URL(this.page.url()).hash;
  }

  /** The errors of the line of invariants: number, or null where it says that it does not apply. */
  async errors() {
    const said = await this.id("invariants-room").locator("li .num").allInnerTexts();
    return said.map((text) => (text.startsWith("error ") ? small(text.slice(6)) : null));
  }

  async verdicts() {
    return this.id("invariants-room").locator("li .verdict").allInnerTexts();
  }

  /** Presses a claim's button and waits for its end. */
  async measure(slot, ms = 60_000) {
    await this.id(`measure-${slot}`).click();
    await until(async () => (await this.id(`measure-${slot}`).innerText()) === "Measure again", `${slot} is measured`, ms);
  }

  /** The rows of a claim's table: of what, published, measured here. */
  async table(slot) {
    const rows = await this.id(`table-${slot}`).locator("tbody tr").all();
    return Promise.all(rows.map((row) => row.locator("th, td").allInnerTexts()));
  }
}

const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

/** Cases in which axe-core finds nothing in a room, before and after `act`, and in its first parts presented. */
export function axes(open, more, act = async () => {}, n_parts = 1) {
  const one = (theme, viewport, name) =>
    open(`axe-${theme}-${name}`, more, async (given) => {
      const { page, room } = given;
      const found = new Set(await violations(page));
      await act(given);
      await room.id("present").click();
      for (let part = 0; part < n_parts; part += 1) {
        await page.keyboard.press("ArrowDown");
        for (const violation of await violations(page)) found.add(violation);
      }
      check(found.size === 0, `${found.size}: ${[...found].join(" | ")}`);
    }, { context: { colorScheme: theme, viewport } });
  return [one("light", WIDE, "wide"), one("dark", WIDE, "wide"), one("light", PHONE, "phone")];
}

/** A case: the question alone, then the machine (`shown` in it), what `onward` looks at, all again (`claim`), on paper. */
export const presentedAndPrinted = (open, more, shown, claim, onward = async () => {}) =>
  open("presented-and-printed", more, async (given) => {
    const { page, room } = given;
    await room.id("present").click();
    check(!(await room.id(shown).isVisible()), "the question alone");
    await page.keyboard.press("ArrowDown");
    await until(() => room.id(shown).isVisible(), "then the machine");
    await onward(given);
    await page.keyboard.press("Escape");
    await until(() => room.id(claim).isVisible(), "the whole room again");
    await page.emulateMedia({ media: "print" });
    check(!(await room.id("step-on").isVisible()), "no steps on paper");
    check(await room.id(shown).isVisible(), "the machine as it stands");
    await page.emulateMedia({ media: "screen" });
  });

/** A case: Tab comes to all of these, by test names and symbols, in so many presses; then what keys do. */
export const byKeyboard = (open, more, names, most, then = async () => {}) =>
  open("by-keyboard-alone", more, async (given) => {
    const { page, room } = given;
    await room.id("room").focus();
    const seen = new Set();
    for (let at = 0; at < most; at += 1) {
      await page.keyboard.press("Tab");
      seen.add(await page.evaluate(() => {
        const { testid, symbol } = document.activeElement?.dataset ?? {};
        return testid ?? symbol;
      }));
    }
    for (const name of names) check(seen.has(name), `${name} is reached by Tab: ${[...seen].join(" ")}`);
    await then(given);
  });
