// Boots the page: checks what the browser can do, loads the page's module, and says in words
// what is missing when it cannot. Leaves `globalThis.vitrine` for the page:
//
//   build             name of this build; "unbuilt" when served from a working copy
//   newWorker(name)   a new worker that holds the engine: "engine" for the Explorer, "lab" to train,
//                     "room" for the rooms
//   addStyle(name)    the link to a style sheet that the first paint does without
//   readRoom(name, f) calls f with the root element of a room's words, or with null and why not
//   fault(title, why) paints a readable panel in place of the page
//   newVersion        true when a newer build waits; the event "vitrine-new-version" tells when
//   reload()          loads the newer build, or just reloads

const build = document.documentElement.dataset.build ?? "unbuilt";
const here = (name) => new URL(name, import.meta.url).href;

// The only scripts that are ever started by address; everything else is a static import.
const workers = [here("./worker.js"), here("./sw.js")];
const allowed = (url) => {
  if (!workers.includes(url)) throw new TypeError(`${url} is no script of this page`);
  return url;
};
// No policy makes markup of a string: every element refuses one, so what a model says can only
// become text.
const policy = globalThis.trustedTypes?.createPolicy("vitrine", { createScriptURL: allowed });
const scriptUrl = (url) => (policy ? policy.createScriptURL(url) : allowed(url));

const vitrine = {
  build,
  newVersion: false,
  newWorker,
  addStyle,
  readRoom,
  fault,
  reload,
};
globalThis.vitrine = vitrine;

let worker;
function newWorker(name) {
  const made = new Worker(scriptUrl(here("./worker.js")), { type: "module", name });
  if (name === "engine") worker = made;
  return made;
}

const styles = {
  home: here("./assets/styles/home.css"),
  lab: here("./assets/styles/lab.css"),
  rooms: here("./assets/styles/rooms.css"),
};
function addStyle(name) {
  const link = element("link", "", { rel: "stylesheet", href: styles[name] });
  document.head.append(link);
  return link;
}

// A room's words are a file of the site; no text of a page is ever read as markup.
const words = {
  "room-01": here("./assets/rooms/01.xhtml"),
  "room-02": here("./assets/rooms/02.xhtml"),
  "room-03": here("./assets/rooms/03.xhtml"),
  "room-04": here("./assets/rooms/04.xhtml"),
  "room-10": here("./assets/rooms/10.xhtml"),
};
function readRoom(name, told) {
  const request = new XMLHttpRequest();
  request.open("GET", words[name]);
  request.responseType = "document";
  request.overrideMimeType("application/xhtml+xml");
  request.onload = () => {
    const root = request.responseXML?.documentElement;
    if (request.status === 200 && root?.localName === "article") told(root, "");
    else told(null, `The server has no words of this room (it answers ${request.status}).`);
  };
  request.onerror = () => told(null, "The words of this room could not be fetched.");
  request.send();
}

/**
 * Loads what the first map did not need, once that is on screen; it would come in its way. The event
 * "vitrine-rest" tells the page when it is there.
 */
function loadRest(page) {
  const root = document.documentElement;
  const tell = () => dispatchEvent(new Event("vitrine-rest"));
  const observer = new MutationObserver(async () => {
    if (root.dataset.state !== "ready") return;
    observer.disconnect();
    worker?.postMessage("rest");
    try {
      await page.openPart?.(0);
      tell();
    } catch {
      // It is loaded again when it is called: when somebody is there to be told why that fails.
      for (const name of ["pointerdown", "keydown"]) addEventListener(name, tell, { once: true });
    }
  });
  observer.observe(root, { attributeFilter: ["data-state"] });
}

/** An error whose message is meant for the visitor. */
class Fault extends Error {}

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** Replaces what is on screen by a panel that says what happened and what to do. */
function fault(title, why, advice = "Reload the page. What you typed is kept in its address.") {
  if (document.getElementById("boot-fault")) return;
  document.getElementById("boot")?.remove();
  const panel = element("main", "", { id: "boot-fault", class: "boot", "data-testid": "boot-fault" });
  const told = element("div", "", { role: "alert" });
  told.append(element("h1", title), element("p", why), element("p", advice));
  const diagnostics = [
    title, why, `build ${build}`, navigator.userAgent, `secure context: ${isSecureContext}`,
    `WebGPU: ${"gpu" in navigator}`, `cores: ${navigator.hardwareConcurrency}`,
  ].join("\n");
  const details = element("details");
  details.append(element("summary", "Diagnostics"), element("pre", diagnostics));
  const reloadButton = element("button", "Reload", { type: "button" });
  reloadButton.addEventListener("click", reload);
  const copyButton = element("button", "Copy diagnostics", { type: "button" });
  copyButton.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(diagnostics);
      copyButton.textContent = "Copied";
    } catch {
      details.open = true;
      getSelection()?.selectAllChildren(details.lastChild);
    }
  });
  const buttons = element("p");
  buttons.append(reloadButton, " ", copyButton);
  panel.append(told, buttons, details);
  document.body.replaceChildren(panel);
  reloadButton.focus();
}

// A trap that no panic hook has told about still ends in words.
addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) fault("The page stopped", event.message);
});
addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof WebAssembly.RuntimeError) {
    fault("The page stopped", String(event.reason));
  }
});

// (module (func (result v128) (i8x16.popcnt (v128.const 0))))
const simdModule = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253,
  15, 253, 98, 11,
];

function checkBrowser() {
  const need = "Vitrine needs a browser of 2023 or later: Chrome or Edge 91, Firefox 89, Safari 16.4.";
  if (typeof WebAssembly !== "object") {
    throw new Fault(`This browser has no WebAssembly, or a setting blocks it. ${need}`);
  }
  if (!WebAssembly.validate(new Uint8Array(simdModule))) {
    throw new Fault(`This browser's WebAssembly has no SIMD instructions. ${need}`);
  }
}

/** Fetches and compiles a module; whatever can go wrong on the way has its own sentence. */
async function compile(url) {
  const name = new URL(url).pathname.split("/").pop();
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin" });
  } catch (error) {
    throw new Fault(`${name} could not be fetched (${error.message}): no network, or something blocks it.`);
  }
  if (!response.ok) {
    throw new Fault(`The server has no ${name} (it answers ${response.status}). The site was not copied completely.`);
  }
  const type = response.headers.get("content-type") ?? "no type";
  try {
    if (type.startsWith("application/wasm")) return await WebAssembly.compileStreaming(response);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const isWasm = [0, 97, 115, 109].every((byte, idx) => bytes[idx] === byte);
    if (!isWasm) {
      throw new Fault(`The server sends something else in place of ${name} (as ${type}). The site was not copied completely, or a login page stands before it.`);
    }
    console.warn(`${name} comes as ${type}; it loads faster as application/wasm`);
    return await WebAssembly.compile(bytes);
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault(`${name} does not compile: ${error.message}`);
  }
}

async function boot() {
  checkBrowser();
  const compiling = compile(here("./page_bg.wasm"));
  // Failing first in the import must not leave this one's failure unheard of.
  compiling.catch(() => {});
  const page = await import("./page.js").catch((error) => {
    throw new Fault(`page.js could not be loaded: ${error.message}`);
  });
  const compiled = await compiling;
  loadRest(page);
  await page.default({ module_or_path: compiled });
  document.getElementById("boot")?.remove();
}

/** Keeps the page usable without a network, and tells when a newer build waits. */
async function keepOffline() {
  if (!("serviceWorker" in navigator)) return;
  if (build === "unbuilt") {
    // A build that was once served at this address must not shadow the working copy.
    for (const old of await navigator.serviceWorker.getRegistrations()) {
      if (here("./").startsWith(old.scope)) await old.unregister();
    }
    return;
  }
  const registration = await navigator.serviceWorker.register(scriptUrl(here("./sw.js")));
  const tell = () => {
    if (!registration.waiting || !navigator.serviceWorker.controller) return;
    vitrine.newVersion = true;
    dispatchEvent(new Event("vitrine-new-version"));
  };
  tell();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", tell);
  });
}

async function reload() {
  const registration = await navigator.serviceWorker?.getRegistration();
  if (registration?.waiting) {
    const taken = new Promise((resolve) => {
      navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true });
    });
    registration.waiting.postMessage("take over");
    await Promise.race([taken, new Promise((resolve) => setTimeout(resolve, 2000))]);
  }
  location.reload();
}

boot().then(
  () => keepOffline().catch((error) => console.warn("no offline copy:", error)),
  (error) => {
    const advice = "Reload once it is mended; the page needs nothing else from you.";
    if (error instanceof Fault) fault("Vitrine could not start", error.message, advice);
    else fault("Vitrine could not start", `${error.name}: ${error.message}`);
  },
);
