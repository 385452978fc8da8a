// The Explorer as a visitor meets it: what the cases do to it and what they read off it. All
// that depends on the page's markup is here.

import { readFileSync } from "node:fs";

import { check, until } from "./check.mjs";

const EXPORTS = { csv: "Data (CSV)", svg: "Picture (SVG)", png: "Picture (PNG)", safetensors: "Data (safetensors)" };

/** A number as the page writes it: a true minus, words for what is none. */
const number = (text) => Number(text.trim().replace("−", "-").replace("∞", "Infinity"));

export class Explorer {
  constructor(page, site, host) {
    Object.assign(this, { page, site, host });
  }

  id(name) {
    return this.page.getByTestId(name);
  }

  async open(hash = "") {
    await this.page.goto(this.site.url(hash, this.host));
  }

  /** The page is there, a model is loaded, the text has run; all panels are made. */
  async ready(ms = 40_000) {
    await this.started(ms);
    await this.id("details").waitFor({ timeout: ms, state: "attached" });
    await this.settled(ms);
  }

  /** The first map is there. */
  async started(ms = 40_000) {
    await this.id("prompt").waitFor({ timeout: ms });
    await this.settled(ms);
  }

  /** Nothing is running or loading, and what is shown belongs to the last text. */
  async settled(ms = 30_000) {
    await this.page
      .waitForFunction(() => document.documentElement.dataset.state === "ready", undefined, { timeout: ms, polling: 20 })
      .catch(async (err) => {
        const [state, faults] = [await this.state().catch(() => "gone"), await this.faults().catch(() => [])];
        throw new Error(`the page stays "${state}" for ${ms / 1000} s; on screen: ${faults.join(" / ") || "no fault"}`, { cause: err });
      });
  }

  state() {
    return this.page.evaluate(() => document.documentElement.dataset.state);
  }

  async type(text) {
    await this.id("prompt").fill(text);
  }

  tokens() {
    return this.id("token-strip").locator("[data-idx]");
  }

  candidates() {
    return this.page.locator('[data-testid^="prediction-"]');
  }

  async modelTitle() {
    return (await this.id("model-picker").locator("bdi").innerText()).trim();
  }

  async loaded(pattern, ms = 20_000) {
    await until(
      async () => {
        const [fault] = await this.faults();
        if (fault) throw new Error(`the page says: ${fault}`);
        return pattern.test(await this.modelTitle());
      },
      `a model called ${pattern}`,
      ms,
    );
    await this.settled();
  }

  /** Chooses one of the models beside the page. */
  async chooseModel(name) {
    await this.pick(() => this.id(`model-offer-${name}`).click());
  }

  /** Opens the model picker, where it is closed, and acts in it. */
  async pick(act) {
    const picker = this.page.locator("details", { has: this.id("model-picker") });
    if (!(await picker.evaluate((details) => details.open))) await this.id("model-picker").click();
    await act();
  }

  /** Texts of all faults on screen. */
  async faults() {
    const texts = await this.id("fault").allInnerTexts();
    return texts.map((text) => text.replace(/\s+/g, " ").trim()).filter(Boolean);
  }

  /** The text of the faults, once there are any. */
  async fault(ms = 20_000) {
    return until(async () => (await this.faults()).join(" "), "a fault on screen", ms);
  }

  async loadedOrFault(pattern, ms) {
    return until(
      async () => {
        const [fault] = await this.faults();
        if (fault) return { fault };
        return pattern.test(await this.modelTitle()) && { title: await this.modelTitle() };
      },
      `a model called ${pattern} or a fault`,
      ms,
    );
  }

  /** name → bytes, as if chosen in the file dialogue. */
  async openFiles(files) {
    const list = Object.entries(files).map(([name, bytes]) => ({
      name,
      mimeType: "application/octet-stream",
      buffer: Buffer.from(bytes),
    }));
    await this.id("model-files").setInputFiles(list);
  }

  /** Opens what cannot be opened; answers with what is said about it. */
  async openBroken(files) {
    await this.dismiss();
    await this.openFiles(files);
    return this.fault();
  }

  /** Closes the faults that are on screen. */
  async dismiss() {
    await until(
      async () => {
        const buttons = await this.id("fault").getByRole("button", { name: "Dismiss" }).all();
        if (!buttons.length) return true;
        await buttons[0].click();
        return false;
      },
      "the faults close",
      5000,
    );
  }

  async loadFromHub(repo) {
    await this.pick(async () => {
      await this.id("model-hub").fill(repo);
      await this.id("model-load").click();
    });
  }

  /** The badge, and what it says when it is opened. */
  async engineWhy() {
    const badge = await this.id("engine-badge").innerText();
    const details = this.page.locator("details", { has: this.id("engine-badge") });
    return { badge: badge.trim(), why: await details.evaluate((one) => one.querySelector(".drop-body").textContent) };
  }

  async tab(name) {
    await this.id(`tab-${name}`).click();
    await until(() => this.isTab(name), `the tab ${name} is chosen`, 5000);
  }

  async isTab(name) {
    return (await this.id(`tab-${name}`).getAttribute("aria-selected")) === "true";
  }

  /** A panel's menu. */
  async menu(panel, item) {
    await this.id(`menu-${panel}`).click();
    await this.id(panel).getByRole("button", { name: item, exact: true }).click();
  }

  /** The rows of a panel's table: label and numbers; what is not seen is null. */
  async table(panel) {
    await this.menu(panel, "Table");
    // A panel within it has a table of its own, which comes later.
    const dialog = this.id(panel).getByTestId("table").first();
    await dialog.locator("tbody tr").first().waitFor();
    const rows = await dialog.evaluate((one) =>
      [...one.querySelectorAll("tbody tr")].map((row) => [...row.children].map((cell) => cell.textContent)),
    );
    await dialog.getByRole("button", { name: "Close" }).click();
    return rows;
  }

  /** The exact values of the large head, row by row. */
  async headValues() {
    const rows = await this.table("head");
    return rows.map(([, ...cells]) =>
      cells.map((text) => (Number.isNaN(number(text)) || text.trim() === "" ? null : number(text))),
    );
  }

  /** The pixels of an element as they are on screen. */
  async pixels(name) {
    const png = await this.id(name).screenshot();
    return png.toString("base64");
  }

  /** Saves what a panel's menu offers; answers with its name and bytes. */
  async exported(panel, kind) {
    const saved = this.page.waitForEvent("download");
    await this.menu(panel, EXPORTS[kind]);
    const download = await saved;
    const file = await download.path();
    check(file, "the download is complete");
    return { name: download.suggestedFilename(), bytes: readFileSync(file) };
  }

  /** Compares the text and sentences; the cosines, row by row, the text first. */
  async similarity(sentences) {
    await this.id("similarity-texts").fill(sentences.join("\n"));
    await this.id("similarity-matrix").waitFor();
    const starts = ["", ...sentences].map((text) => text.slice(0, 8));
    const rows = await until(
      async () => {
        const rows = await this.table("similarity");
        return rows.length === starts.length && rows.every(([label], at) => label.startsWith(starts[at])) && rows;
      },
      "a row a sentence",
    );
    return rows.map(([, ...cells]) => cells.map(number));
  }
}
