//! Random numbers of a run: every use has a stream of its own, so that a run that is resumed at
//! step n draws what it would have drawn.

use crate::sample::Random;

/// What numbers are drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights.
    Init,
    /// Which sequences a step trains on.
    Batch,
    /// What dropout drops.
    Dropout,
    /// Sequences held out.
    Validation,
    /// Text that the model writes.
    Sample,
}

/// The stream of a purpose at a step (SplitMix64's finaliser over all three; Steele et al. 2014).
pub fn stream(seed: u64, purpose: Purpose, step: u64) -> Random {
    let mut mixed = seed ^ ((purpose as u64 + 1) << 56);
    for word in [0, step] {
        mixed = mixed.wrapping_add(word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
    }
    Random::from_seed(mixed)
}

/// A number from 0 to n − 1; 0 where n is 0.
pub fn below(random: &mut Random, n: usize) -> usize {
    // The high bits of a product: the bias is n / 2³², which no data set here can show.
    ((u64::from(random.next_u32()) * n as u64) >> 32) as usize
}

/// A number of the standard normal distribution (Box and Muller 1958).
pub fn normal(random: &mut Random) -> f32 {
    let radius = (-2.0 * (1.0 - f64::from(random.next_f32())).ln()).sqrt();
    let angle = std::f64::consts::TAU * f64::from(random.next_f32());
    (radius * angle.cos()) as f32
}

/// Puts items in a random order (Fisher and Yates).
pub fn shuffle<T>(random: &mut Random, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(random, last + 1));
    }
}

/// A draw of the Poisson distribution (Knuth's product of uniforms; `mean` is small).
pub fn poisson(random: &mut Random, mean: f32) -> usize {
    let limit = (-mean).exp();
    let mut product = random.next_f32();
    let mut n = 0;
    while product > limit {
        product *= random.next_f32();
        n += 1;
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_and_repeat() {
        let draw = |seed, purpose, step| stream(seed, purpose, step).next_u32();
        assert_eq!(draw(1, Purpose::Batch, 2), draw(1, Purpose::Batch, 2));
        let mut all = vec![
            draw(1, Purpose::Batch, 2),
            draw(2, Purpose::Batch, 2),
            draw(1, Purpose::Init, 2),
            draw(1, Purpose::Batch, 3),
        ];
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn moments_of_the_distributions() {
        let mut random = stream(7, Purpose::Init, 0);
        let n = 20_000;
        let draws: Vec<f32> = (0..n).map(|_| normal(&mut random)).collect();
        let mean = draws.iter().sum::<f32>() / n as f32;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / n as f32;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let mean = (0..n).map(|_| poisson(&mut random, 3.0)).sum::<usize>() as f32 / n as f32;
        assert!((mean - 3.0).abs() < 0.1, "{mean}");
        let mut counts = [0_usize; 3];
        (0..n).for_each(|_| counts[below(&mut random, 3)] += 1);
        assert!(counts.iter().all(|count| (count * 3).abs_diff(n) < n / 10), "{counts:?}");
        assert_eq!(below(&mut random, 0), 0);
        let mut items: Vec<usize> = (0..50).collect();
        shuffle(&mut random, &mut items);
        assert!(items.iter().enumerate().any(|(at, item)| at != *item));
        items.sort_unstable();
        assert!(items.iter().enumerate().all(|(at, item)| at == *item));
    }
}
