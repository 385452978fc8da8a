// The Lab as a visitor meets it: what the cases do to it and what they read off it.

import { until } from "./check.mjs";

const number = (text) => Number(text.trim().replace("−", "-").replace("∞", "Infinity"));

export class Lab {
  constructor(page, explorer) {
    Object.assign(this, { page, explorer });
  }

  id(name) {
    return this.page.getByTestId(name);
  }

  /** Opens the Lab with knobs in the address, or with its first preset. */
  async open(knobs = "") {
    await this.explorer.open(`#p=lab${knobs && "&"}${knobs}`);
    await this.id("train").waitFor({ timeout: 40_000 });
  }

  state() {
    return this.page.evaluate(() => document.documentElement.dataset.lab);
  }

  /** Waits for what the run does: running, paused, done, diverged. */
  async is(state, ms = 60_000) {
    await this.page
      .waitForFunction((state) => document.documentElement.dataset.lab === state, state, { timeout: ms, polling: 20 })
      .catch(async (err) => {
        const figures = await this.id("lab-figures").innerText().catch(() => "");
        throw new Error(`the run is "${await this.state()}", not "${state}", after ${ms / 1000} s; it says: ${figures}`, { cause: err });
      });
  }

  /** Presses Train; the run goes on. */
  async train() {
    await this.id("train").click();
    await this.page.waitForFunction(() => !["none", "starting"].includes(document.documentElement.dataset.lab), undefined, { timeout: 60_000 });
  }

  async preset(name) {
    await this.id(`preset-${name}`).click();
  }

  /** Opens the group of a knob, where it is closed, and turns it. */
  async turn(name, value) {
    const knob = this.id(`knob-${name}`);
    const group = this.page.locator("details.knobs", { has: knob });
    if (!(await group.evaluate((details) => details.open))) await group.locator("> summary").click();
    if ((await knob.evaluate((one) => one.tagName)) === "SELECT") return void (await knob.selectOption(value));
    await knob.fill(value);
    await knob.press("Enter");
  }

  knob(name) {
    return this.id(`knob-${name}`).inputValue();
  }

  /** Rows of the table of a panel, numbers as numbers: run, step and three more. */
  async rows(panel) {
    const rows = await this.explorer.table(panel);
    return rows.map(([run, ...cells]) => [run, ...cells.map(number)]);
  }

  /** A figure above the panels. */
  async figure(name) {
    const texts = await this.id("lab-figures").locator("dl > div").evaluateAll((figures) =>
      figures.map((one) => [one.querySelector("dt").textContent, one.querySelector("dd").textContent]),
    );
    return texts.find(([known]) => known === name)?.[1];
  }

  /** Steps that were done. */
  async step() {
    return Number((await this.figure("step"))?.split(" ")[0] ?? 0);
  }

  async reaches(step, ms = 60_000) {
    await until(async () => (await this.step()) >= step, `step ${step}`, ms);
  }
}
