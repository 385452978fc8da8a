// Command-line flags, strictly: what is not known is an error.

/** `known`: flag → "value" or "switch". Values are undefined, switches false, when absent. */
export function options(known, args = process.argv.slice(2)) {
  const found = {};
  for (const [flag, kind] of Object.entries(known)) {
    found[flag.slice(2)] = kind === "switch" ? false : undefined;
  }
  for (let idx = 0; idx < args.length; idx += 1) {
    const [flag, inline] = args[idx].split(/=(.*)/s);
    if (!(flag in known)) fail(`${args[idx]} is not understood; there are ${Object.keys(known).join(" ")}`);
    if (known[flag] === "switch") {
      found[flag.slice(2)] = true;
    } else {
      const value = inline ?? args[(idx += 1)];
      if (value === undefined) fail(`${flag} needs a value`);
      found[flag.slice(2)] = value;
    }
  }
  return found;
}

export function fail(sentence) {
  console.error(sentence);
  process.exit(2);
}
