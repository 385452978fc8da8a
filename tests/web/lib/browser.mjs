// Debian's Chromium, started as the tests need it.

import { chromium } from "playwright-core";

import { HUB_HOSTS } from "./hub.mjs";

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Host name that is this machine, but no secure context: a class-room server by plain http. */
export const CLASSROOM = "classroom.test";

/**
 * Kinds of graphics:
 * gpu      WebGPU on SwiftShader, and it can be presented on a canvas
 * present-dies  WebGPU on SwiftShader for compute; the GPU process dies at the first present
 * none     navigator.gpu is there but offers no adapter
 */
const GRAPHICS = {
  gpu: [
    "--enable-unsafe-webgpu",
    "--use-angle=swiftshader",
    "--use-vulkan=swiftshader",
    "--enable-features=Vulkan,CDPScreenshotNewSurface",
    "--ignore-gpu-blocklist",
  ],
  "present-dies": ["--enable-unsafe-webgpu"],
  none: ["--disable-gpu", "--disable-features=WebGPU"],
};

export async function launch(graphics, { hubPort = 9, extra = [] } = {}) {
  const mapped = HUB_HOSTS.map((host) => `MAP ${host} 127.0.0.1:${hubPort}`);
  const rules = [...mapped, `MAP ${CLASSROOM} 127.0.0.1`, "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"];
  return chromium.launch({
    executablePath: EXECUTABLE,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--host-resolver-rules=${rules.join(", ")}`,
      ...GRAPHICS[graphics],
      ...extra,
    ],
  });
}
