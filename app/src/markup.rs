//! A rule of this page's markup, held by a test: literal text of an element stands in braces
//! (`<b>{"text"}</b>`). Leptos makes elements of nothing but literals through `innerHTML`, which
//! the page's Trusted Types refuse.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
    }

    /// Text in quotes that is all there is between two tags.
    fn bare_text(source: &str) -> Option<&str> {
        let mut rest = source;
        while let Some(close) = rest.find("\"</").or_else(|| rest.find("\"\n")) {
            let (before, after) = rest.split_at(close + 1);
            let is_closed = after.trim_start().starts_with("</");
            let line_start = before[..close].rfind('"').unwrap_or(0);
            let opened = before[..line_start].trim_end();
            if is_closed && opened.ends_with('>') && !opened.ends_with("=>") {
                return Some(&before[line_start..]);
            }
            rest = after;
        }
        None
    }

    #[test]
    fn literal_text_stands_in_braces() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut n_read = 0;
        for folder in ["explorer", "parts"] {
            for path in sources(&root.join(folder)) {
                let source = fs::read_to_string(&path).unwrap();
                assert_eq!(bare_text(&source), None, "{}", path.display());
                n_read += 1;
            }
        }
        assert!(n_read > 20, "read only {n_read} files");
    }

    #[test]
    fn bare_text_is_found() {
        assert_eq!(bare_text("<b>\"text\"</b>"), Some("\"text\""));
        assert_eq!(bare_text("<b>\n    \"text\"\n</b>"), Some("\"text\""));
        assert_eq!(bare_text("<b>{\"text\"}</b>"), None);
        assert_eq!(bare_text("<b>{x}\" \"</b>"), None);
    }
}
