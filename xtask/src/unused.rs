//! Takes out of a module what its script exports and nobody here asks for: leptos brings streams
//! to and from servers along, and this page has no server. wasm-opt then finds what is dead.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::binary::{Reader, put_number, sections};

const EXPORTS: u8 = 7;

/// Classes that come with leptos' way to servers, which this page has none of.
const CLASSES: &str = "IntoUnderlying";

/// Takes the unused classes out of the glue, and out of the module all exports that the glue then
/// does not name, so that wasm-opt finds what is dead.
pub fn leave_out(glue: &str, module: &[u8]) -> Result<(String, Vec<u8>)> {
    let mut kept = String::with_capacity(glue.len());
    let mut until = None;
    for line in glue.lines() {
        if let Some(end) = until {
            if line.starts_with(end) {
                until = None;
            }
            continue;
        }
        if line.starts_with(&format!("export class {CLASSES}")) {
            until = Some("}");
        } else if line.starts_with(&format!("const {CLASSES}")) {
            // `const XFinalization = (typeof …)` goes on to a line that ends the statement.
            until = (!line.trim_end().ends_with(';')).then_some("    : ");
        } else if !line.contains(&format!(" {CLASSES}")) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    ensure!(until.is_none(), "the glue has another form than this takes for granted");
    let named: BTreeSet<&str> = words(&kept).collect();
    let module = with_entries(module, EXPORTS, |entry| {
        let name = entry.text()?;
        entry.byte()?;
        entry.number()?;
        Ok(named.contains(name))
    })?;
    Ok((kept, module))
}

/// Names and keywords of a script, and the words of its texts.
fn words(script: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
    script.split(move |c| !is_part(c)).filter(|word| !word.is_empty())
}

/// The module with those entries of a section for which `keeps` says so; it reads the whole entry.
fn with_entries<'a>(
    module: &'a [u8],
    id: u8,
    mut keeps: impl FnMut(&mut Reader<'a>) -> Result<bool>,
) -> Result<Vec<u8>> {
    rewritten(module, id, |body| {
        let mut reader = Reader::of(body);
        let (mut n_kept, mut entries) = (0, Vec::<u8>::new());
        for _ in 0..reader.number()? {
            let before = reader.rest();
            if keeps(&mut reader)? {
                n_kept += 1;
                entries.extend(&before[..before.len() - reader.rest().len()]);
            }
        }
        let mut out = Vec::new();
        put_number(&mut out, n_kept);
        out.extend(entries);
        Ok(out)
    })
}

fn rewritten<'a>(
    module: &'a [u8],
    id: u8,
    mut change: impl FnMut(&'a [u8]) -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    let sections = sections(module)?;
    let mut out = module[..8].to_vec();
    for (known, body) in sections {
        let body = if known == id { change(body)? } else { body.to_vec() };
        out.push(known);
        put_number(&mut out, body.len() as u64);
        out.extend(body);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLUE: &str = r#"export class IntoUnderlyingSink {
    free() {
        wasm.sink_free(0);
    }
}
if (Symbol.dispose) IntoUnderlyingSink.prototype[Symbol.dispose] = 1;

export function start() {
    return wasm.start();
}
const IntoUnderlyingSinkFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.sink_free(ptr, 1));
"#;

    /// Exports one function under two names.
    fn module() -> Vec<u8> {
        let mut exports = vec![2];
        for name in ["start", "sink_free"] {
            put_number(&mut exports, name.len() as u64);
            exports.extend(name.bytes());
            exports.extend([0, 0]);
        }
        let mut module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0".to_vec();
        module.push(EXPORTS);
        put_number(&mut module, exports.len() as u64);
        module.extend(exports);
        module
    }

    fn holds(module: &[u8], text: &str) -> bool {
        module.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[test]
    fn classes_that_nobody_makes_go_with_their_exports() {
        let (glue, module) = leave_out(GLUE, &module()).unwrap();
        assert_eq!(glue, "\nexport function start() {\n    return wasm.start();\n}\n");
        assert!(holds(&module, "start") && !holds(&module, "sink_free"));
        assert_eq!(sections(&module).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(leave_out("", b"").is_err());
        let module = module();
        assert!(leave_out(GLUE, &module[..module.len() - 1]).is_err());
    }
}
