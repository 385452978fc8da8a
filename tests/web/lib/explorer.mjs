// The Explorer as a visitor meets it: what the cases do to it and what they read off it. All
// that depends on the page's markup is here.

import { readFileSync } from "node:fs";

import { check, until } from "./check.mjs";

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

  /** The page is there, a model is loaded, the text has run. */
  async ready(ms = 40_000) {
    await this.id("prompt").waitFor({ timeout: ms });
    await this.settled(ms);
  }

  /** Nothing is running or loading, and what is shown belongs to the last text. */
  async settled(ms = 30_000) {
    await this.page.waitForFunction(
      () => document.querySelector("[data-state]")?.dataset.state === "ready",
      undefined,
      { timeout: ms, polling: 20 },
    );
  }

  state() {
    return this.page.evaluate(() => document.querySelector("[data-state]")?.dataset.state);
  }

  async type(text) {
    await this.id("prompt").fill(text);
  }

  modelTitle() {
    return this.id("model-title").innerText();
  }

  async loaded(pattern, ms = 20_000) {
    await until(async () => pattern.test(await this.modelTitle()), `a model called ${pattern}`, ms);
    await this.settled();
  }

  /** Texts of all alerts on screen. */
  async faults() {
    const alerts = await this.page.getByRole("alert").all();
    const texts = await Promise.all(alerts.map((alert) => alert.innerText().catch(() => "")));
    return texts.map((text) => text.trim()).filter(Boolean);
  }

  /** The text of the alerts, once there are any. */
  async fault(ms = 20_000) {
    return until(async () => (await this.faults()).join(" "), "an alert", ms);
  }

  async loadedOrFault(pattern, ms) {
    return until(
      async () => {
        const [fault] = await this.faults();
        if (fault) return { fault };
        return pattern.test(await this.modelTitle()) && { title: await this.modelTitle() };
      },
      `a model called ${pattern} or an alert`,
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
    await this.id("open-files").setInputFiles(list);
  }

  /** Opens what cannot be opened; answers with what is said about it. */
  async openBroken(files) {
    await this.dismiss();
    await this.openFiles(files);
    return this.fault();
  }

  /** Closes the alerts that are on screen. */
  async dismiss() {
    for (const button of await this.id("fault-dismiss").all()) await button.click().catch(() => {});
    await until(async () => (await this.faults()).length === 0, "the alerts close");
  }

  async loadFromHub(repo) {
    await this.id("hub-repo").fill(repo);
    await this.id("hub-load").click();
  }

  async engineWhy() {
    return { badge: await this.id("engine-badge").innerText(), why: await this.id("engine-why").innerText() };
  }

  async tab(name) {
    await this.id(`tab-${name}`).click();
    await this.id(`panel-${name}`).waitFor();
  }

  /** The exact values of the large head, row by row, from its table. */
  headValues() {
    return this.id("head-table").evaluate((table) =>
      [...table.querySelectorAll("tbody tr")].map((row) =>
        [...row.querySelectorAll("td")].map((cell) => Number(cell.dataset.value ?? cell.textContent)),
      ),
    );
  }

  /** A checksum of the pixels of an element as they are on screen. */
  async pixels(name) {
    const png = await this.id(name).screenshot();
    return png.toString("base64");
  }

  /** Chooses an export in the menu of a panel. */
  async exportOf(panel, kind) {
    const scope = this.id(panel);
    await scope.getByTestId("panel-menu").click();
    await this.id(`export-${kind}`).click();
  }

  /** Saves what the page offers for download; answers with its name and bytes. */
  async download(click) {
    const [download] = await Promise.all([this.page.waitForEvent("download"), click()]);
    const file = await download.path();
    check(file, "the download is complete");
    return { name: download.suggestedFilename(), bytes: readFileSync(file) };
  }
}
