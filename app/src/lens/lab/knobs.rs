//! The knobs of a run: one static list, whose order is the order on screen. A value is text, as it
//! stands in an address; the worker reads and judges it, and says which knob it refuses.

use crate::format;

/// A knob.
#[derive(Debug)]
pub struct Knob {
    /// The field of the trainer's configuration.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// What it does: one sentence.
    pub help: &'static str,
    /// Where it stands.
    pub group: Group,
    /// What it can be.
    pub kind: Kind,
    /// What it is when nobody turns it.
    pub plain: &'static str,
}

/// Where a knob stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// What is trained on.
    Data,
    /// What is trained.
    Model,
    /// How parameters follow gradients.
    Optimiser,
    /// How the learning rate changes.
    Schedule,
    /// How long.
    Run,
}

impl Group {
    /// All, in the order of the screen, with their names.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Data, "Data"),
        (Self::Model, "Model"),
        (Self::Optimiser, "Optimiser"),
        (Self::Schedule, "Learning rate over time"),
        (Self::Run, "Run"),
    ];
}

/// What a knob can be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// One of some words, each with what it is called.
    Words(&'static [(&'static str, &'static str)]),
    /// A whole number from, to.
    Whole(u32, u32),
    /// A number from, to.
    Real(f64, f64),
    /// Yes or no.
    Flag,
}

/// The name of the knob that says what is trained on.
pub const TASK: &str = "data.task";
/// The name of the knob for the learning rate.
pub const RATE: &str = "optimiser.rate";
/// The seed's name in an address, where `seed` is the Explorer's.
const SEED_IN_HASH: &str = "train.seed";

macro_rules! knobs {
    ($($group:ident { $($name:literal $title:literal $kind:expr, $plain:literal, $help:literal;)* })*) => {
        /// All knobs.
        pub const KNOBS: &[Knob] = &[$($(Knob {
            name: $name, title: $title, help: $help, group: Group::$group, kind: $kind, plain: $plain,
        },)*)*];
    };
}

const TASK_WORDS: &[(&str, &str)] = &[
    ("dates", "dates"),
    ("numbers", "numbers in words"),
    ("reversal", "reversal"),
    ("copy", "copy"),
    ("sort", "sort"),
    ("addition", "addition"),
    ("associative_recall", "associative recall"),
    ("induction", "induction"),
    ("brackets", "bracket depth"),
    ("parity", "parity"),
    ("majority", "majority"),
    ("language", "languages"),
    ("text", "a text"),
];
const OBJECTIVES: &[(&str, &str)] = &[
    ("next", "the next token"),
    ("token_masking", "masked tokens"),
    ("token_deletion", "missing tokens"),
    ("text_infilling", "infilling"),
    ("sentence_permutation", "shuffled sentences"),
    ("document_rotation", "another beginning"),
    ("spans_r", "short spans"),
    ("spans_s", "the second half"),
    ("spans_x", "long spans"),
];
const TOKENIZERS: &[(&str, &str)] = &[
    ("characters", "characters"),
    ("byte_bpe", "byte pairs (BPE)"),
    ("word_piece", "pieces of words (WordPiece)"),
];
const KINDS: &[(&str, &str)] = &[
    ("gpt2", "GPT-2: decoder"),
    ("llama", "Llama: decoder"),
    ("gpt_neox", "GPT-NeoX: decoder"),
    ("bloom", "BLOOM: decoder"),
    ("bert", "BERT: encoder"),
    ("transformer", "2017: encoder–decoder"),
    ("bart", "BART: encoder–decoder"),
    ("gru", "GRU with attention: encoder–decoder"),
    ("gru_fixed", "GRU without: encoder–decoder"),
    ("lstm", "LSTM: decoder"),
    ("nano", "your own: decoder"),
    ("nano_encoder", "your own: encoder"),
];
const NORM_PLACES: &[(&str, &str)] = &[
    ("pre", "before a part (Pre-LN)"),
    ("post", "after the sum (Post-LN)"),
    ("sandwich", "before and after"),
    ("residual-dual", "two streams (ResiDual)"),
];
const NORMS: &[(&str, &str)] = &[("layer", "LayerNorm"), ("rms", "RMSNorm"), ("none", "none")];
const ATTENTIONS: &[(&str, &str)] =
    &[("softmax", "softmax"), ("linear", "linear (sum rule)"), ("delta", "delta rule")];
const FEATURES: &[(&str, &str)] = &[
    ("identity", "none"),
    ("elu", "elu(x) + 1"),
    ("relu", "ReLU"),
    ("dpfp1", "DPFP-1"),
    ("dpfp2", "DPFP-2"),
    ("dpfp3", "DPFP-3"),
];
const POSITIONS: &[(&str, &str)] = &[
    ("none", "none"),
    ("sinusoidal", "sinusoids"),
    ("learned", "a learned table"),
    ("rotary", "rotary"),
    ("alibi", "ALiBi"),
];
const ACTIVATIONS: &[(&str, &str)] = &[
    ("", "the architecture’s own"),
    ("gelu_new", "GELU by tanh"),
    ("gelu", "GELU"),
    ("relu", "ReLU"),
    ("silu", "SiLU"),
    ("swiglu", "SwiGLU"),
];
const INITS: &[(&str, &str)] = &[
    ("normal", "normal"),
    ("gpt2", "GPT-2"),
    ("xavier", "Xavier"),
    ("kaiming", "Kaiming"),
    ("small", "small"),
];
const OPTIMISERS: &[(&str, &str)] =
    &[("sgd", "SGD"), ("adam", "Adam"), ("adam_w", "AdamW"), ("lion", "Lion"), ("muon", "Muon")];
const CURVES: &[(&str, &str)] = &[
    ("constant", "constant"),
    ("linear", "linear"),
    ("cosine", "cosine"),
    ("inverse_sqrt", "inverse square root"),
    ("one_cycle", "one cycle"),
    ("slanted_triangular", "slanted triangle"),
    ("wsd", "warm-up, stable, decay"),
];

knobs! {
    Data {
        "data.task" "Task" Kind::Words(TASK_WORDS), "text", "What the model learns to do.";
        "data.difficulty" "Difficulty" Kind::Whole(1, 5), "1", "Longer or more varied examples.";
        "data.objective" "To predict" Kind::Words(OBJECTIVES), "next", "What is predicted of a text. Decoders predict the next token; encoder–decoders repair a damaged text.";
        "data.tokenizer" "Tokens" Kind::Words(TOKENIZERS), "characters", "How the text is cut. The other two make a vocabulary of what is frequent in it: of bytes that follow each other (GPT-2’s way) or of pieces of lower-case words (BERT’s).";
        "data.d_vocab" "Vocabulary" Kind::Whole(300, 8192), "2048", "Most tokens that the vocabulary may have.";
        "data.held_out" "Held out" Kind::Real(0.01, 0.5), "0.05", "The share of a text, at its end, that is never trained on.";
    }
    Model {
        "model.kind" "Architecture" Kind::Words(KINDS), "gpt2", "Norms, positions, activation and biases follow from it: 2017 has sinusoids and norms after, GPT-2 learned positions and norms before, Llama rotary positions and RMSNorm, BLOOM a penalty on distance.";
        "model.n_layers" "Layers" Kind::Whole(1, 12), "4", "Blocks, of each stack.";
        "model.d_model" "Width" Kind::Whole(8, 512), "128", "Numbers in the vector of each token.";
        "model.n_heads" "Heads" Kind::Whole(1, 16), "4", "Attention heads of a layer. They must divide the width.";
        "model.n_kv_heads" "Key heads" Kind::Whole(0, 16), "0", "Heads of keys and values that queries share (Llama); 0: one a query head.";
        "model.d_mlp" "Width of the MLP" Kind::Whole(0, 2048), "0", "Hidden numbers of a block’s MLP; 0: four times the width.";
        "model.n_ctx" "Context" Kind::Whole(8, 256), "128", "Longest sequence. A task says how much it needs.";
        "model.norm_position" "Norms stand" Kind::Words(NORM_PLACES), "pre", "Where each block rescales the vectors that it reads or writes.";
        "model.norm" "Norm" Kind::Words(NORMS), "layer", "What rescales them.";
        "model.attention" "Attention" Kind::Words(ATTENTIONS), "softmax", "By softmax every token looks at all earlier ones; the other two write what they saw into one matrix of fast weights.";
        "model.features" "Feature map" Kind::Words(FEATURES), "elu", "What queries and keys pass before their product, where there is no softmax.";
        "model.normalised" "Normalised" Kind::Flag, "true", "Linear attention divides by the sum of its weights.";
        "model.positions" "Positions" Kind::Words(POSITIONS), "learned", "How the model knows which token came first.";
        "model.biases" "Biases" Kind::Flag, "true", "Matrices and norms add a learned number.";
        "model.activation" "Activation" Kind::Words(ACTIVATIONS), "", "What bends the MLP’s hidden numbers.";
        "model.tied" "Tied embedding" Kind::Flag, "true", "The table that reads tokens also writes them (decoders).";
        "model.sequential" "Sequential" Kind::Flag, "false", "Attention before the MLP rather than beside it (GPT-NeoX).";
        "model.dropout" "Dropout" Kind::Real(0.0, 0.9), "0", "Share of values that each step drops at random.";
        "model.init" "Initial weights" Kind::Words(INITS), "gpt2", "How the weights are drawn before the first step.";
        "model.init_std" "Their spread" Kind::Real(0.0001, 1.0), "0.02", "Standard deviation of the normal and the GPT-2 way.";
    }
    Optimiser {
        "optimiser.kind" "Optimiser" Kind::Words(OPTIMISERS), "adam_w", "The rule by which parameters follow gradients.";
        "optimiser.rate" "Learning rate" Kind::Real(1e-7, 1e6), "0.001", "How far a step goes, at the schedule’s peak.";
        "optimiser.beta1" "β₁" Kind::Real(0.0, 0.9999), "0.9", "Memory of the mean gradient (Adam, Lion).";
        "optimiser.beta2" "β₂" Kind::Real(0.0, 0.9999), "0.95", "Memory of the mean square (Adam).";
        "optimiser.eps" "ε" Kind::Real(1e-12, 1.0), "0.00000001", "Added below Adam’s fraction.";
        "optimiser.momentum" "Momentum" Kind::Real(0.0, 0.9999), "0.9", "Memory of SGD and of Muon.";
        "optimiser.decay" "Weight decay" Kind::Real(0.0, 10.0), "0.1", "Pull of matrices towards 0.";
        "optimiser.max_norm" "Clipping" Kind::Real(0.0, 1e6), "1", "All gradients together are cut down to this norm; 0: never.";
        "optimiser.smoothing" "Label smoothing" Kind::Real(0.0, 0.9), "0", "Probability that the loss takes from the right token and spreads over all.";
    }
    Schedule {
        "schedule.curve" "Curve" Kind::Words(CURVES), "cosine", "What follows the warm-up.";
        "schedule.warmup" "Warm-up" Kind::Whole(0, 100_000), "0", "Steps in which the rate rises from 0.";
        "schedule.floor" "Floor" Kind::Real(0.0, 1.0), "0", "Where linear and cosine end, as a share of the peak.";
        "schedule.decay_share" "Decay" Kind::Real(0.0, 1.0), "0.2", "The share of the run in which the last curve falls.";
    }
    Run {
        "run.n_steps" "Steps" Kind::Whole(1, 100_000), "1000", "Steps of the run.";
        "run.n_sequences" "Batch" Kind::Whole(1, 256), "16", "Sequences that run at once.";
        "run.n_accumulated" "Batches of a step" Kind::Whole(1, 64), "1", "Their gradients are added up before the weights move.";
        "run.validate_every" "Validate every" Kind::Whole(1, 100_000), "100", "Steps between two looks at what is held out; the run can go back to each.";
        "run.n_validation" "Validation batches" Kind::Whole(1, 64), "8", "Batches of a validation.";
        "run.patience" "Patience" Kind::Whole(0, 1000), "0", "Validations without a better loss after which the run ends; 0: never.";
        "seed" "Seed" Kind::Whole(0, u32::MAX), "0", "Where the random numbers start. Same seed, knobs and engine: same run.";
    }
}

/// A knob by its name.
// Not part of what calls it, so that the start, which calls none of these, need not bring the knobs' words.
#[inline(never)]
pub fn find(name: &str) -> Option<&'static Knob> {
    KNOBS.iter().find(|knob| knob.name == name)
}

/// A fault of the trainer in the words of the page: `model.n_heads` is “Heads”.
pub fn in_titles(what: &str) -> String {
    let word = |word: &str| {
        let field = word.trim_end_matches([',', '.', ':', ';']);
        let is_it = |knob: &&Knob| match knob.name.rsplit_once('.') {
            Some((_, own)) => field == knob.name || field == own && own.contains('_'),
            None => false,
        };
        match KNOBS.iter().find(is_it) {
            Some(knob) => format!("“{}”{}", knob.title, &word[field.len()..]),
            None => word.to_owned(),
        }
    };
    what.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

impl Knob {
    /// The value that a text says, written in one way; none if the knob cannot be that.
    pub fn read(&self, text: &str) -> Option<String> {
        let text = text.trim();
        match self.kind {
            Kind::Words(words) => {
                words.iter().any(|(word, _)| *word == text).then(|| text.to_owned())
            }
            Kind::Flag => matches!(text, "true" | "false").then(|| text.to_owned()),
            Kind::Whole(least, most) => {
                let value: u32 = text.parse().ok()?;
                (least..=most).contains(&value).then(|| value.to_string())
            }
            Kind::Real(least, most) => {
                let value = format::number(text)?;
                (least..=most).contains(&value).then(|| format::plain(value as f32))
            }
        }
    }

    /// A value for people: the word's name.
    pub fn shown(&self, value: &str) -> String {
        match self.kind {
            Kind::Words(words) => {
                let name = words.iter().find(|(word, _)| *word == value);
                name.map_or(value, |(_, name)| name).to_owned()
            }
            Kind::Flag => if value == "true" { "yes" } else { "no" }.to_owned(),
            _ => value.to_owned(),
        }
    }
}

/// Whether a knob has a part in a run with these others: there is no momentum in Adam.
pub fn is_used(name: &str, choice: &Choice) -> bool {
    let is = |name: &str, words: &[&str]| words.contains(&choice.get(name));
    let kind = |words: &[&str]| is("model.kind", words);
    let is_gru = kind(&["gru", "gru_fixed"]);
    let is_recurrent = is_gru || kind(&["lstm"]);
    let is_own = kind(&["nano", "nano_encoder"]);
    match name {
        "data.difficulty" => !choice.is_text(),
        "data.objective" => choice.is_text() && (kind(&["transformer", "bart"]) || is_gru),
        "model.n_layers" => !is_gru,
        "model.n_heads" | "model.d_mlp" | "model.dropout" => !is_recurrent,
        "data.held_out" | "data.tokenizer" => choice.is_text(),
        "data.d_vocab" => choice.is_text() && !is("data.tokenizer", &["characters"]),
        "model.n_kv_heads" => kind(&["llama"]) || is_own && is("model.attention", &["softmax"]),
        "model.sequential" => kind(&["gpt_neox"]),
        "model.activation" => !kind(&["llama", "bloom"]) && !is_recurrent,
        "model.norm_position"
        | "model.norm"
        | "model.attention"
        | "model.positions"
        | "model.biases" => is_own,
        "model.features" => is_own && !is("model.attention", &["softmax"]),
        "model.normalised" => is_own && is("model.attention", &["linear"]),
        "model.tied" => is_own || kind(&["gpt2", "llama", "gpt_neox", "lstm"]),
        "model.init_std" => is("model.init", &["normal", "gpt2"]),
        "optimiser.beta1" | "optimiser.beta2" => {
            is("optimiser.kind", &["adam", "adam_w", "lion", "muon"])
        }
        "optimiser.eps" => is("optimiser.kind", &["adam", "adam_w", "muon"]),
        "optimiser.momentum" => is("optimiser.kind", &["sgd", "muon"]),
        "schedule.floor" => is("schedule.curve", &["linear", "cosine", "wsd"]),
        "schedule.decay_share" => is("schedule.curve", &["wsd"]),
        _ => true,
    }
}

/// What a run is asked for: the knobs that were turned, in the order of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    values: Vec<(&'static str, String)>,
}

impl Choice {
    /// Reads `model.kind=llama&seed=3`; what is no knob or cannot be is left out.
    pub fn from_query(query: &str) -> Self {
        let mut choice = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            choice.set(name, value);
        }
        choice
    }

    /// As the trainer reads it.
    #[inline(never)]
    pub fn to_query(&self) -> String {
        let pairs: Vec<String> =
            self.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }

    /// Names and values as they stand in an address.
    #[inline(never)]
    pub fn for_hash(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let name = |name| if name == "seed" { SEED_IN_HASH } else { name };
        self.values.iter().map(move |&(own, ref value)| (name(own), value.as_str()))
    }

    /// Takes a value of an address; whether it was one of a knob.
    #[inline(never)]
    pub fn set_from_hash(&mut self, name: &str, value: &str) -> bool {
        // The Explorer's seed goes by the plain name.
        name != "seed" && self.set(if name == SEED_IN_HASH { "seed" } else { name }, value)
    }

    /// What a knob is.
    pub fn get(&self, name: &str) -> &str {
        let turned = self.values.iter().find(|(known, _)| *known == name);
        match turned {
            Some((_, value)) => value,
            None => find(name).map_or("", |knob| knob.plain),
        }
    }

    /// Turns a knob; whether it can be that.
    pub fn set(&mut self, name: &str, text: &str) -> bool {
        let Some(place) = KNOBS.iter().position(|knob| knob.name == name) else { return false };
        let knob = &KNOBS[place];
        let Some(value) = knob.read(text) else { return false };
        self.values.retain(|(known, _)| *known != name);
        if value != knob.plain {
            let order = |name: &str| KNOBS.iter().position(|knob| knob.name == name);
            let before = |(known, _): &&(&str, String)| order(known) < Some(place);
            let at = self.values.iter().take_while(before).count();
            self.values.insert(at, (knob.name, value));
        }
        true
    }

    /// Whether a text is trained on rather than a task.
    #[inline(never)]
    pub fn is_text(&self) -> bool {
        self.get(TASK) == "text"
    }
}

/// What tells several runs apart: the knobs in which they differ, a line each. A single run is
/// called by its task and architecture.
pub fn names(choices: &[&Choice]) -> Vec<String> {
    let differs = |knob: &&Knob| {
        let mut values = choices.iter().map(|choice| choice.get(knob.name));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let differing: Vec<&Knob> = KNOBS.iter().filter(differs).collect();
    let name = |choice: &&Choice| {
        let words = |knob: &&Knob| {
            let value = knob.shown(choice.get(knob.name));
            match knob.kind {
                Kind::Words(_) => value,
                _ => format!("{} {value}", knob.title.to_lowercase()),
            }
        };
        match differing.is_empty() {
            true => ["data.task", "model.kind"]
                .iter()
                .filter_map(|name| find(name))
                .map(|knob| words(&knob))
                .collect::<Vec<_>>()
                .join(", "),
            false => differing.iter().map(words).collect::<Vec<_>>().join(", "),
        }
    };
    choices.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use vitrine_models::train::TrainConfig;
    use vitrine_models::train::tasks::TASKS;

    use super::*;

    #[test]
    fn every_knob_is_a_field_that_begins_as_the_trainer_has_it() {
        for knob in KNOBS {
            assert_eq!(knob.read(knob.plain).as_deref(), Some(knob.plain), "{}", knob.name);
            let query = format!("{}={}", knob.name, knob.plain);
            assert_eq!(TrainConfig::from_query(&query), Ok(TrainConfig::default()), "{query}");
            if let Kind::Words(words) = knob.kind {
                for (word, _) in words {
                    let query = format!("{}={word}", knob.name);
                    assert!(TrainConfig::from_query(&query).is_ok(), "{query}");
                }
            }
        }
    }

    #[test]
    fn faults_speak_of_knobs_by_their_titles() {
        let query = "model.n_heads=5&model.d_model=48";
        let config = TrainConfig::from_query(query).expect("fields");
        let fault = config.check().expect_err("5 heads").to_string();
        let said = in_titles(&fault);
        assert!(said.contains("“Heads”") && said.contains("“Width” = 48"), "{said}");
        assert_eq!(in_titles("the text is empty, or so."), "the text is empty, or so.");
    }

    #[test]
    fn every_task_is_there_in_the_order_of_the_trainer() {
        let names: Vec<_> = TASKS.iter().map(|task| task.name).chain(["text"]).collect();
        let words: Vec<_> = TASK_WORDS.iter().map(|(word, _)| *word).collect();
        assert_eq!(words, names);
    }

    #[test]
    fn what_cannot_be_is_left_as_it_was() {
        let mut choice = Choice::from_query(
            "model.d_model=64&model.d_model=-1&model.kind=rnn&optimiser.rate=NaN&run.n_steps=1e3\
             &model.tied=yes&x=1&seed=4294967296&model.dropout=.25&=&&",
        );
        assert_eq!(choice.to_query(), "model.d_model=64&model.dropout=0.25");
        assert!(!choice.set("model.n_heads", "17") && choice.set("model.n_heads", " 8 "));
        assert!(choice.set("model.d_model", "128"), "back to where it was");
        assert_eq!(choice.to_query(), "model.n_heads=8&model.dropout=0.25");
    }

    #[test]
    fn a_choice_survives_the_trainer_and_the_address() {
        let query = "data.task=dates&model.kind=transformer&model.d_model=64&optimiser.rate=0.002\
                     &schedule.warmup=50&run.n_steps=500&seed=7";
        let choice = Choice::from_query(query);
        assert_eq!(choice.to_query(), query);
        let config = TrainConfig::from_query(query).expect("fields");
        assert_eq!(TrainConfig::from_query(&choice.to_query()), Ok(config));
        let mut read = Choice::default();
        for (name, value) in choice.for_hash() {
            assert!(name != "seed" && read.set_from_hash(name, value), "{name}");
        }
        assert_eq!(read, choice);
        assert!(!read.set_from_hash("seed", "9"), "the Explorer's");
    }

    #[test]
    fn knobs_without_a_part_are_left_out() {
        let choice = Choice::from_query("data.task=copy&optimiser.kind=sgd");
        let left: Vec<_> = KNOBS.iter().filter(|knob| !is_used(knob.name, &choice)).collect();
        let names: Vec<_> = left.iter().map(|knob| knob.name).collect();
        assert!(names.contains(&"optimiser.beta1") && names.contains(&"data.held_out"));
        assert!(!names.contains(&"optimiser.momentum") && !names.contains(&TASK));
    }

    #[test]
    fn runs_are_called_by_what_differs() {
        let of = Choice::from_query;
        let (a, b) = (of("data.task=copy&seed=1"), of("data.task=copy&model.kind=llama&seed=2"));
        assert_eq!(names(&[&a]), ["copy, GPT-2: decoder"]);
        assert_eq!(names(&[&a, &b]), ["GPT-2: decoder, seed 1", "Llama: decoder, seed 2"]);
        assert_eq!(names(&[&a, &a]), ["copy, GPT-2: decoder"; 2]);
    }
}
