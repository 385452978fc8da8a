// The machines of the rooms on WebGPU: what must hold holds there, too.

import { check, equal, until } from "../lib/check.mjs";
import { Room } from "../lib/room.mjs";

const MACHINES = [
  ["04", "&r-from=random"],
  ["10", "&r-from=random&r-mask=none"],
  ["10-text", ""],
];

export default MACHINES.map(([of, more]) => ({
  name: `room-${of}`,
  graphics: "gpu",
  timeout: 180_000,
  run: async ({ page, explorer }) => {
    const room = new Room(page, explorer);
    await room.open(Number(of.slice(0, 2)), `&engine=gpu${more}`);
    const { badge, why } = await explorer.engineWhy();
    check(/GPU/.test(badge), `the engine: "${badge}", "${why}"`);
    const verdicts = await until(async () => {
      const verdicts = await room.verdicts();
      return verdicts.length > 0 && verdicts.every(Boolean) && verdicts;
    }, "the machine ran", 90_000);
    equal(verdicts.filter((verdict) => verdict !== "holds").join(), "", "what must hold");
    const errors = (await room.errors()).filter((error) => error !== null);
    check(errors.length > 0 && errors.every((error) => error >= 0 && error <= 1e-5), `errors: ${errors}`);
  },
}));
