// Assertions that say what was expected in a sentence, and bounded waiting.

export function check(condition, sentence) {
  if (!condition) throw new Error(sentence);
}

export function equal(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  check(a === b, `${what}: ${a}, expected ${b}`);
}

/** True only where the difference is a number within the bound: NaN fails. */
export function near(actual, expected, tolerance, what) {
  const is_near = Math.abs(actual - expected) <= tolerance;
  check(is_near, `${what}: ${actual}, expected ${expected} ± ${tolerance}`);
}

/** Polls `probe` until it gives something truthy, which is returned. */
export async function until(probe, what, ms = 20_000) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${ms / 1000} s in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
