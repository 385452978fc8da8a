// Keeps one build of the page, whole, for use without a network. Models are not kept here:
// the page stores those that the visitor loads.

const BUILD = "unbuilt";
const FILES = /* files */ [];
const CACHE = `vitrine-page-${BUILD}`;
const scope = new URL("./", self.location.href).href;
const kept = new Set([scope, ...FILES.map((name) => new URL(name, scope).href)]);

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    // Past the HTTP cache, which may still hold the page of the build before.
    await cache.addAll([...kept].map((url) => new Request(url, { cache: "no-cache" })));
    // The first visit asked for the list of models before this worker was there to keep it.
    await cache.add(`${scope}models/index.json`).catch(() => {});
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith("vitrine-page-") && name !== CACHE) await caches.delete(name);
    }
    await self.clients.claim();
  })());
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(scope)) return;
  const url = request.url.split(/[?#]/)[0];
  const wanted = url === `${scope}index.html` ? scope : url;
  if (kept.has(wanted)) event.respondWith(fromBuild(wanted, request));
  else if (wanted === `${scope}models/index.json`) event.respondWith(freshOrKept(request));
});

// All files of a page come from one build, so that an update never mixes two.
async function fromBuild(url, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(url)) ?? fetch(request);
}

async function freshOrKept(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const old = await cache.match(request);
    if (old) return old;
    throw error;
  }
}
