//! The baseline: an n-gram model of the same tokens, with interpolated Kneser–Ney smoothing (Kneser and Ney
//! 1995; as in Chen and Goodman 1999, one discount an order).

use std::collections::HashMap;

/// Counts of one order.
#[derive(Default)]
struct Order {
    /// How often a gram occurs; below the highest order, how many tokens it occurs behind.
    grams: HashMap<Vec<u32>, u32>,
    /// Of what a context is followed by: the sum of the counts, and how many differ.
    contexts: HashMap<Vec<u32>, (u32, u32)>,
    discount: f64,
}

impl Order {
    fn new(grams: HashMap<Vec<u32>, u32>) -> Self {
        let mut contexts: HashMap<Vec<u32>, (u32, u32)> = HashMap::new();
        let mut n_of_count = [0.0; 3];
        for (gram, &count) in &grams {
            let context = contexts.entry(gram[..gram.len() - 1].to_vec()).or_default();
            context.0 += count;
            context.1 += 1;
            if let Some(n) = n_of_count.get_mut(count as usize) {
                *n += 1.0;
            }
        }
        let [_, ones, twos] = n_of_count;
        let discount = if ones == 0.0 { 0.5 } else { ones / (ones + 2.0 * twos) };
        Self { grams, contexts, discount }
    }
}

/// An n-gram model.
pub struct Ngrams {
    /// Of 1 token, of 2, …
    orders: Vec<Order>,
    d_vocab: usize,
}

impl Ngrams {
    /// Counts the n-grams of up to `n` tokens (1 at least) of a text.
    pub fn count(tokens: &[u32], n: usize, d_vocab: usize) -> Self {
        let mut grams: HashMap<Vec<u32>, u32> = HashMap::new();
        for gram in tokens.windows(n.max(1)) {
            *grams.entry(gram.to_vec()).or_default() += 1;
        }
        let mut orders = Vec::new();
        for _ in 1..n.max(1) {
            let mut shorter: HashMap<Vec<u32>, u32> = HashMap::new();
            for gram in grams.keys() {
                *shorter.entry(gram[1..].to_vec()).or_default() += 1;
            }
            orders.push(Order::new(std::mem::replace(&mut grams, shorter)));
        }
        orders.push(Order::new(grams));
        orders.reverse();
        Self { orders, d_vocab }
    }

    /// The probability of a token behind others.
    pub fn probability(&self, context: &[u32], token: u32) -> f64 {
        let mut probability = 1.0 / self.d_vocab as f64;
        for (n_context, order) in self.orders.iter().enumerate() {
            let Some(start) = context.len().checked_sub(n_context) else { break };
            let context = &context[start..];
            let Some(&(total, n_types)) = order.contexts.get(context) else { break };
            let gram = [context, &[token]].concat();
            let count = f64::from(order.grams.get(&gram).copied().unwrap_or(0));
            let own = (count - order.discount).max(0.0);
            let left = order.discount * f64::from(n_types);
            probability = (own + left * probability) / f64::from(total);
        }
        probability
    }

    /// The mean of −ln p over all tokens but the first.
    pub fn loss(&self, tokens: &[u32]) -> f64 {
        let n = self.orders.len();
        let surprise = |at: usize| {
            let start = at.saturating_sub(n - 1);
            -self.probability(&tokens[start..at], tokens[at]).ln()
        };
        let n_told = tokens.len().saturating_sub(1).max(1);
        (1..tokens.len()).map(surprise).sum::<f64>() / n_told as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one() {
        let tokens: Vec<u32> = (0..500_u32).map(|at| (at * at + at / 7) % 11).collect();
        for n in 1..=5 {
            let ngrams = Ngrams::count(&tokens, n, 13);
            for context in [&[][..], &[3], &[1, 2], &[12, 12, 4, 7], &tokens[100..104]] {
                let sum: f64 = (0..13).map(|token| ngrams.probability(context, token)).sum();
                assert!((sum - 1.0).abs() < 1e-9, "{n} {context:?}: {sum}");
            }
        }
    }

    #[test]
    fn two_bigrams_by_hand() {
        // 0 1 0 1 0 2: bigrams 01 ×2, 10 ×2, 02 ×1; one seen once, two seen twice: D = 1/5.
        let ngrams = Ngrams::count(&[0, 1, 0, 1, 0, 2], 2, 3);
        // Unigrams: each is behind one other; all three occur once, so D = 1 and all is uniform.
        assert!((ngrams.probability(&[], 1) - 1.0 / 3.0).abs() < 1e-12);
        let expected = (2.0 - 0.2) / 3.0 + 0.2 * 2.0 / 3.0 / 3.0;
        assert!((ngrams.probability(&[0], 1) - expected).abs() < 1e-12);
    }

    #[test]
    fn longer_contexts_tell_more_of_a_period() {
        let tokens: Vec<u32> = (0..600).map(|at| [0, 1, 0, 2, 0, 1, 3][at % 7]).collect();
        let losses = [1, 2, 4].map(|n| Ngrams::count(&tokens, n, 4).loss(&tokens));
        assert!(losses[0] > losses[1] && losses[1] > losses[2] && losses[2] < 0.05, "{losses:?}");
    }
}
