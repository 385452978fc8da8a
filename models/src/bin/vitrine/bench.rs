//! `vitrine bench`: speed of the engines on real models. Medians after a warm-up; refused on a
//! machine that is busy with something else.

use std::path::{Path, PathBuf};
use std::time::Instant;

use pollster::block_on;
use serde_json::json;
use vitrine_kernels::{Control, EngineError};
use vitrine_models::{Capture, Hook, Input, ModelSpec, Options, Session, sample};

use crate::args::{Args, Device, Failure};
use crate::open::open;

const N_PROMPT: usize = 137;
const N_DECODED: usize = 48;
const N_ENCODED: usize = 128;
const MAX_LOAD: f64 = 1.5;
const MIN_RUNS: usize = 5;

pub fn run(args: Args) -> Result<(), Failure> {
    let n_runs = args.n_runs.unwrap_or(MIN_RUNS);
    if n_runs < MIN_RUNS {
        return Err(Failure::usage(format!("--runs is {n_runs}; at least {MIN_RUNS} are needed")));
    }
    let default = |path: &str| PathBuf::from("assets/models").join(path);
    let model = args
        .model
        .clone()
        .unwrap_or_else(|| default("smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf"));
    let encoder = args.encoder.clone().unwrap_or_else(|| default("all-minilm-l6-v2"));
    for path in [&model, &encoder] {
        if !path.exists() {
            let sentence = format!("{} is missing: run `cargo xtask models`", path.display());
            return Err(Failure::usage(sentence));
        }
    }
    // Once: from here on, part of the load is this program's own.
    refuse_if_busy()?;
    let bench = Bench { n_runs, wants_json: args.wants_json };
    match args.device {
        Some(device) => bench.device(device, &model, &encoder),
        None => {
            bench.device(Device::Cpu, &model, &encoder)?;
            match bench.device(Device::Gpu, &model, &encoder) {
                // Without a GPU the CPU's figures are all there is.
                Err(Failure::Engine(err @ EngineError::NoAdapter(_))) => {
                    eprintln!("{err}");
                    Ok(())
                }
                other => other,
            }
        }
    }
}

type OptionsOf<'a> = &'a dyn Fn(&ModelSpec) -> Options;

struct Bench {
    n_runs: usize,
    wants_json: bool,
}

impl Bench {
    fn device(&self, device: Device, model: &Path, encoder: &Path) -> Result<(), Failure> {
        let engine = match device {
            Device::Cpu => "native-cpu",
            Device::Gpu => "native-gpu",
        };
        let patterns = |spec: &ModelSpec| Options {
            capture: Capture::of(spec, [Hook::Pattern]),
            wall_side: Some(64),
            ..Options::bare()
        };
        let captures: [(&str, OptionsOf<'_>); 3] = [
            ("", &|_: &ModelSpec| Options::bare()),
            ("-patterns", &patterns),
            ("-live", &|spec: &ModelSpec| Options::live(spec)),
        ];
        for (suffix, options) in captures {
            let mut session = self.session(model, device, options)?;
            let [prefill, decode] = self.decoder(&mut session)?;
            self.report(&format!("prefill{suffix}"), engine, prefill, "tok/s", &session)?;
            self.report(&format!("decode{suffix}"), engine, decode, "tok/s", &session)?;
        }
        for (suffix, options) in [captures[0], captures[2]] {
            let mut session = self.session(encoder, device, options)?;
            let ms = self.encoder(&mut session)?;
            self.report(&format!("encode-{N_ENCODED}{suffix}"), engine, ms, "ms", &session)?;
        }
        Ok(())
    }

    fn session(
        &self,
        path: &Path,
        device: Device,
        options: OptionsOf<'_>,
    ) -> Result<Session, Failure> {
        let opened = open(path, device)?;
        let options = options(opened.model.spec());
        Ok(Session::new(opened.engine, opened.model, options)?)
    }

    /// Tokens a second of prefill and of greedy decoding.
    fn decoder(&self, session: &mut Session) -> Result<[f64; 2], Failure> {
        let input = Input::from(&ids(session.spec(), N_PROMPT)[..]);
        let control = Control::default();
        let (mut prefills, mut decodes) = (Vec::new(), Vec::new());
        // The first run builds recordings, and warms caches.
        for run_idx in 0..=self.n_runs {
            session.forget();
            let start = Instant::now();
            block_on(session.set_tokens(&input, &control))?;
            let prefill = N_PROMPT as f64 / start.elapsed().as_secs_f64();
            let start = Instant::now();
            for _ in 0..N_DECODED {
                let token = sample::argmax(session.last_logits()) as u32;
                block_on(session.next(token, &control))?;
            }
            let decode = N_DECODED as f64 / start.elapsed().as_secs_f64();
            if run_idx > 0 {
                prefills.push(prefill);
                decodes.push(decode);
            }
        }
        Ok([median(prefills), median(decodes)])
    }

    /// Milliseconds of one text.
    fn encoder(&self, session: &mut Session) -> Result<f64, Failure> {
        let input = Input::from(&ids(session.spec(), N_ENCODED)[..]);
        let mut times = Vec::new();
        for run_idx in 0..=self.n_runs {
            session.forget();
            let start = Instant::now();
            block_on(session.set_tokens(&input, &Control::default()))?;
            block_on(session.embedding())?;
            if run_idx > 0 {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        Ok(median(times))
    }

    fn report(
        &self,
        name: &str,
        engine: &str,
        ours: f64,
        unit: &str,
        session: &Session,
    ) -> Result<(), Failure> {
        let load = load();
        if self.wants_json {
            let line = json!({
                "name": name, "engine": engine, "peer": null, "ours": ours, "theirs": null,
                "ratio": null, "unit": unit, "load": load, "device": session.engine().name(),
                "model": session.model().name(), "runs": self.n_runs,
            });
            println!("{line}");
        } else {
            let load = load.map_or("unknown".to_owned(), |load| format!("{load:.2}"));
            let device = session.engine().name();
            println!("{name:18} {ours:9.2} {unit:6} {engine} ({device}), load {load}");
        }
        Ok(())
    }
}

/// Ids that are no text but cost what a text costs.
fn ids(spec: &ModelSpec, n: usize) -> Vec<u32> {
    (0..n).map(|idx| ((idx * 7919 + 13) % spec.d_vocab) as u32).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let mid = values.len() / 2;
    if values.len().is_multiple_of(2) { (values[mid - 1] + values[mid]) / 2.0 } else { values[mid] }
}

/// Load average of the last minute, where the system tells.
fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn refuse_if_busy() -> Result<(), Failure> {
    match load() {
        Some(load) if load > MAX_LOAD => Err(Failure::usage(format!(
            "the load average is {load:.2}, above {MAX_LOAD}: figures would be of other work too"
        ))),
        _ => Ok(()),
    }
}
