//! What a recorded run lacks for a panel: the hooks that its file does not have.

use crate::lens::attention::hooks_of_stage;
use crate::lens::residual;
use crate::lens::trace::layer_hook;
use crate::protocol::ModelCard;
use crate::state::url::{Stage, Tab};

/// Why a tab has nothing to draw; `None` where the file has what it needs, or there is a model.
pub fn tab(card: &ModelCard, tab: Tab, layer: usize) -> Option<String> {
    card.recorded.as_ref()?;
    let has = |hook: &str| card.hooks.iter().any(|known| known == hook);
    let lacking = |hook: String| (!has(&hook)).then(|| lacks(&hook));
    match tab {
        Tab::First | Tab::Norms => {
            let any = card.hooks.iter().any(|hook| hook.ends_with(".hook_scale"));
            let beside = "A recorded run holds no γ and β: those are weights of the model.";
            Some(if any { beside.to_owned() } else { lacks("blocks.N.ln1.hook_scale") })
        }
        Tab::Residual => residual::needed(card).find_map(lacking),
        Tab::Mlp => lacking(layer_hook(layer, "mlp.hook_post")),
        Tab::Loss => match card.recorded.as_ref().is_some_and(|facts| facts.has_ids) {
            true => lacking("logits".to_owned()),
            false => {
                Some("The file has no token_ids, so there is no loss of each token.".to_owned())
            }
        },
        Tab::Similarity | Tab::Positions | Tab::Weights => {
            Some("A recorded run has no weights: this panel needs a model.".to_owned())
        }
        Tab::Alignment | Tab::Beam | Tab::Card => None,
    }
}

/// Why a step of a head cannot be drawn.
pub fn stage(card: &ModelCard, stage: Stage, layer: usize) -> Option<String> {
    card.recorded.as_ref()?;
    let mut needed = hooks_of_stage(card, layer, stage).into_iter();
    needed.find(|hook| !card.hooks.contains(hook)).map(|hook| lacks(&hook))
}

fn lacks(hook: &str) -> String {
    format!("The file has no {hook}, so there is nothing to draw here.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::RecordedFacts;

    #[test]
    fn what_is_lacking_is_named() {
        let hooks = ["blocks.0.attn.hook_pattern", "logits"].map(Into::into).into();
        let recorded = Some(RecordedFacts { has_ids: true, notes: Vec::new() });
        let card = ModelCard { n_layers: 1, hooks, recorded, ..ModelCard::default() };
        assert_eq!(stage(&card, Stage::Pattern, 0), None);
        assert!(stage(&card, Stage::Scores, 0).unwrap().contains("blocks.0.attn.hook_q"));
        assert_eq!(tab(&card, Tab::Loss, 0), None);
        assert!(tab(&card, Tab::Residual, 0).unwrap().contains("blocks.0.hook_resid_pre"));
        let all = ["hook_resid_pre", "hook_attn_out", "hook_mlp_out", "hook_resid_post"];
        let hooks = all.map(|hook| format!("blocks.0.{hook}")).into();
        assert_eq!(tab(&ModelCard { hooks, ..card.clone() }, Tab::Residual, 0), None);
        assert!(tab(&card, Tab::Weights, 0).unwrap().contains("needs a model"));
        let model = ModelCard { recorded: None, ..card };
        assert_eq!((tab(&model, Tab::Residual, 0), stage(&model, Stage::Scores, 0)), (None, None));
    }
}
