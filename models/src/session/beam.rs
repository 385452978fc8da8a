//! Beam search (Graves 2012, arXiv 1211.3711; Sutskever et al. 2014, arXiv 1409.3215), step by step
//! as transformers' `generate` does it, kept as a tree.
//!
//! Hypotheses run one after another, in the order of their tokens, so that each finds most of its
//! rows in the states already: whatever a model keeps of its past, there is nothing to reorder.

use vitrine_kernels::Control;

use super::{Input, Session};
use crate::error::ModelError;
use crate::order::sorted;
use crate::sample;

/// When to stop once there are as many ended hypotheses as beams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EarlyStopping {
    /// When the best running one, were it to end now, would not get among them.
    #[default]
    Heuristic,
    /// At once.
    AtOnce,
    /// When no running one can get among them any more.
    Never,
}

/// How to search, in transformers' terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Beams {
    /// Hypotheses that run side by side (`num_beams`); 1 is greedy search.
    pub n_beams: usize,
    /// Longest continuation (`max_new_tokens`).
    pub max_tokens: usize,
    /// No end before so many tokens (`min_new_tokens`).
    pub min_tokens: usize,
    /// A hypothesis of n tokens scores log p / n^this.
    pub length_penalty: f32,
    /// When to stop.
    pub early_stopping: EarlyStopping,
    /// Tokens that end a hypothesis.
    pub eos: Vec<u32>,
    /// Tokens that never come (`suppress_tokens`, and `bad_words_ids` of one token).
    pub suppressed: Vec<u32>,
    /// The first token, whatever its probability (`forced_bos_token_id`).
    pub forced_first: Option<u32>,
    /// The last token of the longest continuation (`forced_eos_token_id`).
    pub forced_last: Option<u32>,
    /// Runs of so many tokens come once only (`no_repeat_ngram_size`); 0: no such rule.
    pub no_repeat: usize,
}

impl Beams {
    /// Greedy search.
    pub fn greedy(max_tokens: usize, eos: &[u32]) -> Self {
        Self {
            n_beams: 1,
            max_tokens,
            min_tokens: 0,
            length_penalty: 1.0,
            early_stopping: EarlyStopping::Heuristic,
            eos: eos.to_vec(),
            suppressed: Vec::new(),
            forced_first: None,
            forced_last: None,
            no_repeat: 0,
        }
    }
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was (or is) among the beams.
    Kept,
    /// It ended, and was taken among the hypotheses (which better ones may have pushed out later).
    Ended,
    /// Others were better.
    Dropped,
}

/// One candidate of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeamNode {
    /// The node that it follows; `None` after the prompt.
    pub parent: Option<usize>,
    /// The token that it adds.
    pub token: u32,
    /// ln p of that token.
    pub log_p: f32,
    /// Sum of ln p since the prompt.
    pub score: f32,
    /// Tokens since the prompt.
    pub n_tokens: usize,
    /// What became of it.
    pub fate: Fate,
}

/// A hypothesis that has ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hypothesis {
    /// Its last node.
    pub node: usize,
    /// Its score for its length.
    pub score: f32,
}

/// A search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BeamTree {
    /// All candidates, step by step, the best of a step first.
    pub nodes: Vec<BeamNode>,
    /// The best that have ended, best first.
    pub hypotheses: Vec<Hypothesis>,
}

impl BeamTree {
    /// The tokens from the prompt to a node.
    pub fn tokens(&self, node: usize) -> Vec<u32> {
        let mut tokens = Vec::new();
        let mut at = Some(node);
        while let Some(node) = at.and_then(|at| self.nodes.get(at)) {
            tokens.push(node.token);
            at = node.parent;
        }
        tokens.reverse();
        tokens
    }
}

/// One of the beams: its last node and score.
#[derive(Clone, Copy)]
struct Beam {
    node: Option<usize>,
    score: f32,
}

/// Score of beams that stand for nothing yet, as transformers has it.
const NO_BEAM: f32 = -1e9;

impl Session {
    /// Continues a text (of an encoder–decoder: the target) by beam search; `progress` sees the
    /// tree after each step. Afterwards the session holds the last hypothesis that ran.
    ///
    /// # Errors
    /// A model without a head over the vocabulary; those of [`Session::set_tokens`].
    pub async fn beam_search(
        &mut self,
        input: &Input,
        beams: &Beams,
        control: &Control,
        progress: &mut dyn FnMut(&BeamTree),
    ) -> Result<BeamTree, ModelError> {
        let spec = self.spec();
        if !spec.has_logits || !spec.causal {
            return Err(ModelError::input("beams", "this model does not predict next tokens"));
        }
        let n_free = spec.n_ctx.saturating_sub(input.ids.len());
        let max_tokens = beams.max_tokens.min(n_free);
        let mut search = Search::new(beams, max_tokens);
        for step in 0..max_tokens {
            let rows = self.run_beams(input, &search, control).await?;
            let goes_on = search.step(step, &input.ids, &rows);
            progress(&search.tree);
            if !goes_on {
                break;
            }
        }
        Ok(search.tree)
    }

    /// ln p of every next token, of each beam.
    async fn run_beams(
        &mut self,
        input: &Input,
        search: &Search<'_>,
        control: &Control,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let texts: Vec<_> = search.beams.iter().map(|beam| search.text(&input.ids, beam)).collect();
        let mut rows = vec![Vec::new(); texts.len()];
        for idx in sorted(texts.len(), &mut |a, b| texts[a].cmp(&texts[b])) {
            let mut input = Input { ids: texts[idx].clone(), ..input.clone() };
            for (list, value) in [(&mut input.token_types, 0), (&mut input.attention_mask, 1)] {
                if let Some(list) = list {
                    list.resize(texts[idx].len(), value);
                }
            }
            self.set_tokens(&input, control).await?;
            rows[idx] = sample::log_probabilities(&self.choice_logits());
        }
        Ok(rows)
    }
}

/// A search at work.
struct Search<'a> {
    settings: &'a Beams,
    max_tokens: usize,
    tree: BeamTree,
    beams: Vec<Beam>,
}

impl<'a> Search<'a> {
    fn new(settings: &'a Beams, max_tokens: usize) -> Self {
        let beam = Beam { node: None, score: 0.0 };
        Self { settings, max_tokens, tree: BeamTree::default(), beams: vec![beam] }
    }

    /// The prompt and the tokens of a beam.
    fn text(&self, prompt: &[u32], beam: &Beam) -> Vec<u32> {
        let tokens = beam.node.map_or(Vec::new(), |node| self.tree.tokens(node));
        [prompt, &tokens].concat()
    }

    /// Takes one step with ln p of the next token of each beam. Returns whether to go on.
    fn step(&mut self, step: usize, prompt: &[u32], rows: &[Vec<f32>]) -> bool {
        let n_beams = self.settings.n_beams.max(1);
        let candidates = self.candidates(step, prompt, rows);
        let is_last = step + 1 == self.max_tokens;
        let ends = |node: &BeamNode| is_last || self.settings.eos.contains(&node.token);
        let takes_more = !(self.is_full() && self.early_stopping() == EarlyStopping::AtOnce);
        let (mut beams, mut ended) = (Vec::new(), Vec::new());
        let first = self.tree.nodes.len();
        for (idx, mut node) in candidates.into_iter().enumerate() {
            let at = first + idx;
            // Those behind the first n_beams are there to take the places of ended ones only.
            if ends(&node) {
                if idx < n_beams && takes_more {
                    node.fate = Fate::Ended;
                    let score = node.score / self.penalty(step + 1);
                    ended.push(Hypothesis { node: at, score });
                }
            } else if beams.len() < n_beams {
                node.fate = Fate::Kept;
                beams.push(Beam { node: Some(at), score: node.score });
            }
            self.tree.nodes.push(node);
        }
        self.add(ended);
        self.beams = beams;
        let is_done = self.is_full() && self.early_stopping() == EarlyStopping::AtOnce;
        !is_done && !is_last && self.can_improve(step + 1)
    }

    /// The best continuations of all beams, best first: enough that n_beams are left when as many
    /// end.
    fn candidates(&self, step: usize, prompt: &[u32], rows: &[Vec<f32>]) -> Vec<BeamNode> {
        let n_kept = (1 + self.settings.eos.len()).max(2) * self.settings.n_beams.max(1);
        let mut nodes: Vec<BeamNode> = Vec::new();
        for (beam, row) in self.beams.iter().zip(rows) {
            let row = self.ruled(row.clone(), step, &self.text(prompt, beam));
            let best =
                sample::top_k(&row, n_kept).into_iter().filter(|&token| row[token] > NO_BEAM);
            nodes.extend(best.map(|token| BeamNode {
                parent: beam.node,
                token: token as u32,
                log_p: row[token],
                score: beam.score + row[token],
                n_tokens: step + 1,
                fate: Fate::Dropped,
            }));
        }
        let order = sorted(nodes.len(), &mut |a, b| nodes[b].score.total_cmp(&nodes[a].score));
        order.into_iter().take(n_kept).map(|idx| nodes[idx]).collect()
    }

    /// ln p under the rules about what may come.
    fn ruled(&self, mut row: Vec<f32>, step: usize, text: &[u32]) -> Vec<f32> {
        let rules = self.settings;
        let mut forbid = |token: u32| {
            if let Some(cell) = row.get_mut(token as usize) {
                *cell = f32::NEG_INFINITY;
            }
        };
        if step < rules.min_tokens {
            rules.eos.iter().for_each(|&token| forbid(token));
        }
        if rules.no_repeat > 0 && text.len() + 1 >= rules.no_repeat {
            let start = &text[text.len() + 1 - rules.no_repeat..];
            let runs = text.windows(rules.no_repeat);
            runs.filter(|run| run.starts_with(start)).for_each(|run| forbid(run[start.len()]));
        }
        rules.suppressed.iter().for_each(|&token| forbid(token));
        let last = rules.forced_last.filter(|_| step + 1 == self.max_tokens);
        let forced = last.or(rules.forced_first.filter(|_| step == 0));
        if let Some(forced) = forced {
            row.fill(f32::NEG_INFINITY);
            if let Some(cell) = row.get_mut(forced as usize) {
                *cell = 0.0;
            }
        }
        row
    }

    /// Takes ended hypotheses among the best.
    fn add(&mut self, ended: Vec<Hypothesis>) {
        let all = &mut self.tree.hypotheses;
        all.extend(ended);
        let order = sorted(all.len(), &mut |a, b| all[b].score.total_cmp(&all[a].score));
        let best = order.into_iter().take(self.settings.n_beams.max(1));
        *all = best.map(|idx| all[idx]).collect();
    }

    fn is_full(&self) -> bool {
        self.tree.hypotheses.len() >= self.settings.n_beams.max(1)
    }

    /// Of one beam the first end is the end.
    fn early_stopping(&self) -> EarlyStopping {
        match self.settings.n_beams {
            0 | 1 => EarlyStopping::AtOnce,
            _ => self.settings.early_stopping,
        }
    }

    fn penalty(&self, n_tokens: usize) -> f32 {
        (n_tokens as f32).powf(self.settings.length_penalty)
    }

    /// Whether the best beam could get among the hypotheses.
    fn can_improve(&self, n_tokens: usize) -> bool {
        let Some(best) = self.beams.first() else { return false };
        let is_never = self.early_stopping() == EarlyStopping::Never;
        let n_tokens = match is_never && self.settings.length_penalty > 0.0 {
            true => self.max_tokens,
            false => n_tokens,
        };
        let worst = self.tree.hypotheses.last().filter(|_| self.is_full());
        worst.is_none_or(|worst| best.score / self.penalty(n_tokens) > worst.score)
    }
}
