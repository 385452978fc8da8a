//! A look at the loaded model with something of it changed.

use std::collections::BTreeSet;

use vitrine_kernels::Control;
use vitrine_models::session::Change;
use vitrine_models::{ModelError, sample};

use super::load::Loaded;
use super::post::post;
use super::run::candidate;
use super::studio::Studio;
use crate::protocol::{ChangeAsk, ChangeOf, Changed, FromWorker};

/// Likeliest next tokens that are told, of either.
const N_NEXT: usize = 5;

impl Studio {
    /// Runs the last text with a change, and without it again.
    pub async fn change(&mut self, ask: ChangeAsk) {
        let control = self.desk.begin();
        let ChangeAsk { no, run, of } = ask;
        let changed = Changed { no, run, ..Changed::default() };
        let is_there = self.last.as_ref().is_some_and(|last| last.run == run);
        let Some(loaded) = self.loaded.as_mut().filter(|_| is_there && self.playback.is_none())
        else {
            let why_not = "There is no run of a model to change.".to_owned();
            return post(&FromWorker::Changed(Changed { why_not, ..changed }));
        };
        let answer = match look(loaded, of, &control).await {
            Ok((divergences, next)) => Changed { divergences, next, ..changed },
            Err(err) => Changed { why_not: format!("{err}."), ..changed },
        };
        post(&FromWorker::Changed(answer));
        if let Err(err) = self.restore(&self.desk.begin()).await {
            self.tell(&err);
        }
    }
}

type Next = Vec<(String, f32, f32)>;

async fn look(
    loaded: &mut Loaded,
    of: ChangeOf,
    control: &Control,
) -> Result<(Vec<f32>, Next), ModelError> {
    let change = match of {
        ChangeOf::OtherNorm => Change::OtherNorm,
        ChangeOf::Head { layer, head, values } => {
            Change::Head { layer: layer as usize, head: head as usize, values: values.into() }
        }
    };
    let changed = loaded.session.changed(&change, control).await?;
    let ids: BTreeSet<usize> =
        changed.logits.iter().flat_map(|logits| sample::top_k(logits, N_NEXT)).collect();
    let [before, after] = [0, 1].map(|at: usize| sample::log_probabilities(&changed.logits[at]));
    let mut next: Next = ids
        .into_iter()
        .map(|id| {
            let text = candidate(loaded, id as u32, 0.0).text;
            (text, before[id].exp(), after[id].exp())
        })
        .collect();
    next.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok((changed.divergences, next))
}
