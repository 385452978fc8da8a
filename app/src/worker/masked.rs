//! Masked tokens: what a model with a head over the vocabulary expects in their places, and how
//! probable each token of a text is when it alone is masked (Salazar et al. 2020, "Masked
//! Language Model Scoring", arXiv 1910.14659).

use vitrine_kernels::Control;
use vitrine_models::{ModelError, sample};

use super::load::Loaded;
use super::post::post;
use super::run::candidate;
use super::studio::{LastRun, Studio};
use super::tokenizer::Tokenizer;
use crate::protocol::{FromWorker, MaskedPlace};

/// Candidates of each masked place.
const N_TOP: usize = 8;

/// The token that stands in masked places, by the two names that tokenizers have for it.
pub(super) fn mask_token(tokenizer: &Tokenizer) -> Option<u32> {
    [&b"[MASK]"[..], b"<mask>"].into_iter().find_map(|name| tokenizer.find(name))
}

impl Studio {
    /// Answers what the last run expects in the masked places, where the model has a head for it.
    pub async fn fill_masks(&mut self, control: &Control) {
        let (Some(last), Some(loaded)) = (&self.last, &mut self.loaded) else { return };
        if !loaded.card.can_mask() {
            return;
        }
        match places(loaded, last, control).await {
            Ok(places) => post(&FromWorker::Masked { run: last.run, places }),
            Err(err) => self.tell(&err),
        }
    }

    /// Masks each token of the last text alone.
    pub async fn mask_each(&mut self) {
        let control = self.desk.begin();
        let (Some(last), Some(loaded)) = (&self.last, &mut self.loaded) else { return };
        let outcome = mask_each(loaded, last, &control).await;
        // Whatever ended it: the panels read the visitor's text.
        let restored = self.restore(&self.desk.apart()).await;
        if let Err(err) = outcome.and(restored) {
            self.tell(&err);
        }
    }
}

async fn places(
    loaded: &mut Loaded,
    last: &LastRun,
    control: &Control,
) -> Result<Vec<MaskedPlace>, ModelError> {
    let mut places = Vec::new();
    for (at, view) in last.views.iter().enumerate().filter(|(_, view)| view.masked) {
        let logits = loaded.session.logits_of(at..at + 1, control).await?;
        let p = |id: usize| (-sample::cross_entropy(&logits, id)).exp();
        let original = view.id as usize;
        let top = sample::top_k(&logits, N_TOP);
        places.push(MaskedPlace {
            position: at as u32,
            p_of_original: p(original),
            rank_of_original: logits.iter().filter(|&&logit| logit > logits[original]).count()
                as u32,
            top: top.into_iter().map(|id| candidate(loaded, id as u32, p(id))).collect(),
        });
    }
    Ok(places)
}

async fn mask_each(
    loaded: &mut Loaded,
    last: &LastRun,
    control: &Control,
) -> Result<(), ModelError> {
    let Some(mask) = loaded.card.mask_token.filter(|_| loaded.card.can_mask()) else {
        let problem = "this model fills no masked places; take one with a masked-word head";
        return Err(ModelError::input("masks", problem));
    };
    let mut input = last.input.clone();
    input.ids = last.views.iter().map(|view| view.id).collect();
    let mut losses = vec![None; input.ids.len()];
    for (at, view) in last.views.iter().enumerate().filter(|(_, view)| !view.special) {
        input.ids[at] = mask;
        loaded.session.set_tokens(&input, control).await?;
        let logits = loaded.session.logits_of(at..at + 1, control).await?;
        input.ids[at] = view.id;
        losses[at] = Some(sample::cross_entropy(&logits, view.id as usize));
        post(&FromWorker::Losses { run: last.run, losses: losses.clone() });
        control.pause().await?;
    }
    Ok(())
}
