//! Which hooks the visible panels need: the worker reads back these and nothing else.

use crate::lens::attention::hooks_of_stage;
use crate::lens::pair::REPLACED;
use crate::lens::trace::layer_hook;
use crate::lens::{align, norms, residual, stack};
use crate::protocol::{Attention, ModelCard, Wants};
use crate::rooms;
use crate::state::url::{AlignOf, Average, Place, Stage, Tab, UrlState, WallSort};

/// Longest text for which all normalised rows or all patterns are read back at once.
pub const MAX_TOKENS_OF_WHOLE: usize = 64;
/// Longest text for which every head is scored.
pub const MAX_TOKENS_OF_SCORES: usize = 128;

/// Most cells of cross-attention that are read back for the mean of all heads: 16 MiB.
pub const MAX_CELLS_OF_ALIGNMENT: usize = 4 << 20;

/// What is on screen, beside what the URL says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The layer that is shown: pinned or under the pointer.
    pub layer: usize,
    /// Tokens of the text.
    pub n_tokens: usize,
    /// The token whose logit lens is shown.
    pub lens_at: Option<u32>,
    /// The panel at the foot, where there is one yet.
    pub tab: Option<Tab>,
}

/// The wants of a page.
pub fn wants(url: &UrlState, card: &ModelCard, shown: Shown) -> Wants {
    let n_layers = card.n_layers as usize;
    let layer = shown.layer.min(n_layers.saturating_sub(1));
    let mut hooks = hooks_of_stage(card, layer, url.stage);
    let wants_all_layers = url.average == Average::Layers && url.stage == Stage::Pattern;
    let wants_scores = url.sort != WallSort::Layer && shown.n_tokens <= MAX_TOKENS_OF_SCORES;
    if wants_all_layers || wants_scores {
        hooks.extend((0..n_layers).map(|layer| layer_hook(layer, "attn.hook_pattern")));
    }
    if url.pair.is_some() {
        hooks.push("nsp_logits".into());
    }
    hooks.push(REPLACED.into());
    if url.place == Place::Room
        && let Some(room) = rooms::open(url.room.number)
    {
        hooks.extend(room.hooks.iter().map(|hook| layer_hook(layer, hook)));
        room.panels.iter().for_each(|&tab| hooks.extend(of_panel(tab, url, card, shown)));
    }
    // The line of invariants looks at the shown layer's first norm.
    hooks.push(layer_hook(layer, "ln1.hook_normalized"));
    if let Some(tab) = shown.tab {
        hooks.extend(of_panel(tab, url, card, shown));
    }
    let mut sorted: Vec<String> = Vec::with_capacity(hooks.len());
    for hook in hooks {
        if let Err(place) = sorted.binary_search(&hook)
            && card.hooks.contains(&hook)
        {
            sorted.insert(place, hook);
        }
    }
    Wants {
        hooks: sorted,
        lens_at: shown.lens_at.filter(|_| card.causal),
        losses: shown.tab == Some(Tab::Loss) && card.causal,
    }
}

/// The hooks of a panel at the foot.
fn of_panel(tab: Tab, url: &UrlState, card: &ModelCard, shown: Shown) -> Vec<String> {
    let layer = shown.layer.min((card.n_layers as usize).saturating_sub(1));
    let mut hooks = Vec::new();
    match tab {
        Tab::Norms => {
            for site in norms::sites(card) {
                let is_shown = site.starts_with(&format!("blocks.{layer}."));
                if is_shown || url.norms_after && shown.n_tokens <= MAX_TOKENS_OF_WHOLE {
                    hooks.push(format!("{site}.hook_normalized"));
                }
                hooks.push(format!("{site}.hook_scale"));
                if !card.rms_norm {
                    hooks.push(format!("{site}.hook_mean"));
                }
            }
        }
        Tab::Residual => hooks.extend(residual::hooks(card)),
        Tab::Mlp => hooks.push(layer_hook(layer, "mlp.hook_post")),
        _ => {}
    }
    hooks
}

/// The wants where one stack of a model is shown, by full names. The alignment of an
/// encoder–decoder's texts (`n_cells` a head) is wanted whatever is shown, unless they are long.
pub fn of_stack(
    url: &UrlState,
    model: &ModelCard,
    attention: Attention,
    card: &ModelCard,
    shown: Shown,
    n_cells: usize,
) -> Wants {
    let mut wants = wants(url, card, shown);
    if attention == Attention::Own {
        return wants;
    }
    let n_layers = model.n_layers as usize;
    let (n_maps, layer) = (n_layers * model.n_heads as usize, usize::from(url.layer));
    let align = if n_maps * n_cells > MAX_CELLS_OF_ALIGNMENT { AlignOf::Head } else { url.align };
    let own = wants.hooks.iter().map(|hook| stack::full_name(hook, attention));
    let mut hooks: Vec<String> =
        own.chain(align::hooks(n_layers, layer.min(n_layers.saturating_sub(1)), align)).collect();
    if url.place == Place::Room
        && let Some(room) = rooms::open(url.room.number)
    {
        hooks.extend((room.pair_hooks)(url, model));
    }
    hooks.sort_unstable();
    hooks.dedup();
    hooks.retain(|hook| model.hooks.contains(hook));
    wants.hooks = hooks;
    wants.lens_at = shown.lens_at.filter(|_| model.causal);
    wants.losses = shown.tab == Some(Tab::Loss) && model.causal;
    wants
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::url::RoomState;

    fn card() -> ModelCard {
        let mut hooks = vec!["ln_final.hook_scale".to_owned()];
        for layer in 0..3 {
            for hook in [
                "attn.hook_pattern",
                "attn.hook_q",
                "attn.hook_k",
                "ln1.hook_normalized",
                "ln1.hook_scale",
            ] {
                hooks.push(layer_hook(layer, hook));
            }
        }
        ModelCard { n_layers: 3, causal: true, rms_norm: true, hooks, ..ModelCard::default() }
    }

    const SHOWN: Shown = Shown { layer: 1, n_tokens: 9, lens_at: Some(8), tab: Some(Tab::Norms) };

    #[test]
    fn only_the_shown_layer_is_read_back() {
        let url = UrlState::default();
        let shown = Shown { tab: Some(Tab::Card), ..SHOWN };
        let wanted = wants(&url, &card(), shown);
        assert_eq!(wanted.hooks, ["blocks.1.attn.hook_pattern", "blocks.1.ln1.hook_normalized"]);
        assert_eq!(wanted.lens_at, Some(8));
        let scores = UrlState { stage: Stage::Scores, ..url };
        assert!(wants(&scores, &card(), shown).hooks.contains(&"blocks.1.attn.hook_q".into()));
    }

    #[test]
    fn every_pattern_is_read_back_only_when_asked_and_short() {
        let count = |url: &UrlState, n_tokens| {
            let hooks = wants(url, &card(), Shown { n_tokens, ..SHOWN }).hooks;
            hooks.iter().filter(|hook| hook.ends_with("hook_pattern")).count()
        };
        let sorted = UrlState { sort: WallSort::Sink, ..UrlState::default() };
        assert_eq!(count(&sorted, 9), 3);
        assert_eq!(count(&sorted, MAX_TOKENS_OF_SCORES + 1), 1);
        assert_eq!(count(&UrlState::default(), 9), 1);
    }

    #[test]
    fn norms_ask_for_statistics_that_the_model_has() {
        let hooks = wants(&UrlState::default(), &card(), SHOWN).hooks;
        assert_eq!(hooks.iter().filter(|hook| hook.ends_with("hook_scale")).count(), 4);
        assert!(hooks.iter().all(|hook| card().hooks.contains(hook)));
        let encoder = ModelCard { causal: false, ..card() };
        assert_eq!(wants(&UrlState::default(), &encoder, SHOWN).lens_at, None);
    }

    #[test]
    fn an_alignment_is_wanted_beside_the_stack_that_is_shown() {
        let model = crate::lens::stack::tests::model();
        let of = |attention, n_cells| {
            let card = stack::card(&model, attention);
            let shown = Shown { tab: Some(Tab::Alignment), ..SHOWN };
            of_stack(&UrlState::default(), &model, attention, &card, shown, n_cells)
        };
        let wanted = of(Attention::Encoder, 9);
        let patterns = ["decoder.0.cross_attn.hook_pattern", "encoder.0.attn.hook_pattern"];
        assert_eq!(wanted.hooks, patterns);
        assert_eq!(wanted.lens_at, Some(8), "the decoder's");
        assert_eq!(of(Attention::Cross, usize::MAX / 8).hooks, patterns[..1]);
    }

    #[test]
    fn a_room_may_want_hooks_of_both_stacks() {
        let model = crate::lens::stack::tests::model();
        let card = stack::card(&model, Attention::Encoder);
        let url = |place| UrlState { place, room: RoomState::of(2), ..UrlState::default() };
        let of = |place| of_stack(&url(place), &model, Attention::Encoder, &card, SHOWN, 9).hooks;
        let both = of(Place::Room);
        for hook in ["encoder.hook_embed", "decoder.0.attn.hook_pattern"] {
            assert!(
                both.contains(&hook.to_owned()) && !of(Place::Explorer).contains(&hook.to_owned())
            );
        }
        assert!(both.is_sorted() && both.iter().all(|hook| model.hooks.contains(hook)));
    }

    #[test]
    fn a_layer_from_another_model_is_clamped() {
        let wanted = wants(&UrlState::default(), &card(), Shown { layer: 900, ..SHOWN });
        assert!(wanted.hooks.contains(&"blocks.2.attn.hook_pattern".into()));
    }
}
