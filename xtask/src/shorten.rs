//! Shorter glue: the names by which a module asks the script beside it for a browser's functions
//! (`__wbg_createBuffer_0123456789abcdef`) are for the two of them alone, and the script's comments
//! and indentation for nobody. Both would be a tenth of the download.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};

/// Section number of a module's imports.
const IMPORTS: u8 = 2;

/// Renames what the module at `wasm` imports and shortens the script `js` to match.
///
/// # Errors
/// If the two are not what wasm-bindgen writes: then nothing may be renamed.
pub fn glue(js: &str, wasm: &[u8]) -> Result<(String, Vec<u8>)> {
    let mut names = Vec::new();
    let mut short = wasm.get(..8).context("no module")?.to_vec();
    let mut rest = &wasm[8..];
    while let Some((&section, tail)) = rest.split_first() {
        rest = tail;
        let n_bytes = number(&mut rest)?;
        let body = take(&mut rest, n_bytes)?;
        let renamed = if section == IMPORTS { rename(body, &mut names)? } else { body.to_vec() };
        short.push(section);
        push_number(&mut short, renamed.len());
        short.extend(renamed);
    }
    Ok((rewrite(js, &names)?, short))
}

/// The imports' section with short names; the old ones go to `names`, in their order.
fn rename(mut section: &[u8], names: &mut Vec<(String, String)>) -> Result<Vec<u8>> {
    let n_imports = number(&mut section)?;
    let mut renamed = Vec::new();
    push_number(&mut renamed, n_imports);
    for _ in 0..n_imports {
        let module = text(&mut section)?;
        let name = text(&mut section)?;
        let shorter = short_name(names.len());
        push_text(&mut renamed, module);
        push_text(&mut renamed, &shorter);
        names.push((name.to_owned(), shorter));
        // Only functions are imported: a kind and the index of a type.
        ensure!(take(&mut section, 1)? == [0], "`{name}` is no function");
        renamed.push(0);
        push_number(&mut renamed, number(&mut section)?);
    }
    Ok(renamed)
}

/// a, b, …, z, A, …, Z, ba, …
fn short_name(idx: usize) -> String {
    const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let (rest, letter) = (idx / LETTERS.len(), char::from(LETTERS[idx % LETTERS.len()]));
    if rest == 0 { letter.to_string() } else { short_name(rest) + &letter.to_string() }
}

/// The script with the keys of its import object renamed, without comments and indentation.
fn rewrite(js: &str, names: &[(String, String)]) -> Result<String> {
    let shorter: HashMap<&str, &str> =
        names.iter().map(|(name, short)| (name.as_str(), short.as_str())).collect();
    let (mut short, mut n_renamed, mut in_comment) = (String::new(), 0, false);
    for line in js.lines().map(str::trim) {
        in_comment |= line.starts_with("/**");
        if in_comment {
            in_comment = !line.ends_with("*/");
            continue;
        }
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        if !line.matches('`').count().is_multiple_of(2) {
            bail!("the script holds a text of several lines: {line}");
        }
        let key = line.split_once(": function(").map(|(key, body)| (shorter.get(key), body));
        if let Some((Some(name), body)) = key {
            short.extend([name, ":function(", body]);
            n_renamed += 1;
        } else {
            short.push_str(line);
        }
        short.push('\n');
    }
    ensure!(
        n_renamed == names.len(),
        "{n_renamed} of {} functions that the module imports are in its script",
        names.len()
    );
    Ok(short)
}

fn take<'a>(from: &mut &'a [u8], n_bytes: usize) -> Result<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(n_bytes).context("the module is cut short")?;
    *from = rest;
    Ok(taken)
}

fn text<'a>(from: &mut &'a [u8]) -> Result<&'a str> {
    let n_bytes = number(from)?;
    Ok(std::str::from_utf8(take(from, n_bytes)?)?)
}

fn push_text(to: &mut Vec<u8>, text: &str) {
    push_number(to, text.len());
    to.extend(text.as_bytes());
}

/// An unsigned LEB128 number.
fn number(from: &mut &[u8]) -> Result<usize> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let byte = take(from, 1)?[0];
        value |= usize::from(byte & 127) << shift;
        if byte < 128 {
            return Ok(value);
        }
    }
    bail!("a number of the module is too long")
}

fn push_number(to: &mut Vec<u8>, mut value: usize) {
    while value >= 128 {
        to.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    to.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that imports two functions of type 0 and has one more section.
    fn module() -> Vec<u8> {
        let mut imports = vec![2];
        for name in ["__wbg_abort_f8d1589eb0c65ee2", "__wbindgen_init"] {
            push_text(&mut imports, "./x_bg.js");
            push_text(&mut imports, name);
            imports.extend([0, 0]);
        }
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.extend([1, 4, 1, 0x60, 0, 0]);
        wasm.push(IMPORTS);
        push_number(&mut wasm, imports.len());
        wasm.extend(imports);
        wasm.extend([3, 1, 0]);
        wasm
    }

    const JS: &str = "/**\n * What `x` is.\n */\nconst import0 = {\n    \
        __wbg_abort_f8d1589eb0c65ee2: function(arg0) {\n        // why\n        arg0.abort();\n    },\n    \
        __wbindgen_init: function() { return handleError(function () {\n    }, arguments); },\n};\n";

    #[test]
    fn both_sides_get_the_same_names() {
        let (js, wasm) = glue(JS, &module()).unwrap();
        assert_eq!(
            js,
            "const import0 = {\na:function(arg0) {\narg0.abort();\n},\n\
             b:function() { return handleError(function () {\n}, arguments); },\n};\n"
        );
        let imports = b"\x02\x1d\x02\x09./x_bg.js\x01a\0\0\x09./x_bg.js\x01b\0\0";
        let expected = [b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0", &imports[..], b"\x03\x01\0"];
        assert_eq!(wasm, expected.concat());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(glue(&JS.replace("__wbindgen_init", "other"), &module()).is_err());
        assert!(glue(&format!("{JS}const t = `\n`;"), &module()).is_err());
        assert!(glue(JS, &module()[..40]).is_err());
    }

    #[test]
    fn names_are_all_different() {
        let names: std::collections::HashSet<_> = (0..5000).map(short_name).collect();
        assert_eq!(names.len(), 5000);
        assert!(names.iter().all(|name| name.len() <= 3));
    }
}
