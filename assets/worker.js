// The engine's thread: takes the build of the engine that this browser's WebAssembly can run,
// and keeps the way to the tokenizer's module, which is fetched when the first model needs it.
// Its name says what it is for: the Explorer, the Lab, or a room.

// (module (func (result v128) (i8x16.relaxed_swizzle (v128.const 1) (v128.const 2))))
const relaxedModule = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253,
  15, 65, 2, 253, 15, 253, 128, 2, 11,
];

// Where the engine is built in parts (`cargo xtask dist`), these are the numbers of that for the
// processor, that for WebGPU, and what the first map needs neither way.
const [ON_CPU, ON_GPU, LATER] = [0, 1, 2];

// The page says so once its first map is on screen; the engine does not hear it.
const REST = "rest";
self.addEventListener("message", (event) => {
  if (event.data !== REST) return;
  event.stopImmediatePropagation();
  loadRest();
});

function loadRest() {
  // What fails here is loaded again when it is called.
  for (const part of [LATER, ON_CPU, ON_GPU]) engine?.openPart?.(part).catch(() => {});
}

const start = { lab: "startLab", room: "startRoom" }[self.name];
let engine;

// What arrives before the engine listens is kept for it.
const early = [];
const keep = (event) => early.push(event.data);
self.addEventListener("message", keep);

// A trap in a promise reaches the page as a trap in a handler does.
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  setTimeout(() => {
    throw event.reason;
  });
});

// The compiled module is kept: after a trap it starts anew, under an address of its own, since
// the old one's memory is in a state that nobody knows.
let compiled;
let n_opened = 0;
async function openTokenizer() {
  const script = new URL("./tokenizer.js", import.meta.url);
  const module = new URL("./tokenizer_bg.wasm", import.meta.url);
  compiled ??= WebAssembly.compileStreaming(fetch(module)).catch(async () => {
    // Where a server sends another type than application/wasm.
    return WebAssembly.compile(await (await fetch(module)).arrayBuffer());
  });
  try {
    const wasm = await compiled;
    if (n_opened > 0) script.search = `again=${n_opened}`;
    const tokenizer = await import(script);
    await tokenizer.default({ module_or_path: wasm });
    n_opened += 1;
    return tokenizer;
  } catch (error) {
    compiled = undefined;
    throw error;
  }
}

const relaxed = WebAssembly.validate(new Uint8Array(relaxedModule));
try {
  engine = relaxed ? await import("./engine-relaxed.js") : await import("./engine.js");
  const module = relaxed ? "./engine-relaxed_bg.wasm" : "./engine_bg.wasm";
  const part = navigator.gpu ? ON_GPU : ON_CPU;
  const fetching = engine.fetchPart?.(part);
  fetching?.catch(() => {});
  await engine.default({ module_or_path: new URL(module, import.meta.url) });
  if (fetching) await engine.openPart(part);
  if (start) {
    engine[start](openTokenizer);
    // Neither is part of the first map.
    loadRest();
  } else engine.start(openTokenizer);
} catch (error) {
  // As app/src/wire.rs packs FromWorker::Fault: its number, that of its place, two texts, no facts; or
  // FromLab::Fault: its number, two texts, no field; FromRoom::Fault: its number, two texts, no ask.
  const text = (words) => {
    const bytes = [...new TextEncoder().encode(words)];
    return [(bytes.length & 127) | 128, bytes.length >> 7, ...bytes];
  };
  const fault = [
    ...(start ? [0] : [15, 0]),
    ...text(`The engine could not be loaded: ${error.message}`.slice(0, 4000)),
    ...text("Check the connection, then reload. If it stays, the site was not copied completely."),
    0,
  ];
  self.postMessage([Uint8Array.from(fault), null]);
  throw error;
}

self.removeEventListener("message", keep);
for (const data of early) self.dispatchEvent(new MessageEvent("message", { data }));
