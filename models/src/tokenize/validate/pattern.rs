//! How large a regular expression grows when it is compiled.
//!
//! Counted repetitions are copied out: `(\w{500}){20}` is ten thousand character classes, and
//! the library compiles them all before it finds that there are too many.

/// The parts of a pattern with its counted repetitions copied out; more than the real number
/// where in doubt.
pub(super) fn n_parts(pattern: &str) -> usize {
    // A group's parts, and those of its last item, which a count multiplies.
    let mut groups: Vec<(usize, usize)> = vec![(0, 0)];
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        let item = match character {
            '(' => {
                groups.push((0, 0));
                continue;
            }
            ')' if groups.len() > 1 => groups.pop().map_or(1, |(total, _)| total.max(1)),
            '\\' => {
                skip_escape(&mut rest);
                1
            }
            '[' => {
                skip_class(&mut rest);
                1
            }
            '{' => match count(&mut rest) {
                Some(count) => {
                    if let Some((total, last)) = groups.last_mut() {
                        *total = total.saturating_add(last.saturating_mul(count.saturating_sub(1)));
                        *last = last.saturating_mul(count.max(1));
                    }
                    continue;
                }
                None => 1,
            },
            // Free-spacing patterns may put space between an item and its count.
            space if space.is_whitespace() => {
                if let Some((total, _)) = groups.last_mut() {
                    *total += 1;
                }
                continue;
            }
            _ => 1,
        };
        if let Some((total, last)) = groups.last_mut() {
            *total = total.saturating_add(item);
            *last = item;
        }
    }
    groups.iter().fold(0, |sum, (total, _)| sum.saturating_add(*total))
}

fn skip_escape(rest: &mut std::str::Chars<'_>) {
    if matches!(rest.next(), Some('p' | 'P' | 'x' | 'u')) && rest.as_str().starts_with('{') {
        rest.find(|&character| character == '}');
    }
}

fn skip_class(rest: &mut std::str::Chars<'_>) {
    // A bracket right after the opening stands for itself.
    if rest.as_str().starts_with('^') {
        rest.next();
    }
    if rest.as_str().starts_with(']') {
        rest.next();
    }
    let mut depth = 1;
    while let Some(character) = rest.next() {
        match character {
            '\\' => skip_escape(rest),
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}

/// The larger bound of `{n}`, `{n,}` or `{n,m}` after its brace; `None`, with nothing taken,
/// where it is no count.
fn count(rest: &mut std::str::Chars<'_>) -> Option<usize> {
    let (bounds, after) = rest.as_str().split_once('}')?;
    let (low, high) = bounds.split_once(',').unwrap_or((bounds, ""));
    // A number too long to read is a large one.
    let bound = |digits: &str| match digits.trim() {
        "" => Some(0),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().unwrap_or(usize::MAX))
        }
        _ => None,
    };
    let count = bound(low)?.max(bound(high)?);
    *rest = after.chars();
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_copied_out() {
        for (pattern, n) in [
            ("", 0),
            ("abc", 3),
            (r"\p{L}+", 2),
            (r"\w{900}", 900),
            (r"(\w{500}){20}", 10_000),
            (r"(?x) (\w{500}) {20}", 10_000),
            (r"[^\]{3}a-z]{7}", 7),
            (r"[]{9}]b{2,3}", 4),
            (r"a{2,}{3}", 6),
            ("a{x}", 4),
            ("(((a{1000}){1000}){1000}){99999999999999999999}", usize::MAX),
        ] {
            let found = n_parts(pattern);
            assert!(found >= n && found <= n.saturating_add(12), "{pattern}: {found}, not {n}");
        }
    }
}
