//! Runs of encoder–decoders: a source text, and a target that the visitor typed or that the model
//! writes by greedy or beam search.

use serde_json::{Map, Value};
use vitrine_kernels::Control;
use vitrine_models::session::{self, BeamTree, Beams, EarlyStopping};
use vitrine_models::tokenize::visible;
use vitrine_models::weights::Checkpoint;
use vitrine_models::{Input, ModelError};

use super::js;
use super::load::Loaded;
use super::post::{fault, post};
use super::run::notice;
use super::source::BlobSource;
use super::studio::Studio;
use super::text::{self, Piece};
use super::tokenizer::Tokenizer;
use crate::protocol::{
    BeamNode, Fate, FaultPlace, FromWorker, Hypothesis, RunJob, RunReport, Target, TokenView,
    Written,
};

/// While the model writes, the page hears of it at most so often.
const TELL_EVERY_MS: f64 = 50.0;

/// How a model of these files is to be searched, as transformers reads generation_config.json or,
/// without one, config.json. `n_beams` and `max_tokens` are the visitor's.
pub(super) async fn rules(
    checkpoint: &Checkpoint<BlobSource>,
    eos: &[u32],
) -> Result<Beams, ModelError> {
    let side = checkpoint.side_json("generation_config.json").await?;
    Ok(rules_of(side.as_ref().or(checkpoint.config_json()), eos))
}

fn rules_of(fields: Option<&Map<String, Value>>, eos: &[u32]) -> Beams {
    let mut beams = Beams::greedy(0, eos);
    let Some(fields) = fields else { return beams };
    let number = |name: &str| fields.get(name).and_then(Value::as_u64);
    let id = |name: &str| number(name).and_then(|id| u32::try_from(id).ok());
    let ids = |value: &Value| -> Vec<u32> {
        let all = value.as_array().into_iter().flatten();
        all.filter_map(|id| u32::try_from(id.as_u64()?).ok()).collect()
    };
    beams.forced_first = id("forced_bos_token_id");
    beams.forced_last = id("forced_eos_token_id");
    beams.suppressed = fields.get("suppress_tokens").map(ids).unwrap_or_default();
    // Of `bad_words_ids` those of one token; Marian forbids its padding so.
    for words in fields.get("bad_words_ids").and_then(Value::as_array).into_iter().flatten() {
        if let [id] = ids(words)[..] {
            beams.suppressed.push(id);
        }
    }
    // Transformers counts the token that the target begins with.
    beams.min_tokens = number("min_length").map_or(0, |n| (n as usize).saturating_sub(1));
    beams.no_repeat = number("no_repeat_ngram_size").unwrap_or(0) as usize;
    let penalty = fields.get("length_penalty").and_then(Value::as_f64);
    beams.length_penalty = penalty.unwrap_or(1.0) as f32;
    beams.early_stopping = match fields.get("early_stopping") {
        Some(Value::Bool(true)) => EarlyStopping::AtOnce,
        Some(Value::String(_)) => EarlyStopping::Never,
        _ => EarlyStopping::Heuristic,
    };
    beams
}

impl Studio {
    /// Runs a source and its target.
    pub async fn run_pair(&mut self, job: RunJob, control: &Control) {
        if let Err(err) = self.try_pair(&job, control).await
            && self.mend(&err).await
        {
            self.desk.run_again(job);
        }
    }

    async fn try_pair(&mut self, job: &RunJob, control: &Control) -> Result<(), ModelError> {
        let run = job.run;
        let Some(loaded) = &self.loaded else { return Ok(()) };
        let spec = loaded.session.spec().clone();
        let Some(encoder) = &spec.encoder else { return Ok(()) };
        let ending = |id| Piece { id, span: None, special: true, second: false };
        let end = spec.source_end.map(ending);
        let n_ctx = encoder.n_ctx.saturating_sub(usize::from(end.is_some()));
        let (mut source, n_over, is_clipped) = encode(&loaded.tokenizer, &job.text, n_ctx).await?;
        // Where the tokenizer's file does not say that a source has an end, the model does.
        if end.is_some_and(|end| source.last().is_none_or(|last| last.id != end.id)) {
            source.extend(end);
        }
        control.check()?;
        let is_empty = source.iter().all(|piece| piece.special);
        let source = if is_empty { Vec::new() } else { source };
        let tokens = views(loaded, &source, false);
        let notice = notice(encoder, n_over, is_clipped);
        post(&FromWorker::Source { run, tokens, notice });
        if is_empty {
            self.last = None;
            post(&FromWorker::Tokens { run, tokens: Vec::new(), notice: None });
            post(&FromWorker::Ran(RunReport { run, ..RunReport::default() }));
            self.repaint().await;
            return Ok(());
        }
        let Some(start) = spec.decoder_start else {
            let what = "The configuration of this model names no token that a target begins with \
                        (decoder_start_token_id)";
            fault(FaultPlace::Run, what, "Add it to config.json, or take another model.");
            return Ok(());
        };
        let start = ending(start);
        let source: Vec<u32> = source.iter().map(|piece| piece.id).collect();
        let started = js::now();
        let (target, notice, is_written) = match &job.target {
            Some(Target::Typed(text)) => {
                let (pieces, notice) = typed(loaded, text, spec.n_ctx - 1).await?;
                (pieces, notice, false)
            }
            target => {
                let (n_beams, max_tokens) = match target {
                    Some(Target::Written { n_beams, max_tokens }) => (*n_beams, *max_tokens),
                    _ => (1, 0),
                };
                let input = Input::pair(&source, &[start.id]);
                let (pieces, notice) =
                    self.write(run, &input, [n_beams, max_tokens], control).await?;
                (pieces, notice, true)
            }
        };
        let Some(loaded) = &self.loaded else { return Ok(()) };
        let pieces = [vec![start], target].concat();
        let ids: Vec<u32> = pieces.iter().map(|piece| piece.id).collect();
        let tokens = views(loaded, &pieces, is_written);
        control.check()?;
        post(&FromWorker::Tokens { run, tokens: tokens.clone(), notice });
        let input = Input::pair(&source, &ids);
        let (mut info, read) = self.set_tokens(&input, control).await?;
        if is_written {
            // The search has left most rows there: what it took is what the visitor waited for.
            (info.ms, info.n_reused) = (js::now() - started, 0);
        }
        self.completed(run, input, tokens, info, read);
        self.report();
        self.show().await;
        self.answer_with(control).await;
        Ok(())
    }

    /// Lets the model write; its best hypothesis, without the token that ends it.
    async fn write(
        &mut self,
        run: u32,
        input: &Input,
        [n_beams, max_tokens]: [u32; 2],
        control: &Control,
    ) -> Result<(Vec<Piece>, Option<String>), ModelError> {
        let Some(Loaded { session, tokenizer, rules, .. }) = &mut self.loaded else {
            return Ok((Vec::new(), None));
        };
        let beams =
            Beams { n_beams: n_beams as usize, max_tokens: max_tokens as usize, ..rules.clone() };
        // What the tokenizer adds to every text is no part of what is written.
        let added = tokenizer.encode("", None).await.unwrap_or_default();
        let unread: Vec<u32> =
            added.iter().map(|piece| piece.id).chain(beams.eos.iter().copied()).collect();
        let mut told_at = js::now();
        let tell = |tree: &BeamTree, is_done: bool| {
            let written = Written { run, n_beams, is_done, ..written(tree, &unread, tokenizer) };
            post(&FromWorker::Written(Box::new(written)));
        };
        let mut progress = |tree: &BeamTree| {
            if js::now() - told_at >= TELL_EVERY_MS {
                told_at = js::now();
                tell(tree, false);
            }
        };
        let tree = session.beam_search(input, &beams, control, &mut progress).await?;
        tell(&tree, true);
        let best = best_of(&tree).map_or(Vec::new(), |node| tree.tokens(node));
        let is_ended = best.last().is_some_and(|id| beams.eos.contains(id));
        let notice = (!is_ended && best.len() >= beams.max_tokens)
            .then(|| format!("Stopped after {} tokens, without an end.", beams.max_tokens));
        let kept = best.len() - usize::from(is_ended);
        let piece = |&id: &u32| Piece { id, span: None, special: false, second: false };
        Ok((best[..kept].iter().map(piece).collect(), notice))
    }
}

/// A text as tokens, cut to `n_ctx`; how many tokens were left out, and whether it was clipped
/// before.
async fn encode(
    tokenizer: &Tokenizer,
    text: &str,
    n_ctx: usize,
) -> Result<(Vec<Piece>, usize, bool), ModelError> {
    let (clipped, _) = text::clipped(text, false);
    let pieces = tokenizer.encode(clipped, None).await;
    let mut pieces = pieces.map_err(|problem| ModelError::input("text", problem))?;
    let n_over = text::cut_to_context(&mut pieces, n_ctx, false);
    Ok((pieces, n_over, clipped.len() < text.len()))
}

/// A typed target: what the decoder reads lacks the token that would end it.
async fn typed(
    loaded: &Loaded,
    text: &str,
    n_ctx: usize,
) -> Result<(Vec<Piece>, Option<String>), ModelError> {
    let (mut pieces, _, is_clipped) = encode(&loaded.tokenizer, text, usize::MAX).await?;
    while pieces.last().is_some_and(|piece| piece.special) {
        pieces.pop();
    }
    let n_over = pieces.len().saturating_sub(n_ctx);
    pieces.truncate(n_ctx);
    let notice = (n_over > 0 || is_clipped).then(|| {
        format!("The target is longer than the decoder takes: its first {n_ctx} tokens are read.")
    });
    Ok((pieces, notice))
}

fn views(loaded: &Loaded, pieces: &[Piece], is_written: bool) -> Vec<TokenView> {
    let view = |&piece: &Piece| {
        let bytes = loaded.tokenizer.bytes_of(piece.id);
        text::view(piece, bytes, is_written && !piece.special)
    };
    pieces.iter().map(view).collect()
}

/// The last node of the best hypothesis; while none has ended, of the best that runs.
fn best_of(tree: &BeamTree) -> Option<usize> {
    let ended = tree.hypotheses.first().map(|hypothesis| hypothesis.node);
    let last_step = tree.nodes.last().map_or(0, |node| node.n_tokens);
    let runs =
        |node: &session::BeamNode| node.fate == session::Fate::Kept && node.n_tokens == last_step;
    ended.or_else(|| tree.nodes.iter().position(runs))
}

fn written(tree: &BeamTree, unread: &[u32], tokenizer: &Tokenizer) -> Written {
    let text = |node: usize| text_of(&tree.tokens(node), unread, tokenizer);
    let node = |node: &session::BeamNode| BeamNode {
        parent: node.parent.map(|parent| parent as u32),
        id: node.token,
        text: visible(tokenizer.bytes_of(node.token)),
        log_p: node.log_p,
        score: node.score,
        n_tokens: node.n_tokens as u32,
        fate: match node.fate {
            session::Fate::Kept => Fate::Kept,
            session::Fate::Ended => Fate::Ended,
            session::Fate::Dropped => Fate::Dropped,
        },
    };
    let chosen = best_of(tree);
    Written {
        text: chosen.map(text).unwrap_or_default(),
        chosen: chosen.map(|node| node as u32),
        nodes: tree.nodes.iter().map(node).collect(),
        hypotheses: tree
            .hypotheses
            .iter()
            .map(|hypothesis| Hypothesis {
                node: hypothesis.node as u32,
                score: hypothesis.score,
                text: text(hypothesis.node),
            })
            .collect(),
        ..Written::default()
    }
}

/// Tokens as a text: the bytes of those that are read, in a row.
fn text_of(ids: &[u32], unread: &[u32], tokenizer: &Tokenizer) -> String {
    let shown = ids.iter().filter(|id| !unread.contains(id));
    let bytes: Vec<u8> = shown.flat_map(|&id| tokenizer.bytes_of(id).to_vec()).collect();
    String::from_utf8_lossy(&bytes).trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules_from(json: &str) -> Beams {
        let value: Value = serde_json::from_str(json).unwrap();
        rules_of(value.as_object(), &[2])
    }

    #[test]
    fn rules_are_read_as_transformers_reads_them() {
        let beams = rules_from(
            r#"{"forced_eos_token_id":2,"bad_words_ids":[[7],[1,2]],"min_length":5,"num_beams":4,
                "length_penalty":2.0,"early_stopping":true,"no_repeat_ngram_size":3}"#,
        );
        assert_eq!((beams.forced_first, beams.forced_last), (None, Some(2)));
        assert_eq!((beams.suppressed, beams.min_tokens, beams.no_repeat), (vec![7], 4, 3));
        assert_eq!((beams.length_penalty, beams.early_stopping), (2.0, EarlyStopping::AtOnce));
    }

    #[test]
    fn what_is_no_rule_is_left_out() {
        let odd = r#"{"forced_eos_token_id":-1,"bad_words_ids":"x","suppress_tokens":[1e99,null],
                      "min_length":null,"length_penalty":"a"}"#;
        assert_eq!(rules_from(odd), Beams::greedy(0, &[2]));
        assert_eq!(rules_of(None, &[2]), Beams::greedy(0, &[2]));
    }

    #[test]
    fn the_best_runs_until_one_has_ended() {
        let node = |n_tokens, fate| session::BeamNode {
            parent: None,
            token: 0,
            log_p: -1.0,
            score: -1.0,
            n_tokens,
            fate,
        };
        let (kept, dropped) = (session::Fate::Kept, session::Fate::Dropped);
        let nodes = vec![node(1, kept), node(2, dropped), node(2, kept), node(2, kept)];
        let mut tree = BeamTree { nodes, hypotheses: Vec::new() };
        assert_eq!(best_of(&tree), Some(2));
        tree.hypotheses.push(session::Hypothesis { node: 0, score: -0.5 });
        assert_eq!(best_of(&tree), Some(0));
        assert_eq!(best_of(&BeamTree::default()), None);
    }
}
