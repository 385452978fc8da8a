// A model from the hub by its id: the way there, and every way in which it fails. The hub is
// a stand-in under the hub's own name.

import { check, until } from "../lib/check.mjs";
import { gpt2, small } from "../lib/fixtures.mjs";
import { sha256 } from "../lib/hub.mjs";

const REPO = "ada/small";
const resolved = /\/resolve\/|\/raw\//;
const failed = /Failed to load resource|net::ERR|CORS policy/;

/** More than the 8 MiB that are kept as one piece. */
const large = () => gpt2({ d: 256, layers: 6 });
const WEIGHTS = /xethub.*model\.safetensors$/;

/** First byte of each request for the weights since `from`; 0 where all of them were asked for. */
const starts = (hub, from = 0) =>
  hub.log
    .slice(from)
    .filter(({ host, path }) => WEIGHTS.test(`//${host}${path}`))
    .map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range ?? "bytes=0-")?.[1]));

const verified = async (explorer) => {
  await explorer.tab("card");
  return explorer.id("card").first().innerText();
};

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
      const n_asked = hub.log.filter(({ host, path }) => rule.match.test(`//${host}${path}`)).length;
      check([more.asked ?? 1].flat().includes(n_asked), `what was refused was asked for ${n_asked} times`);
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
    check(/verified\s+yes, by the sha256 that the hub publishes/.test(card), `the card says who vouches: ${card}`);
    check(/model\.safetensors[^\n]*\s+as published/.test(card), `the weights' hash is the published one: ${card}`);
  }),
  hubCase("verified-by-the-header-alone", async ({ page, explorer, hub }) => {
    hub.put(REPO, gpt2({ seed: 4 }), { published: "header" });
    await explorer.open();
    await explorer.ready();
    await explorer.loadFromHub(REPO);
    await explorer.loaded(/small/i);
    check(/yes, by the sha256 that the hub/.test(await verified(explorer)), "the hub's header vouches");
    await page.reload();
    await explorer.ready();
    await explorer.loaded(/small/i);
    check(/yes, by the sha256 that the hub/.test(await verified(explorer)), "and so it does from the cache");
  }),
  hubCase("not-verified-where-nobody-vouches", async ({ explorer, hub }) => {
    const files = gpt2({ seed: 5 });
    hub.put(REPO, files, { published: "nowhere" });
    await explorer.open();
    await explorer.ready();
    await explorer.loadFromHub(REPO);
    await explorer.loaded(/small/i);
    const card = await verified(explorer);
    check(/not verified/.test(card), `the card says that nobody vouches: ${card}`);
    check(card.includes(sha256(files["model.safetensors"])), "and shows the hash that was computed");
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
    "resumes-by-range",
    async ({ explorer, hub }) => {
      const files = large();
      hub.put(REPO, files);
      const size = files["model.safetensors"].length;
      await explorer.open();
      await explorer.ready();
      hub.rules.add({ match: WEIGHTS, truncate: Math.round(size * 0.6), times: 1 });
      await explorer.loadFromHub(REPO);
      await explorer.loaded(/small/i, 40_000);
      const [first, second, ...more] = starts(hub);
      check(first === 0 && more.length === 0, `asked from ${[first, second, ...more]}`);
      check(second > size * 0.3 && second <= Math.round(size * 0.6), `of ${size} bytes the rest was asked for from ${second}`);
      check(/as published/.test(await verified(explorer)), "what was joined has the published hash");
    },
    { timeout: 90_000 },
  ),
  hubCase(
    "resumes-after-cancel-and-after-a-reload",
    async ({ page, explorer, hub }) => {
      const files = large();
      hub.put(REPO, files);
      await explorer.open();
      await explorer.ready();
      hub.rules.add({ match: WEIGHTS, rate: 4e6, times: 2 });
      await explorer.loadFromHub(REPO);
      const received = async () => Number(/, ([\d.]+)\s*MB of/.exec(await page.getByTestId("model-progress").innerText())?.[1] ?? 0);
      await until(async () => (await received()) > 3, "some megabytes came");
      await page.getByTestId("model-cancel").click();
      await page.getByTestId("model-progress").waitFor({ state: "hidden" });
      const n_before = hub.log.length;
      await explorer.loadFromHub(REPO);
      await until(async () => (await received()) > 10, "more than a piece came");
      const [second] = starts(hub, n_before);
      check(second > 2e6, `after the cancellation it goes on from ${second}`);
      // The page goes away in the middle.
      const n_seen = hub.log.length;
      await page.reload();
      await explorer.ready();
      await explorer.loadFromHub(REPO);
      await explorer.loaded(/small/i, 40_000);
      const [third] = starts(hub, n_seen);
      check(third >= second, `after the reload it goes on from ${third}, where ${second} was there before`);
      check(/as published/.test(await verified(explorer)), "what was joined has the published hash");
      const left = await page.evaluate(async () => {
        const cache = await caches.open("vitrine-models-1");
        return (await cache.keys()).map(({ url }) => url).filter((url) => url.includes("/piece/"));
      });
      check(left.length === 0, `pieces are left in the cache: ${left}`);
    },
    { timeout: 90_000 },
  ),
  hubCase(
    "starts-over-where-range-is-ignored",
    async ({ explorer, hub }) => {
      const files = large();
      hub.put(REPO, files);
      await explorer.open();
      await explorer.ready();
      hub.rules.add({ match: WEIGHTS, truncate: files["model.safetensors"].length >> 1, ignoreRange: true, times: 1 });
      hub.rules.add({ match: WEIGHTS, ignoreRange: true });
      await explorer.loadFromHub(REPO);
      await explorer.loaded(/small/i, 40_000);
      const [first, second, ...more] = starts(hub);
      check(first === 0 && second > 0 && more.length === 0, `asked from ${[first, second, ...more]}`);
      check(/as published/.test(await verified(explorer)), "what came whole has the published hash");
    },
    { timeout: 90_000 },
  ),
  hubCase(
    "offline-in-the-middle",
    async ({ explorer, hub }) => {
      const files = large();
      hub.put(REPO, files);
      await explorer.open();
      await explorer.ready();
      hub.rules.add({ match: WEIGHTS, truncate: files["model.safetensors"].length >> 1, times: 1 });
      hub.rules.add({ match: WEIGHTS, drop: true });
      await explorer.loadFromHub(REPO);
      const text = await explorer.fault();
      check(/MB are kept: load it again/.test(text), `the message says what is kept: "${text}"`);
      hub.rules.clear();
      const n_before = hub.log.length;
      await explorer.loadFromHub(REPO);
      await explorer.loaded(/small/i, 40_000);
      const [start] = starts(hub, n_before);
      check(start > 1e6, `it goes on from ${start}`);
    },
    { timeout: 90_000 },
  ),
  hubCase("a-damaged-copy-in-the-cache", async ({ page, explorer, hub }) => {
    hub.put(REPO, gpt2());
    await explorer.open();
    await explorer.ready();
    await explorer.loadFromHub(REPO);
    await explorer.loaded(/small/i);
    await page.evaluate(async () => {
      const cache = await caches.open("vitrine-models-1");
      for (const request of await cache.keys()) {
        if (!request.url.endsWith("model.safetensors") || !request.url.includes("/hub/")) continue;
        const kept = await cache.match(request);
        const bytes = new Uint8Array(await kept.arrayBuffer());
        bytes[5000] ^= 1;
        await cache.put(request, new Response(bytes, { headers: kept.headers }));
      }
    });
    await page.reload();
    const text = await explorer.fault();
    check(/model\.safetensors/.test(text) && /sha256/.test(text), `the message is "${text}"`);
    await explorer.loadFromHub(REPO);
    await explorer.loaded(/small/i);
  }),
  refused("wrong-bytes", { match: /xethub.*model\.safetensors$/, flip: 5000 }, [/model\.safetensors/, /sha256|hash/i]),
  refused("401", { match: /./, status: 401 }, [/401/, /sign-in|private/i]),
  refused("403", { match: resolved, status: 403 }, [/403/, /forbid/i]),
  refused("gated", { match: resolved, status: 401, headers: { "X-Error-Code": "GatedRepo" } }, [/gated|terms/i]),
  refused("404-repo", { match: /./, status: 404 }, [/404/, /no such|there is no/i]),
  refused("429", { match: /./, status: 429, headers: { "Retry-After": "1" } }, [/429/, /too many/i], { timeout: 90_000, wait: 70_000, asked: 4 }),
  refused("500", { match: /./, status: 500 }, [/500/, /server|hub/i], { timeout: 90_000, wait: 70_000, asked: 4 }),
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
  refused("connection-dropped", { match: /./, drop: true }, [/network|connection|reach|offline/i], { asked: [1, 2], timeout: 90_000, wait: 70_000 }),
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
