//! Runs that are worth a look, one click each. The first is what the Lab opens with.

use crate::lens::lab::knobs::Choice;

/// A ready run.
#[derive(Debug)]
pub struct Preset {
    /// Short, for tests and the page.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// What is to be seen.
    pub note: &'static str,
    /// What differs from the trainer's defaults.
    query: &'static str,
}

impl Preset {
    /// Its knobs.
    pub fn choice(&self) -> Choice {
        Choice::from_query(self.query)
    }
}

/// All of them.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "reversal",
        title: "Reversal, 2017 Transformer",
        note: "Letters written backwards. Cross-attention turns into a rising diagonal.",
        query: "data.task=reversal&model.kind=transformer&model.n_layers=1&model.d_model=48\
                &model.n_heads=2&model.n_ctx=16&model.init=xavier&optimiser.rate=0.004\
                &schedule.curve=one_cycle&run.n_steps=400&run.n_sequences=32\
                &run.validate_every=50&run.n_validation=4",
    },
    Preset {
        name: "dates",
        title: "Dates, 2017 Transformer",
        note: "“8 may 1998” becomes 1998-05-08: each figure looks at the part of the date it needs.",
        query: "data.task=dates&data.difficulty=2&model.kind=transformer&model.n_layers=2\
                &model.d_model=64&model.n_ctx=32&model.init=xavier&optimiser.rate=0.003\
                &optimiser.beta2=0.98&optimiser.decay=0.01&schedule.curve=one_cycle\
                &run.n_sequences=32",
    },
    Preset {
        name: "sort",
        title: "Sorting, GPT-2",
        note: "Letters in the order of the alphabet. A decoder reads input and answer as one text: its loss counts the answer only.",
        query: "data.task=sort&model.n_layers=2&model.d_model=64&model.n_ctx=64\
                &optimiser.rate=0.003&schedule.warmup=50&run.n_steps=600&run.n_sequences=32\
                &run.validate_every=50&run.n_validation=4",
    },
    Preset {
        name: "characters",
        title: "Characters, GPT-2",
        note: "A text, letter by letter: first letters, then words, then sentences. Paste your own.",
        query: "model.n_layers=2&model.d_model=64&model.n_ctx=64&optimiser.rate=0.003\
                &schedule.warmup=50&run.validate_every=50&run.n_validation=4",
    },
    Preset {
        name: "pieces",
        title: "Pieces of words, GPT-2",
        note: "The same text, cut into what is frequent in it: a token is several letters, so a context of 64 reaches further back.",
        query: "data.tokenizer=byte_bpe&data.d_vocab=512&model.n_layers=2&model.d_model=64\
                &model.n_ctx=64&optimiser.rate=0.003&schedule.warmup=50&run.validate_every=50\
                &run.n_validation=4",
    },
    Preset {
        name: "diverges",
        title: "Too fast",
        note: "SGD without clipping, at many times the rate that it can take: the loss is no number after some steps, and the run goes back.",
        query: "data.task=copy&model.n_layers=2&model.d_model=32&model.n_heads=2&model.n_ctx=32\
                &optimiser.kind=sgd&optimiser.rate=2&optimiser.max_norm=0&run.n_steps=200\
                &run.validate_every=4&run.n_validation=1",
    },
];

/// A preset by its name.
pub fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use vitrine_models::train::{Dataset, TrainConfig, Vocabulary};

    use super::*;
    use crate::lens::lab::toy_text;

    #[test]
    fn every_preset_can_be_trained() {
        for preset in PRESETS {
            let query = preset.choice().to_query();
            assert_eq!(query, preset.query, "{}: all knobs are known, in order", preset.name);
            let config = TrainConfig::from_query(&query).expect("fields");
            assert_eq!(config.check(), Ok(()), "{}", preset.name);
            let data = match preset.choice().is_text() {
                true => {
                    let text = toy_text::text(200);
                    let vocabulary = Vocabulary::of_characters(&text, false);
                    Dataset::of_text(&config, vocabulary, &text, &text)
                }
                false => Dataset::of_task(&config, &config.data.task),
            };
            assert!(data.is_ok(), "{}: {:?}", preset.name, data.err());
        }
    }
}
