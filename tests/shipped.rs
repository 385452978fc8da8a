//! The models that are trained here and committed: their hashes, their logits against transformers and
//! PyTorch (golden/shipped.py), and a floor under their quality.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use pollster::block_on;
use vitrine_kernels::{Control, Engine};
use vitrine_models::tokenize::{HubTokenizer, Tokenizer};
use vitrine_models::train::random::{Purpose, stream};
use vitrine_models::train::{TrainConfig, tasks};
use vitrine_models::weights::FileSource;
use vitrine_models::weights::manifest::{Manifest, verify};
use vitrine_models::{Hook, HookPoint, Input, Options, Session, Tap, sample};
use vitrine_tests::golden::{cpu_f32, difference, gpu, root, session};

/// Sentences of the tales that were held out (Margaret Hunt's English, 1884).
const HELD_OUT: &[&str] = &[
    "When he woke, and got up, the stones inside him made him feel very thirsty, and as he was going to \
     the brook to drink, they struck and rattled one against another.",
    "He said, \"I will manage it, just you go away to bed.\" Then he went into the mill, and poured out \
     the corn.",
    "\"It is dangerous work groping about these holes in the darkness,\" said he; \"I might easily break \
     my neck.\" But by good fortune he came upon an empty snail shell.",
    "The man thought to himself, \"That is certainly one of the kind I am in search of,\" and jumped up \
     and ran backwards and forwards in front of the waggon like one who is not very wise.",
];
/// No worse than this: the mean of −ln p of the tokens of each sentence.
const BOUNDS: &[(&str, f64)] = &[("grimm-gpt", 3.7), ("grimm-llama", 3.7)];
/// The same of masked tokens.
const MASKED_BOUND: f64 = 3.4;
/// The same of tokens that a source shows.
const SEEN_BOUND: f64 = 1.6;
/// The step that the runs of the suite end with.
const LAST_STEP: &str = "1000";

fn committed() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("assets/models/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let models = manifest["models"].as_array().unwrap();
    let own = models.iter().filter(|model| model["package"].is_null());
    own.map(|model| model["name"].as_str().unwrap().to_owned()).collect()
}

/// The folder of the run that a model came out of; checkpoints of one run share it.
fn run_of(name: &str) -> &str {
    name.split('/').next().unwrap()
}

/// Whether a model is a checkpoint on the way, and not what a run ended with.
fn is_on_the_way(name: &str) -> bool {
    name.rsplit_once("/step-").is_some_and(|(_, step)| step != LAST_STEP)
}

fn tokenizer(name: &str) -> HubTokenizer {
    let path = root().join("assets/models").join(name).join("tokenizer.json");
    HubTokenizer::from_json("tokenizer.json", &std::fs::read_to_string(path).unwrap()).unwrap()
}

fn ids(tokenizer: &HubTokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(text, false).unwrap().iter().map(|token| token.id).collect()
}

/// Logits of all rows, a row each.
fn logits(session: &mut Session, input: &Input) -> Vec<Vec<f32>> {
    let control = Control::default();
    block_on(session.set_tokens(input, &control)).unwrap();
    let taps = [Tap::of(HookPoint::model(Hook::Logits))];
    let trace = block_on(session.read(&taps, &control)).unwrap();
    let logits = &trace.tensors()[0];
    logits.values.chunks_exact(logits.shape[1]).map(<[f32]>::to_vec).collect()
}

/// −ln p of a token.
fn surprise(row: &[f32], id: u32) -> f64 {
    let max = row.iter().copied().fold(f32::MIN, f32::max);
    let sum: f64 = row.iter().map(|x| f64::from(x - max).exp()).sum();
    sum.ln() - f64::from(row[id as usize] - max)
}

/// Mean of −ln p over the tokens of a text but the first.
fn loss(session: &mut Session, ids: &[u32]) -> f64 {
    let rows = logits(session, &Input::from(ids));
    let losses = rows.iter().zip(&ids[1..]).map(|(row, &id)| surprise(row, id));
    losses.sum::<f64>() / (ids.len() - 1) as f64
}

fn opened(name: &str, engine: Engine) -> Session {
    let path = root().join("assets/models").join(name);
    session(engine, &path, |model| Options::trace(model.spec(), []))
}

/// What greedy writing makes of a source.
fn written(session: &mut Session, source: &[u32], end: u32) -> Vec<u32> {
    let control = Control::default();
    let start = session.spec().decoder_start.unwrap();
    block_on(session.set_tokens(&Input::pair(source, &[start]), &control)).unwrap();
    let mut ids = Vec::new();
    while ids.len() < 20 {
        let id = sample::argmax(session.last_logits()) as u32;
        if id == end {
            break;
        }
        ids.push(id);
        block_on(session.next(id, &control)).unwrap();
    }
    ids
}

#[test]
fn every_committed_file_is_the_pinned_one() {
    let path = root().join("assets/models");
    let bytes = std::fs::read(path.join("manifest.json")).unwrap();
    let manifest = Manifest::parse("manifest.json", &bytes).unwrap();
    let names = committed();
    assert_eq!(names[0], manifest.models[0].name, "what is there without a download comes first");
    for model in manifest.models.iter().filter(|model| names.contains(&model.name)) {
        for file in &model.files {
            let source = FileSource::open(&path.join(&model.name).join(&file.path)).unwrap();
            block_on(verify(&source, file, |_| ())).unwrap();
        }
        let n_bytes: u64 = model.files.iter().map(|file| file.size).sum();
        assert!(n_bytes <= 4 << 20, "{} has {n_bytes} bytes", model.name);
        assert!(path.join(run_of(&model.name)).join("train.toml").exists());
        assert!(path.join(run_of(&model.name)).join("README.md").exists());
    }
}

/// Logits and what greedy writing goes on with are those of transformers or PyTorch's own modules.
fn check_golden(name: &str) {
    let file = format!("shipped_{}.safetensors", name.replace('/', "_"));
    let path = root().join("tests/golden").join(file);
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let words = |name: &str| -> Option<Vec<u32>> {
        let bytes = file.tensor(name).ok()?.data();
        Some(bytes.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect())
    };
    let (ids, rows) = (words("ids").unwrap(), words("rows").unwrap());
    let greedy = words("greedy").unwrap();
    let expected: Vec<f32> = words("logits").unwrap().into_iter().map(f32::from_bits).collect();
    let input = match words("source") {
        Some(source) => Input::pair(&source, &ids),
        None => Input::from(&ids[..]),
    };
    for engine in [cpu_f32(), gpu()] {
        let mut session = opened(name, engine);
        let all = logits(&mut session, &input);
        let ours: Vec<f32> = rows.iter().flat_map(|&row| all[row as usize].clone()).collect();
        let difference = difference(&ours, &expected);
        assert!(difference.relative <= 1e-4, "{name}: {difference:?}");
        let mut told = Vec::new();
        for _ in 0..greedy.len() {
            told.push(sample::argmax(session.last_logits()) as u32);
            block_on(session.next(told[told.len() - 1], &Control::default())).unwrap();
        }
        assert_eq!(told, greedy, "{name}");
    }
}

#[test]
fn models_say_what_pytorch_says() {
    committed().iter().filter(|name| !is_on_the_way(name)).for_each(|name| check_golden(name));
    let bytes = std::fs::read(root().join("tests/golden/shipped_grimm-gpt.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let golden = file.tensor("ids").unwrap();
    let golden = golden.data().chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap()));
    let text = "There was once a king who had a daughter, and she was so beautiful that the king said to his huntsman,";
    assert_eq!(ids(&tokenizer("grimm-gpt"), text), golden.collect::<Vec<_>>());
}

#[test]
fn decoders_know_the_tales() {
    for &(name, bound) in BOUNDS {
        let tokenizer = tokenizer(name);
        let mut session = opened(name, cpu_f32());
        let mean = loss_of_tales(&mut session, &tokenizer);
        println!("{name}: {mean}");
        assert!(mean <= bound, "{name}: {mean}");
        // What no model knows: the same tokens in no order.
        let mut shuffled = ids(&tokenizer, HELD_OUT[0]);
        shuffled.sort_unstable();
        assert!(loss(&mut session, &shuffled) > mean + 1.0, "{name}");
    }
}

/// The mean of −ln p over the sentences that were held out.
fn loss_of_tales(session: &mut Session, tokenizer: &HubTokenizer) -> f64 {
    let losses = HELD_OUT.iter().map(|text| {
        let ids = ids(tokenizer, text);
        // Of characters the first 128, which is what a suite of characters reads at once.
        loss(session, &ids[..ids.len().min(128)])
    });
    losses.sum::<f64>() / HELD_OUT.len() as f64
}

#[test]
fn checkpoints_of_a_suite_get_better_and_larger_ones_more_so() {
    let suite: Vec<String> =
        committed().into_iter().filter(|name| name.contains("/step-")).collect();
    let mut last = Vec::new();
    for run in ["grimm-neox-small", "grimm-neox-medium", "grimm-neox-large"] {
        let steps: Vec<&String> = suite.iter().filter(|name| run_of(name) == run).collect();
        assert!(steps.len() >= 10, "{run}: {steps:?}");
        let mut losses = Vec::new();
        for name in steps {
            let mut session = opened(name, cpu_f32());
            losses.push(loss_of_tales(&mut session, &tokenizer(name)));
        }
        println!("{run}: {losses:?}");
        // Before the first step every character is as likely as any other.
        assert!(losses[0] > 4.0, "{losses:?}");
        assert!(losses.windows(2).all(|pair| pair[1] < pair[0] + 0.05), "{losses:?}");
        last.push(losses[losses.len() - 1]);
    }
    assert!(last.is_sorted_by(|a, b| a > b), "{last:?}");
    let n_bytes: u64 = suite.iter().map(|name| weights_of(name)).sum();
    assert!(n_bytes <= 6_000_000, "{n_bytes} bytes");
}

fn weights_of(name: &str) -> u64 {
    let path = root().join("assets/models").join(name).join("model.safetensors");
    std::fs::metadata(path).unwrap().len()
}

/// Every fourth token of a text masked, and which they were.
fn masked(ids: &[u32], mask: u32) -> (Vec<u32>, Vec<(usize, u32)>) {
    let places = ids.iter().copied().enumerate().skip(2).step_by(4).collect::<Vec<_>>();
    let mut masked = ids.to_vec();
    places.iter().for_each(|&(at, _)| masked[at] = mask);
    (masked, places)
}

#[test]
fn masked_words_of_the_tales_are_found() {
    let tokenizer = tokenizer("grimm-bert");
    let mask = tokenizer.encode("<mask>", false).unwrap()[0].id;
    let mut session = opened("grimm-bert", cpu_f32());
    let n_ctx = session.spec().n_ctx;
    let (mut sum, mut n) = (0.0, 0);
    for text in HELD_OUT {
        let ids = ids(&tokenizer, text);
        let (masked, places) = masked(&ids[..ids.len().min(n_ctx)], mask);
        let rows = logits(&mut session, &Input::from(&masked[..]));
        sum += places.iter().map(|&(at, id)| surprise(&rows[at], id)).sum::<f64>();
        n += places.len();
    }
    let mean = sum / n as f64;
    println!("grimm-bert: {mean}");
    assert!(mean <= MASKED_BOUND, "{mean}");
}

#[test]
fn a_damaged_text_of_the_tales_is_put_right() {
    let tokenizer = tokenizer("grimm-bart");
    let mask = tokenizer.encode("<mask>", false).unwrap()[0].id;
    let mut session = opened("grimm-bart", cpu_f32());
    let start = session.spec().decoder_start.unwrap();
    let (mut seen, mut hidden) = (Vec::new(), Vec::new());
    for text in HELD_OUT {
        let ids: Vec<u32> = ids(&tokenizer, text).into_iter().take(40).collect();
        let (masked, places) = masked(&ids, mask);
        let target = [&[start], &ids[..ids.len() - 1]].concat();
        let rows = logits(&mut session, &Input::pair(&masked, &target));
        for (at, &id) in ids.iter().enumerate() {
            let is_hidden = places.iter().any(|&(place, _)| place == at);
            let losses = if is_hidden { &mut hidden } else { &mut seen };
            losses.push(surprise(&rows[at], id));
        }
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    println!("grimm-bart: what the source shows {}, what it hides {}", mean(&seen), mean(&hidden));
    assert!(mean(&seen) <= SEEN_BOUND, "{}", mean(&seen));
    assert!(mean(&seen) < mean(&hidden));
}

/// The share of held-out examples of its task that a model writes without a fault.
fn share_right(name: &str, n: usize) -> f64 {
    let config =
        std::fs::read_to_string(root().join("assets/models").join(name).join("train.toml"));
    let config: TrainConfig = toml::from_str(&config.unwrap()).unwrap();
    let task = tasks::find(&config.data.task).unwrap();
    let tokenizer = tokenizer(name);
    let mut session = opened(name, cpu_f32());
    let end = session.spec().source_end.unwrap();
    let mut random = stream(4711, Purpose::Validation, 1);
    let mut examples = Vec::new();
    while examples.len() < n {
        let example = (task.make)(&mut random, config.data.difficulty);
        if example.is_held_out() {
            examples.push(example);
        }
    }
    let is_right = |example: &&tasks::Example| {
        let source = [ids(&tokenizer, &example.input), vec![end]].concat();
        let told = written(&mut session, &source, end);
        tokenizer.decode(&told, true).unwrap() == example.output
    };
    examples.iter().filter(is_right).count() as f64 / n as f64
}

#[test]
fn dates_and_numbers_are_written_without_a_fault() {
    for name in ["dates-gru", "dates-transformer", "numbers-gru"] {
        let share = share_right(name, 200);
        println!("{name}: {share}");
        assert!(share >= 0.99, "{name}: {share}");
    }
}

#[test]
fn configurations_of_shipped_models_can_be_read() {
    for name in committed() {
        let path = root().join("assets/models").join(run_of(&name)).join("train.toml");
        let text = std::fs::read_to_string(path).unwrap();
        let config: TrainConfig = toml::from_str(&text).unwrap();
        config.check().unwrap();
        assert_eq!(TrainConfig::from_query(&config.to_query()), Ok(config));
    }
}
