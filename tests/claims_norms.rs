//! What Room 03 claims, held to bounds: the page asks for the same (`models/src/claims/norms`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use pollster::block_on;
use vitrine_kernels::{Control, Engine};
use vitrine_models::claims::norms::{Place, Race, Setting, Start, exponent, race, slope, start};
use vitrine_tests::golden::{cpu, gpu};

const DEPTHS: [u32; 4] = [2, 4, 8, 16];
const D_MODEL: u32 = 32;

fn started(engine: &mut Engine, place: Place, setting: Setting, [n_layers, d]: [u32; 2], n_seeds: u64) -> Vec<Start> {
    let one = |seed| {
        block_on(start(engine, place, setting, [n_layers, d], seed, &Control::default())).unwrap()
    };
    (0..n_seeds).map(one).collect()
}

fn mean(all: impl Iterator<Item = f64>) -> f64 {
    let all: Vec<_> = all.collect();
    all.iter().sum::<f64>() / all.len() as f64
}

#[test]
fn explore() {
    let engine = &mut cpu();
    for (setting, d, depths) in [(Setting::Usual, 32, &[6, 12][..]), (Setting::Usual, 64, &[6, 12]), (Setting::Usual, 128, &[6]), (Setting::Analysis, 64, &[2, 4, 8, 16])] {
    for place in Place::ALL {
        for &n_layers in depths {
            let t = std::time::Instant::now();
            let all = started(engine, place, setting, [n_layers, d], 3);
            let layers: Vec<String> = (0..n_layers as usize)
                .map(|layer| {
                    let g = mean(all.iter().map(|one| one.gradients[layer]));
                    let s = mean(all.iter().map(|one| one.sizes[layer]));
                    format!("{g:.3}/{s:.2}")
                })
                .collect();
            println!("{setting:?} {d} {place:?} {n_layers}: {} cos {:.3?} {:?}", layers.join(" "), all[0].cosines, t.elapsed());
        }
    }
    }
    let _ = (gpu, exponent, slope);
    for (rate, n_layers, difficulty) in [(1e-2, 6, 1), (2e-2, 6, 1), (1e-2, 12, 1)] {
    for place in Place::ALL {
        for warmup in [0, 100] {
            let t = std::time::Instant::now();
            let mut losses = Vec::new();
            let options = Race { place, warmup, rate, n_layers, ..Race::default() };
            block_on(race(engine, &options, &mut |loss, _| losses.push(loss), &Control::default())).unwrap();
            let at: Vec<_> = losses.iter().step_by(20).collect();
            println!("{rate} {n_layers} {difficulty} {place:?} {warmup}: {at:.2?} {:?}", t.elapsed());
        }
    }
    }
}
