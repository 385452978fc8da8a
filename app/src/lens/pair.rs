//! Heads of encoders that judge: whether one text follows another (BERT, Devlin et al. 2018, arXiv 1810.04805,
//! 3.1), which tokens were put in the place of others (ELECTRA, Clark et al. 2020, arXiv 2003.10555, 2).

use crate::lens::trace::Tensor;

/// Probability that the second text follows the first: softmax of the head's two scores, of which
/// the first stands for "it follows". None where they are not there or not finite.
pub fn follows(scores: &Tensor) -> Option<f32> {
    let &[follows, is_other] = scores.values.as_ref() else { return None };
    let p = 1.0 / (1.0 + (is_other - follows).exp());
    p.is_finite().then_some(p)
}

/// The hook of a discriminator's scores, `[T, 1]`.
pub const REPLACED: &str = "discriminator_logits";

/// Probability of each token that it was put in the place of another: the sigmoid of its score.
pub fn replaced(scores: &Tensor) -> Vec<f32> {
    scores.values.iter().map(|score| 1.0 / (1.0 + (-score).exp())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_become_probabilities() {
        let scores = Tensor { shape: vec![3, 1], values: vec![0.0, 200.0, -2.0].into() };
        let shares = replaced(&scores);
        assert_eq!(shares[..2], [0.5, 1.0]);
        assert!((shares[2] - 0.119_203).abs() <= 1e-6);
    }

    fn of(values: &[f32]) -> Option<f32> {
        follows(&Tensor { shape: vec![values.len()], values: values.into() })
    }

    #[test]
    fn the_first_score_stands_for_following() {
        assert!((of(&[2.0, 0.0]).unwrap() - 0.880_797).abs() <= 1e-6);
        assert_eq!(of(&[1.0, 1.0]), Some(0.5));
        assert_eq!(of(&[200.0, -200.0]), Some(1.0));
        assert_eq!((of(&[f32::NAN, 0.0]), of(&[1.0])), (None, None));
    }
}
