//! The models that are trained here and committed: their hashes, their logits against transformers
//! (golden/shipped.py), and a floor under their quality.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use pollster::block_on;
use vitrine_kernels::Control;
use vitrine_models::tokenize::{HubTokenizer, Tokenizer};
use vitrine_models::train::TrainConfig;
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
const BOUND: f64 = 4.2;

fn committed() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("assets/models/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let models = manifest["models"].as_array().unwrap();
    let own = models.iter().filter(|model| model["package"].is_null());
    own.map(|model| model["name"].as_str().unwrap().to_owned()).collect()
}

fn tokenizer(name: &str) -> HubTokenizer {
    let path = root().join("assets/models").join(name).join("tokenizer.json");
    HubTokenizer::from_json("tokenizer.json", &std::fs::read_to_string(path).unwrap()).unwrap()
}

fn ids(tokenizer: &HubTokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(text, false).unwrap().iter().map(|token| token.id).collect()
}

/// Mean of −ln p over the tokens of a text but the first.
fn loss(session: &mut Session, ids: &[u32]) -> f64 {
    let control = Control::default();
    block_on(session.set_tokens(&Input::from(ids), &control)).unwrap();
    let taps = [Tap::of(HookPoint::model(Hook::Logits))];
    let trace = block_on(session.read(&taps, &control)).unwrap();
    let logits = &trace.tensors()[0];
    let rows = logits.values.chunks_exact(logits.shape[1]).zip(&ids[1..]);
    let surprise = |(row, &id): (&[f32], &u32)| {
        let max = row.iter().copied().fold(f32::MIN, f32::max);
        let sum: f64 = row.iter().map(|x| f64::from(x - max).exp()).sum();
        sum.ln() - f64::from(row[id as usize] - max)
    };
    rows.map(surprise).sum::<f64>() / (ids.len() - 1) as f64
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
        assert!(path.join(&model.name).join("train.toml").exists());
        assert!(path.join(&model.name).join("README.md").exists());
    }
}

#[test]
fn grimm_gpt_says_what_transformers_says() {
    let bytes = std::fs::read(root().join("tests/golden/shipped_grimm-gpt.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let words = |name: &str| -> Vec<u32> {
        let bytes = file.tensor(name).unwrap().data();
        bytes.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    let (ids, greedy) = (words("ids"), words("greedy"));
    let expected: Vec<f32> = words("logits").into_iter().map(f32::from_bits).collect();
    let control = Control::default();
    for engine in [cpu_f32(), gpu()] {
        let path = root().join("assets/models/grimm-gpt");
        let mut session = session(engine, &path, |model| Options::trace(model.spec(), []));
        block_on(session.set_tokens(&Input::from(&ids[..]), &control)).unwrap();
        let taps = [Tap::of(HookPoint::model(Hook::Logits))];
        let trace = block_on(session.read(&taps, &control)).unwrap();
        let logits = &trace.tensors()[0].values;
        let last = &logits[logits.len() - expected.len()..];
        let difference = difference(last, &expected);
        assert!(difference.relative <= 1e-4, "{difference:?}");
        let mut written = Vec::new();
        for _ in 0..greedy.len() {
            written.push(sample::argmax(session.last_logits()) as u32);
            block_on(session.next(written[written.len() - 1], &control)).unwrap();
        }
        assert_eq!(written, greedy);
    }
    let text = "There was once a king who had a daughter, and she was so beautiful that the king said to his huntsman,";
    assert_eq!(self::ids(&tokenizer("grimm-gpt"), text), ids);
}

#[test]
fn grimm_gpt_knows_the_tales() {
    let tokenizer = tokenizer("grimm-gpt");
    let path = root().join("assets/models/grimm-gpt");
    let mut session = session(cpu_f32(), &path, |model| Options::trace(model.spec(), []));
    let losses: Vec<f64> =
        HELD_OUT.iter().map(|text| loss(&mut session, &ids(&tokenizer, text))).collect();
    let mean = losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean <= BOUND, "{mean}: {losses:?}");
    // What no model knows: the same tokens in no order.
    let mut shuffled = ids(&tokenizer, HELD_OUT[0]);
    shuffled.sort_unstable();
    assert!(loss(&mut session, &shuffled) > mean + 1.0);
}

#[test]
fn configurations_of_shipped_models_can_be_read() {
    for name in committed() {
        let path = root().join("assets/models").join(&name).join("train.toml");
        let text = std::fs::read_to_string(path).unwrap();
        let config: TrainConfig = toml::from_str(&text).unwrap();
        config.check().unwrap();
        assert_eq!(TrainConfig::from_query(&config.to_query()), Ok(config));
    }
}
