// The models that were fetched, as a site lists them.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const MANIFEST = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../assets/models/manifest.json");

/** The list of the fetched models, as the site's builder writes it from the manifest. */
export function indexOf(folder) {
  const beside = path.join(folder, "manifest.json");
  const manifest = existsSync(beside) ? beside : MANIFEST;
  const { models } = JSON.parse(readFileSync(manifest, "utf8"));
  const isThere = ({ name, files }) => files.every((file) => existsSync(path.join(folder, name, file.path)));
  const present = models.filter(isThere);
  if (!present.length) throw new Error(`${folder} holds no model of the manifest; fetch them with \`cargo xtask models\``);
  const entries = present.map(({ name, title, licence, origin, files }) => ({
    name,
    title,
    licence,
    origin,
    files: files.map(({ path, size, sha256 }) => ({ path, size, sha256 })),
  }));
  return Buffer.from(JSON.stringify({ models: entries }));
}
