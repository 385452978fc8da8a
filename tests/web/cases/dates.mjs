// Encoder–decoders that are trained here: dates that are typed are written as year-month-day, numbers in words in figures.

import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { equal, near } from "../lib/check.mjs";

const MODELS = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../assets/models");
const FILES = ["config.json", "model.safetensors", "tokenizer.json"];
/** What is typed and written: first, and then. */
const DATES = [["tuesday, 24th of december 1912", "1912-12-24"], ["3 may 2041", "2041-05-03"]];
const NUMBERS = [["three hundred and twelve thousand and forty-five", "312045"], ["seventy-nine", "79"]];

const number = (text) => Number(text.trim().replace("−", "-"));
const sum = (values) => values.reduce((total, value) => total + value, 0);
const written = async (explorer) => (await explorer.id("target").inputValue()).replaceAll(" ", "");

const open = ([name, what, [first, then]]) => ({
  name: `${name}-writes-a-${what}`,
  models: { [name]: { title: name, files: Object.fromEntries(FILES.map((file) => [file, readFileSync(path.join(MODELS, name, file))])) } },
  run: async ({ explorer }) => {
    await explorer.open(`#t=${encodeURIComponent(first[0])}`);
    await explorer.ready();
    equal(await written(explorer), first[1], "what is written");
    const shares = (await explorer.table("alignment")).map(([, ...row]) => row.map(number));
    equal(shares[0].length, first[0].length + 1, "columns of the source and its end");
    for (const row of shares) near(sum(row), 1, 1e-3, "shares of a row");
    await explorer.type(then[0]);
    await explorer.settled();
    equal(await written(explorer), then[1], `what is written of another ${what}`);
    equal(await explorer.faults(), [], "no fault");
  },
});

export default [["dates-gru", "date", DATES], ["dates-transformer", "date", DATES], ["numbers-gru", "number", NUMBERS]].map(open);
