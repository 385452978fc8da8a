// A room as a visitor meets it.

import { until } from "./check.mjs";

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
