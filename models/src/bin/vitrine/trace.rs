//! `vitrine trace`: hooks of one run as a safetensors file.

use std::collections::{BTreeMap, BTreeSet};

use pollster::block_on;
use vitrine_kernels::Control;
use vitrine_models::hook::matches_glob;
use vitrine_models::{HookPoint, ModelSpec, Options, Session, Tap};

use crate::args::{Args, Device, Failure};
use crate::open::{model_path, open};

pub fn run(args: Args) -> Result<(), Failure> {
    let out = args.out.as_ref().ok_or_else(|| Failure::usage("where to? Give --out FILE"))?;
    let opened = open(model_path(&args)?, args.device.unwrap_or(Device::Cpu))?;
    let input = opened.input(&args)?;
    let spec = opened.model.spec();
    let everything = vec!["*".to_owned()];
    let points = chosen(spec, args.hooks.as_ref().unwrap_or(&everything))?;
    let hooks: BTreeSet<_> = points.iter().map(|point| point.hook).collect();
    let options = Options::trace(spec, hooks);
    let mut metadata = BTreeMap::from([
        ("model".to_owned(), opened.model.name().to_owned()),
        ("architecture".to_owned(), spec.architecture.to_owned()),
        ("engine".to_owned(), opened.engine.name()),
        ("tokens".to_owned(), list(&input.ids)),
    ]);
    if let Some(source) = &input.source {
        metadata.insert("source_tokens".to_owned(), list(&source.ids));
    }
    let masked = input.source.as_deref().unwrap_or(&input);
    if let Some(mask) = &masked.attention_mask {
        metadata.insert("attention_mask".to_owned(), list(mask));
    }
    if let Some(token_types) = &input.token_types {
        metadata.insert("token_types".to_owned(), list(token_types));
    }
    let control = Control::default();
    let mut session = Session::new(opened.engine, opened.model, options)?;
    session.set_products(args.products);
    let info = block_on(session.set_tokens(&input, &control))?;
    let taps: Vec<_> = points.into_iter().map(Tap::of).collect();
    let trace = block_on(session.read(&taps, &control))?;
    let file = trace.to_safetensors(&metadata)?;
    std::fs::write(out, &file)
        .map_err(|err| Failure::Write { path: out.display().to_string(), err })?;
    eprintln!(
        "{} hooks of {} tokens in {:.0} ms on {} → {} ({} bytes)",
        taps.len(),
        input.ids.len(),
        info.ms,
        session.engine().name(),
        out.display(),
        file.len()
    );
    Ok(())
}

/// The points whose names match any of the globs, in the order of a forward pass.
fn chosen(spec: &ModelSpec, globs: &[String]) -> Result<Vec<HookPoint>, Failure> {
    let points: Vec<_> =
        spec.points().into_iter().map(|point| (point, point.to_string())).collect();
    for glob in globs {
        if !points.iter().any(|(_, name)| matches_glob(glob, name)) {
            let some: Vec<_> = spec.hooks().into_iter().map(|hook| hook.name()).collect();
            let sentence = format!(
                "--hooks: nothing matches {glob:?}; per layer (after blocks.N.) and for the model \
                 there are {}",
                some.join(", ")
            );
            return Err(Failure::usage(sentence));
        }
    }
    let matches = |name: &str| globs.iter().any(|glob| matches_glob(glob, name));
    Ok(points.into_iter().filter(|(_, name)| matches(name)).map(|(point, _)| point).collect())
}

/// As JSON.
fn list(values: &[u32]) -> String {
    format!("{values:?}")
}
