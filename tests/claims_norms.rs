//! What Room 03 claims, held to bounds: the page asks for the same (`models/src/claims/norms`).

use pollster::block_on;
use vitrine_kernels::{Control, Engine};
use vitrine_models::claims::fit::{exponent, slope};
use vitrine_models::claims::norms::{Place, Race, Setting, Stride, gradients, race, streams};
use vitrine_tests::golden::{cpu, gpu};

const DEPTHS: [u32; 4] = [2, 4, 8, 16];
const D_MODEL: u32 = 32;

/// The mean over seeds of each layer's gradient.
fn measured(engine: &mut Engine, place: Place, setting: Setting, n_layers: u32) -> Vec<f64> {
    let n_seeds = 6;
    let mut means = vec![0.0; n_layers as usize];
    for seed in 0..n_seeds {
        let control = Control::default();
        let own = gradients(engine, place, setting, [n_layers, D_MODEL], seed, &control);
        for (mean, own) in means.iter_mut().zip(block_on(own).expect("a model of that size")) {
            *mean += own / n_seeds as f64;
        }
    }
    means
}

/// Figure 3 of the paper: six layers and six.
#[test]
fn post_ln_grows_from_layer_to_layer_and_pre_ln_is_flat() {
    let growth = |place: Place| {
        let layers = measured(&mut cpu(), place, Setting::Pair, 6);
        let points: Vec<_> = (0..).zip(&layers).map(|(at, g)| (f64::from(at), g.ln())).collect();
        println!("{place:?}: {layers:.3?}, {:.3} a layer", slope(&points));
        slope(&points)
    };
    let post = growth(Place::Post);
    let pre = growth(Place::Pre);
    assert!((0.25..0.6).contains(&post), "{post}");
    assert!(pre.abs() <= 0.15, "{pre}");
}

/// Theorem 1: of the last layer, with the depth.
#[test]
fn the_last_layer_stays_in_post_ln_and_falls_in_pre_ln_as_one_over_the_root_of_depth() {
    let of_depth = |place: Place| {
        let points: Vec<_> = DEPTHS
            .iter()
            .map(|&n| {
                let layers = measured(&mut cpu(), place, Setting::Analysis, n);
                (f64::from(n), *layers.last().unwrap())
            })
            .collect();
        println!("{place:?}: {points:.3?}, exponent {:.3}", exponent(&points));
        exponent(&points)
    };
    let [post, pre, dual] = Place::ALL.map(of_depth);
    assert!((-0.1..0.3).contains(&post), "{post}");
    assert!((pre + 0.5).abs() <= 0.15, "{pre}");
    // Its normed stream is Post-LN's.
    assert!((-0.2..0.2).contains(&dual), "{dual}");
}

/// Lemma 2, and what becomes of the difference between two layers' outputs.
#[test]
fn post_ln_sums_are_three_halves_and_pre_ln_sums_grow_with_the_layer() {
    let n_layers = 16;
    let mean_of = |place: Place| {
        let n_seeds = 4;
        let (mut sizes, mut last_cosine) = (vec![0.0; n_layers], 0.0);
        for seed in 0..n_seeds {
            let control = Control::default();
            let engine = &mut cpu();
            let own = streams(engine, place, [n_layers as u32, D_MODEL], seed, &control);
            let own = block_on(own).unwrap();
            assert_eq!(own.cosines.len(), n_layers - 1);
            sizes.iter_mut().zip(&own.sizes).for_each(|(sum, one)| *sum += one / n_seeds as f64);
            last_cosine += own.cosines[n_layers - 2] / n_seeds as f64;
        }
        println!("{place:?}: {sizes:.2?}, cosine {last_cosine:.3}");
        (sizes, last_cosine)
    };
    let (post, post_cosine) = mean_of(Place::Post);
    assert!(post.iter().all(|size| (size / 1.5 - 1.0).abs() <= 0.2), "{post:?}");
    let mean = post.iter().sum::<f64>() / n_layers as f64;
    assert!((mean / 1.5 - 1.0).abs() <= 0.05, "{mean}");
    let (pre, pre_cosine) = mean_of(Place::Pre);
    for (layer, size) in (1..).zip(&pre) {
        let layer = f64::from(layer);
        let within = (1.0 + layer / 2.0) * 0.95..(1.0 + 1.5 * layer) * 1.05;
        assert!(within.contains(size), "layer {layer}: {size}");
    }
    let (_, dual_cosine) = mean_of(Place::Dual);
    assert!(pre_cosine > 0.93, "{pre_cosine}");
    assert!(post_cosine < 0.8 && dual_cosine < 0.87, "{post_cosine} {dual_cosine}");
}

/// Steps in which the rate rises: Post-LN needs them, the others do not.
#[test]
fn post_ln_needs_warm_up_and_the_others_do_not() {
    let run = |options: Race| {
        let (mut losses, control) = (Vec::new(), Control::default());
        let mut layers: Vec<Vec<f32>> = Vec::new();
        let told = &mut |stride: Stride| {
            assert!(stride.norm.is_finite());
            // Each layer is a part of the whole.
            let own: f64 = stride.layers.iter().map(|&norm| f64::from(norm).powi(2)).sum();
            assert!(own.sqrt() <= f64::from(stride.norm) * (1.0 + 1e-5), "{stride:?}");
            assert_eq!(stride.layers.len(), 6);
            losses.push(stride.loss);
            layers.push(stride.layers);
        };
        block_on(race(&mut cpu(), &options, told, &control)).unwrap();
        assert_eq!(losses.len(), options.n_steps as usize);
        let last = &losses[losses.len() - 20..];
        let mean = last.iter().sum::<f32>() / last.len() as f32;
        println!("{options:?}: {mean:.2}");
        for step in [0, 10, 50, 100, losses.len() - 1] {
            println!("  step {}: {:.4?}", step + 1, layers[step]);
        }
        mean
    };
    let last = |place: Place, warmup: u32| run(Race { place, warmup, ..Race::default() });
    let warmup = Race::WARMUP;
    assert!(last(Place::Post, 0) > 2.6);
    assert!(last(Place::Post, warmup) < 2.0);
    assert!(last(Place::Pre, 0) < 1.6);
    assert!(last(Place::Dual, 0) < 2.2);
    // At a fifth of the rate it needs none.
    assert!(run(Race { rate: 1e-3, ..Race::default() }) < 2.0);
}

#[test]
fn both_engines_measure_the_same() {
    for (place, setting) in [
        (Place::Post, Setting::Pair),
        (Place::Pre, Setting::Pair),
        (Place::Dual, Setting::Analysis),
    ] {
        let own = |engine: &mut Engine| {
            let control = Control::default();
            block_on(gradients(engine, place, setting, [2, 16], 3, &control)).unwrap()
        };
        let engine = &mut gpu();
        let (ours, theirs) = (own(engine), own(&mut cpu()));
        assert!(engine.name().contains("vulkan"), "{}", engine.name());
        let is_close = ours.iter().zip(&theirs).all(|(a, b)| (a / b - 1.0).abs() <= 1e-3);
        assert!(is_close && ours.len() == 2, "{ours:?}, {theirs:?}");
    }
    let control = Control::default();
    let engine = &mut cpu();
    let refused = gradients(engine, Place::Dual, Setting::Pair, [2, 16], 3, &control);
    assert!(block_on(refused).is_err());
}
