//! `vitrine generate`: a text continued, token by token.

use std::io::Write;

use pollster::block_on;
use vitrine_kernels::Control;
use vitrine_models::sample::{Random, Sampling, sample};
use vitrine_models::tokenize::{HubTokenizer, Tokenizer};
use vitrine_models::{Options, Session};

use crate::args::{Args, Device, Failure};
use crate::open::{model_path, open};

pub fn run(args: Args) -> Result<(), Failure> {
    let opened = open(model_path(&args)?, args.device.unwrap_or(Device::Cpu))?;
    let spec = opened.model.spec();
    if !spec.causal || !spec.has_logits {
        return Err(Failure::usage(format!("{} does not predict next tokens", spec.architecture)));
    }
    let sampling = sampling(&args)?;
    let input = opened.input(&args)?;
    let tokenizer = opened.tokenizer()?;
    let end_ids = if args.ignores_eos { Vec::new() } else { opened.end_ids()? };
    // Marian's `max-length-factor` of a translation.
    let n_source = input.source.as_ref().map_or(0, |source| source.ids.len());
    let n_default = (5 * n_source).div_ceil(2).max(64);
    let n_free = spec.n_ctx.saturating_sub(input.ids.len());
    let n_tokens = args.n_tokens.unwrap_or(n_default).min(n_free);
    let mut random = Random::from_seed(args.seed.unwrap_or(0));
    let control = Control::default();
    let mut session = Session::new(opened.engine, opened.model, Options::bare())?;
    session.set_products(args.products);
    block_on(session.set_tokens(&input, &control))?;
    let mut printed = Printer { tokenizer, ids: Vec::new(), n_printed: 0 };
    for n_done in 0..n_tokens {
        let token = sample(&session.choice_logits(), &sampling, &mut random) as u32;
        if end_ids.contains(&token) {
            break;
        }
        printed.print(token)?;
        // Nobody asks for what follows the last one.
        if n_done + 1 < n_tokens {
            block_on(session.next(token, &control))?;
        }
    }
    println!();
    Ok(())
}

fn sampling(args: &Args) -> Result<Sampling, Failure> {
    let temperature = args.temperature.unwrap_or(0.0);
    if !(temperature.is_finite() && temperature >= 0.0) {
        return Err(Failure::usage(format!(
            "--temperature is {temperature}; 0 or more is expected"
        )));
    }
    let top_p = args.top_p.unwrap_or(1.0);
    if !(0.0..=1.0).contains(&top_p) {
        return Err(Failure::usage(format!("--top-p is {top_p}; 0 to 1 is expected")));
    }
    Ok(Sampling { temperature, top_k: args.top_k.unwrap_or(0), top_p })
}

/// Prints tokens as they come; without a tokenizer, their ids.
struct Printer {
    tokenizer: Option<HubTokenizer>,
    ids: Vec<u32>,
    /// Bytes of the decoded text that are on screen.
    n_printed: usize,
}

impl Printer {
    fn print(&mut self, id: u32) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        let written = match &self.tokenizer {
            None => write!(stdout, "{}{id}", if self.ids.is_empty() { "" } else { "," }),
            Some(tokenizer) => {
                let so_far = [&self.ids[..], &[id]].concat();
                let text = tokenizer.decode(&so_far, true)?;
                // The rest of a character may come with the next token.
                let whole = text.trim_end_matches('\u{fffd}');
                let new = whole.get(self.n_printed..).unwrap_or_default().to_owned();
                self.n_printed += new.len();
                write!(stdout, "{new}")
            }
        };
        self.ids.push(id);
        written
            .and_then(|()| stdout.flush())
            .map_err(|err| Failure::Write { path: "standard output".to_owned(), err })
    }
}
