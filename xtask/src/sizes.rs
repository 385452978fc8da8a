//! What a visitor downloads, file by file, raw and after brotli, held against the budget.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::site::walk;

/// What page and engine may take: everything before the first attention map, models and fonts apart.
const FIRST_LOAD_AIM: u64 = 300_000;
/// Where that fails: what runs while it is measured differs from machine to machine by some hundred bytes.
const FIRST_LOAD_BUDGET: u64 = FIRST_LOAD_AIM + FIRST_LOAD_AIM / 100;
/// The tokenizer's module, which loads after the page has painted.
const TOKENIZER_BUDGET: u64 = 500_000;
/// All font files.
const FONT_BUDGET: u64 = 120_000;

/// The part of the download that a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Page, styles and scripts.
    Page,
    /// One build of the engine.
    Engine(Build),
    /// What the engine needs beside that to run on the processor.
    EngineCpu(Build),
    /// What the engine needs beside that to run with WebGPU.
    EngineGpu(Build),
    /// Of page, engine and tokenizer what the first map does not need.
    Later,
    Tokenizer,
    Fonts,
    /// Loaded when something asks for it, or never.
    Other,
}

/// The engine's builds, of which a visitor loads one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Build {
    Plain,
    Relaxed,
}

impl Part {
    fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (build, rest) = match name.strip_prefix("engine-relaxed") {
            Some(rest) => (Build::Relaxed, rest),
            None => (Build::Plain, name.strip_prefix("engine").unwrap_or_default()),
        };
        match (name, rest) {
            (_, ".js" | "_bg.wasm") => Self::Engine(build),
            (_, "_cpu.wasm") => Self::EngineCpu(build),
            (_, "_gpu.wasm") => Self::EngineGpu(build),
            (_, "_later.wasm") | ("page_later.wasm" | "tokenizer_later.wasm", _) => Self::Later,
            ("tokenizer.js" | "tokenizer_bg.wasm", _) => Self::Tokenizer,
            ("index.html" | "boot.js" | "worker.js" | "page.js" | "page_bg.wasm", _) => Self::Page,
            // The door asks for these when their place is opened.
            ("home.css" | "lab.css" | "rooms.css", _) => Self::Later,
            _ if path.ends_with(".woff2") => Self::Fonts,
            _ if path.ends_with(".css") || path.starts_with("snippets/") => Self::Page,
            _ => Self::Other,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Engine(Build::Plain) => "engine",
            Self::Engine(Build::Relaxed) => "engine, relaxed SIMD (instead of the plain one)",
            Self::EngineCpu(Build::Plain) => "engine on the processor",
            Self::EngineCpu(Build::Relaxed) => "engine on the processor, relaxed SIMD",
            Self::EngineGpu(Build::Plain) => "engine with WebGPU (instead of the processor)",
            Self::EngineGpu(Build::Relaxed) => "engine with WebGPU, relaxed SIMD",
            Self::Later => "page, engines, tokenizer, after the first map (one engine of the two)",
            Self::Tokenizer => "tokenizer",
            Self::Fonts => "fonts",
            Self::Other => "other (when asked for)",
        }
    }
}

/// Sums by part, in bytes after brotli.
struct Sums(BTreeMap<Part, u64>);

impl Sums {
    fn of(&self, part: Part) -> u64 {
        self.0.get(&part).copied().unwrap_or(0)
    }

    /// The page, and the larger of the engine's builds with what the larger kind of engine needs.
    fn first_load(&self) -> u64 {
        let engine = |build| {
            let kinds = [Part::EngineCpu(build), Part::EngineGpu(build)].map(|kind| self.of(kind));
            self.of(Part::Engine(build)) + kinds[0].max(kinds[1])
        };
        self.of(Part::Page) + engine(Build::Plain).max(engine(Build::Relaxed))
    }

    fn check(&self) -> Result<()> {
        let lines = [
            ("page and engine", self.first_load(), FIRST_LOAD_BUDGET),
            ("tokenizer", self.of(Part::Tokenizer), TOKENIZER_BUDGET),
            ("fonts", self.of(Part::Fonts), FONT_BUDGET),
        ];
        let over: Vec<String> = lines
            .iter()
            .filter(|(_, size, budget)| size > budget)
            .map(|(what, size, budget)| format!("{what}: {} of {} kB", kb(*size), kb(*budget)))
            .collect();
        if !over.is_empty() {
            bail!("over the budget for what a visitor downloads (brotli): {}", over.join("; "));
        }
        Ok(())
    }
}

/// Prints the table for the site at `out` and fails where a budget is exceeded.
pub fn report(out: &Path) -> Result<()> {
    let mut rows: BTreeMap<Part, Vec<(String, u64, u64)>> = BTreeMap::new();
    for (path, file) in walk(out)? {
        if path.starts_with("models/") {
            continue;
        }
        let bytes = std::fs::read(file)?;
        let row = (path.clone(), bytes.len() as u64, brotli_size(&bytes)?);
        rows.entry(Part::of(&without_hash(&path))).or_default().push(row);
    }
    ensure!(rows.contains_key(&Part::Engine(Build::Plain)), "{} holds no site", out.display());
    println!("\n{:<58} {:>10} {:>10}", "file", "raw", "brotli");
    for (part, files) in &rows {
        for (path, raw, packed) in files {
            println!("{path:<58} {raw:>10} {packed:>10}");
        }
        let sum = |pick: fn(&(String, u64, u64)) -> u64| files.iter().map(pick).sum::<u64>();
        println!(
            "{:<58} {:>10} {:>10}\n",
            format!("= {}", part.title()),
            sum(|f| f.1),
            sum(|f| f.2)
        );
    }
    let packed = |files: &Vec<(String, u64, u64)>| files.iter().map(|file| file.2).sum();
    let sums = Sums(rows.iter().map(|(part, files)| (*part, packed(files))).collect());
    println!(
        "First load, page and engine: {} kB of {} kB brotli",
        kb(sums.first_load()),
        kb(FIRST_LOAD_AIM)
    );
    sums.check()
}

/// Rounded up, so that a printed figure never flatters.
fn kb(bytes: u64) -> u64 {
    bytes.div_ceil(1000)
}

fn brotli_size(bytes: &[u8]) -> Result<u64> {
    let params = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &params)?;
    Ok(packed.len() as u64)
}

/// `page_bg.0123456789ab.wasm` → `page_bg.wasm`.
fn without_hash(path: &str) -> String {
    let is_hash = |part: &&str| part.len() == 12 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let parts: Vec<&str> = path.split('.').filter(|part| !is_hash(part)).collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_download() {
        let part = |path: &str| Part::of(&without_hash(path));
        assert_eq!(part("page_bg.0123456789ab.wasm"), Part::Page);
        assert_eq!(part("engine.0123456789ab.js"), Part::Engine(Build::Plain));
        assert_eq!(part("engine-relaxed_bg.wasm"), Part::Engine(Build::Relaxed));
        assert_eq!(part("engine-relaxed_gpu.0123456789ab.wasm"), Part::EngineGpu(Build::Relaxed));
        assert_eq!(part("engine_cpu.wasm"), Part::EngineCpu(Build::Plain));
        assert_eq!(part("engine_later.wasm"), Part::Later);
        assert_eq!(part("page_later.wasm"), Part::Later);
        assert_eq!(part("tokenizer_bg.wasm"), Part::Tokenizer);
        assert_eq!(part("assets/fonts/serif.0123456789ab.woff2"), Part::Fonts);
        assert_eq!(part("assets/styles/main.css"), Part::Page);
        assert_eq!(part("assets/styles/lab.0123456789ab.css"), Part::Later);
        assert_eq!(part("sw.js"), Part::Other);
    }

    #[test]
    fn the_larger_engine_counts_and_the_budget_holds() {
        let sums = |page, engine, gpu| {
            let cpu = gpu - 1;
            let (plain, relaxed) = (Build::Plain, Build::Relaxed);
            let parts = [
                (Part::Page, page),
                (Part::Engine(plain), 10),
                (Part::EngineGpu(plain), gpu),
                (Part::Engine(relaxed), engine),
                (Part::EngineCpu(relaxed), cpu),
                (Part::EngineGpu(relaxed), gpu),
                (Part::Later, 1_000_000),
            ];
            Sums(parts.into())
        };
        assert_eq!(sums(100, 20, 30).first_load(), 150);
        assert!(sums(FIRST_LOAD_BUDGET - 200_000, 150_000, 50_000).check().is_ok());
        assert!(sums(FIRST_LOAD_BUDGET - 199_999, 150_000, 50_000).check().is_err());
    }
}
