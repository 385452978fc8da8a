// Parts of this module that the first attention map does not need.
const laterParts = ["PARTS"].map((name) => ({ url: new URL(name, import.meta.url) }));
function linkPart(part, module) {
if (part.linked) return;
new WebAssembly.Instance(module, { v: wasm });
part.linked = true;
}
function loadPart(number) {
const part = laterParts[number];
if (part.linked) return;
const request = new XMLHttpRequest();
request.open("GET", part.url, false);
if ("document" in globalThis) request.overrideMimeType("text/plain; charset=x-user-defined");
else request.responseType = "arraybuffer";
try {
request.send();
if (request.status !== 200) throw new Error(`the server answers ${request.status}`);
const got = request.response;
const bytes = typeof got === "string" ? Uint8Array.from(got, (c) => c.charCodeAt(0) & 255) : got;
linkPart(part, new WebAssembly.Module(bytes));
} catch (error) {
throw new WebAssembly.RuntimeError(`${part.url.pathname.split("/").pop()} could not be loaded: ${error.message}`);
}
}
export function fetchPart(number) {
const part = laterParts[number];
part.module ??= fetch(part.url, { credentials: "same-origin" }).then(async (response) => {
if (!response.ok) throw new Error(`${part.url} answers ${response.status}`);
return WebAssembly.compile(await response.arrayBuffer());
});
part.module.catch(() => { part.module = undefined; });
return part.module;
}
export async function openPart(number) {
linkPart(laterParts[number], await fetchPart(number));
}
