//! Pairs of texts: the next-sentence head of BERT (Devlin et al. 2018, arXiv 1810.04805, 3.1).

use crate::lens::trace::Tensor;

/// Probability that the second text follows the first: softmax of the head's two scores, of which
/// the first stands for "it follows". None where they are not there or not finite.
pub fn follows(scores: &Tensor) -> Option<f32> {
    let &[follows, is_other] = scores.values.as_ref() else { return None };
    let p = 1.0 / (1.0 + (is_other - follows).exp());
    p.is_finite().then_some(p)
}

#[cfg(test)]
mod tests {
    use super::*;

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
