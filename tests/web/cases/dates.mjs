// Encoder–decoders that are trained here: dates that are typed are written as year-month-day.

import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { equal, near } from "../lib/check.mjs";

const MODELS = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../assets/models");
const FILES = ["config.json", "model.safetensors", "tokenizer.json"];
const SOURCE = "tuesday, 24th of december 1912";

const number = (text) => Number(text.trim().replace("−", "-"));
const sum = (values) => values.reduce((total, value) => total + value, 0);
const written = async (explorer) => (await explorer.id("target").inputValue()).replaceAll(" ", "");

const open = (name) => ({
  name: `${name}-writes-a-date`,
  models: { [name]: { title: name, files: Object.fromEntries(FILES.map((file) => [file, readFileSync(path.join(MODELS, name, file))])) } },
  run: async ({ explorer }) => {
    await explorer.open(`#t=${encodeURIComponent(SOURCE)}`);
    await explorer.ready();
    equal(await written(explorer), "1912-12-24", "what is written");
    const shares = (await explorer.table("alignment")).map(([, ...row]) => row.map(number));
    equal(shares[0].length, SOURCE.length + 1, "columns of the source and its end");
    for (const row of shares) near(sum(row), 1, 1e-3, "shares of a row");
    await explorer.type("3 may 2041");
    await explorer.settled();
    equal(await written(explorer), "2041-05-03", "what is written of another date");
    equal(await explorer.faults(), [], "no fault");
  },
});

export default ["dates-gru", "dates-transformer"].map(open);
