// A model from the hub by its id: the way there, and every way in which it fails. The hub is
// a stand-in under the hub's own name.

import { check, until } from "../lib/check.mjs";
import { gpt2, small } from "../lib/fixtures.mjs";
import { sha256 } from "../lib/hub.mjs";

const REPO = "ada/small";
const resolved = /\/resolve\/|\/raw\//;
const failed = /Failed to load resource|net::ERR|CORS policy/;

const hubCase = (name, run, more = {}) => ({ name, hub: true, allow: [failed], run, ...more });

/** The hub does `rule`; the page must say `words` and keep its model. */
const refused = (name, rule, words, more = {}) =>
  hubCase(
    name,
    async ({ explorer, hub }) => {
      hub.put(REPO, { ...gpt2(), "README.md": Buffer.from("# Small") });
      await explorer.open();
      await explorer.ready();
      const title = await explorer.modelTitle();
      hub.rules.add(rule);
      await explorer.loadFromHub(REPO);
      const text = await explorer.fault(more.wait ?? 20_000);
      for (const word of words) check(word.test(text), `the message "${text}" lacks ${word}`);
      check((await explorer.modelTitle()) === title, "the model that was there stays");
    },
    more,
  );

export default [
  hubCase("loads-with-facts", async ({ page, explorer, hub }) => {
    const files = gpt2({ seed: 3 });
    const commit = hub.put(REPO, files);
    await explorer.open();
    await explorer.ready();
    await explorer.loadFromHub(REPO);
    await explorer.loaded(/small/i);
    check((await explorer.faults()).length === 0, "no fault is shown");
    await explorer.tab("card");
    const card = await page.getByTestId("card").first().innerText();
    check(card.includes(commit.slice(0, 7)), `the card names the commit ${commit}: ${card}`);
    check(card.includes(sha256(files["model.safetensors"]).slice(0, 8)), `the card names the hash: ${card}`);
    check(/not verified|no published hash/i.test(card), `the card says that no one vouches: ${card}`);
  }),
  hubCase("no-request-before-it-is-asked", async ({ explorer, hub }) => {
    await explorer.open();
    await explorer.ready();
    check(hub.log.length === 0, `asked the hub for ${hub.log.map(({ path }) => path)}`);
  }),
  hubCase("progress-and-cancel", async ({ page, explorer, hub }) => {
    hub.put(REPO, gpt2({ d: 64, layers: 6 }));
    await explorer.open();
    await explorer.ready();
    const title = await explorer.modelTitle();
    hub.rules.add({ match: /xethub.*model\.safetensors$/, rate: 200_000 });
    await explorer.loadFromHub(REPO);
    const progress = page.getByTestId("model-progress");
    await progress.waitFor();
    await until(async () => /\d/.test(await progress.innerText()) && /B\b/.test(await progress.innerText()), "bytes are told");
    await page.getByTestId("model-cancel").click();
    await progress.waitFor({ state: "hidden", timeout: 3000 });
    check((await explorer.modelTitle()) === title, "the model that was there stays");
    await explorer.type("Still alive");
    await explorer.settled();
  }),
  hubCase(
    "resumes-where-range-is-ignored",
    async ({ explorer, hub }) => {
      const files = gpt2({ d: 64, layers: 6 });
      hub.put(REPO, files);
      const size = files["model.safetensors"].length;
      await explorer.open();
      await explorer.ready();
      hub.rules.add({ match: /xethub.*model\.safetensors$/, truncate: size >> 1, ignoreRange: true, times: 1 });
      hub.rules.add({ match: /xethub.*model\.safetensors$/, ignoreRange: true });
      await explorer.loadFromHub(REPO);
      const done = await explorer.loadedOrFault(/small/i, 40_000);
      if (done.fault) {
        await explorer.loadFromHub(REPO);
        await explorer.loaded(/small/i);
      }
    },
    { timeout: 90_000 },
  ),
  refused("wrong-bytes", { match: /xethub.*model\.safetensors$/, flip: 5000 }, [/model\.safetensors/, /sha256|hash/i]),
  refused("401", { match: /./, status: 401 }, [/401|sign|log ?in|private|gated|token/i]),
  refused("403", { match: resolved, status: 403 }, [/403|licen[cs]e|terms|forbidden|allowed|gated/i]),
  refused("gated", { match: resolved, status: 401, headers: { "X-Error-Code": "GatedRepo" } }, [/gated|terms/i]),
  refused("404-repo", { match: /./, status: 404 }, [/404|no such|not found|does not exist/i]),
  refused("429", { match: /./, status: 429, headers: { "Retry-After": "1" } }, [/429|too many|limit|busy/i], { timeout: 90_000, wait: 70_000 }),
  refused("500", { match: /./, status: 500 }, [/500|server|hub/i], { timeout: 90_000, wait: 70_000 }),
  hubCase(
    "recovers-from-one-503",
    async ({ explorer, hub }) => {
      hub.put(REPO, gpt2());
      await explorer.open();
      await explorer.ready();
      hub.rules.add({ match: /./, status: 503, times: 1 });
      await explorer.loadFromHub(REPO);
      await explorer.loaded(/small/i, 40_000);
    },
    { timeout: 90_000 },
  ),
  refused(
    "captive-portal",
    { match: /./, status: 200, body: "<!doctype html><html><title>Hotel</title>Log in</html>", type: "text/html" },
    [/HTML|web page|log-?in|portal/i],
  ),
  refused("connection-dropped", { match: /./, drop: true }, [/network|connection|reach|offline/i], { timeout: 90_000, wait: 70_000 }),
  hubCase("unknown-repo", async ({ explorer }) => {
    await explorer.open();
    await explorer.ready();
    await explorer.loadFromHub("no/where");
    const text = await explorer.fault();
    check(/no\/where/.test(text), `the message names the repository: "${text}"`);
  }),
  hubCase("hostile-id", async ({ explorer, hub }) => {
    await explorer.open();
    await explorer.ready();
    await explorer.loadFromHub("../../etc/passwd");
    const text = await explorer.fault();
    check(text.length > 10, "something is said");
    check(hub.log.length === 0, "and nothing is asked for");
  }),
  hubCase("gguf-repo", async ({ explorer, hub }) => {
    hub.put(REPO, { "README.md": Buffer.from("#"), "small.Q8.gguf": small().llama });
    await explorer.open();
    await explorer.ready();
    await explorer.loadFromHub(REPO);
    await explorer.loaded(/small/i);
  }),
  hubCase("second-time-from-the-cache", async ({ page, explorer, hub }) => {
    hub.put(REPO, gpt2());
    await explorer.open();
    await explorer.ready();
    await explorer.loadFromHub(REPO);
    await explorer.loaded(/small/i);
    const n_before = hub.log.filter(({ path }) => path.endsWith("model.safetensors")).length;
    await page.reload();
    await explorer.ready();
    await explorer.loaded(/small/i);
    const n_after = hub.log.filter(({ path }) => path.endsWith("model.safetensors")).length;
    check(n_after === n_before, `the weights were fetched ${n_after - n_before} times more`);
  }),
  hubCase("quota-exceeded", async ({ page, context, explorer, site, hub }) => {
    hub.put(REPO, gpt2());
    await explorer.open();
    await explorer.ready();
    const devtools = await context.newCDPSession(page);
    await devtools.send("Storage.overrideQuotaForOrigin", { origin: new URL(site.url()).origin, quotaSize: 1000 });
    await explorer.loadFromHub(REPO);
    await explorer.loaded(/small/i);
  }),
  hubCase(
    "no-cache-by-plain-http",
    async ({ explorer, hub }) => {
      hub.put(REPO, gpt2());
      await explorer.open();
      await explorer.ready();
      await explorer.loadFromHub(REPO);
      await explorer.loaded(/small/i);
    },
    { host: "classroom.test" },
  ),
];
