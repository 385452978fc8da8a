// Watches a page for what must never happen, whatever the case is about: errors in the
// console, uncaught errors, violations of the content policy, requests to third parties, and
// a main thread that is held up.

const INIT = () => {
  const seen = (globalThis.__watched ??= { violations: [], tasks: [] });
  document.addEventListener("securitypolicyviolation", (event) => {
    seen.violations.push(`${event.violatedDirective} blocked ${event.blockedURI} (${event.sample})`);
  });
  if (PerformanceObserver.supportedEntryTypes.includes("longtask")) {
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        seen.tasks.push({ start: entry.startTime, ms: entry.duration });
      }
    }).observe({ type: "longtask", buffered: true });
  }
};

export class Watch {
  problems = [];
  #allowed;

  /** `allow`: patterns of console errors and failing addresses that the case provokes. */
  constructor(context, { origin, hub = false, allow = [] }) {
    this.#allowed = allow;
    const mine = [origin, ...(hub ? ["https://huggingface.co", "https://cas-bridge.xethub.hf.co"] : [])];
    const isMine = (url) => /^(data|blob|about|chrome-error):/.test(url) || mine.some((o) => url.startsWith(o));
    context.on("request", (request) => {
      if (!isMine(request.url())) this.problems.push(`third-party request: ${request.url()}`);
    });
    context.on("page", (page) => this.#attach(page));
    this.ready = context.addInitScript(INIT);
  }

  #attach(page) {
    page.on("pageerror", (err) => this.#add(`uncaught: ${err.message}`));
    page.on("crash", () => this.problems.push("the page crashed"));
    page.on("console", (message) => {
      const where = message.location()?.url ?? "";
      if (message.type() === "error") this.#add(`console: ${message.text()} ${where}`);
      else if (/Content Security Policy|Trusted ?Type/i.test(message.text())) this.#add(message.text());
    });
  }

  #add(text) {
    if (!this.#allowed.some((pattern) => pattern.test(text))) this.problems.push(text);
  }

  /** Adds what the page itself saw, and returns all problems. */
  async end(page) {
    const violations = await page.evaluate(() => globalThis.__watched?.violations ?? []).catch(() => []);
    this.problems.push(...violations.map((text) => `policy: ${text}`));
    return this.problems;
  }
}

/** Milliseconds of every task over 50 ms that ran on the page's thread while `work` went on. */
export async function longTasks(page, work) {
  const from = await page.evaluate(() => performance.now());
  await work();
  // The observer reports a task after it ended: give it one turn.
  await page.waitForTimeout(100);
  return page.evaluate(
    (from) => globalThis.__watched.tasks.filter((task) => task.start >= from).map((task) => task.ms),
    from,
  );
}
