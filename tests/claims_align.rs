//! What Room 01 claims, held to bounds: the page asks for the same (`models/src/claims/align`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use pollster::block_on;
use vitrine_kernels::{Control, Engine};
use vitrine_models::claims::align::{
    ByLength, Course, Kept, Lengths, Shot, Task, Told, Twin, blocks, examples, lengths, look, train,
};
use vitrine_models::train::{Dataset, TrainConfig, Trainer};
use vitrine_tests::golden::{cpu, gpu};

fn run(engine: &mut Engine, course: &Course) -> (Vec<f32>, Vec<Shot>) {
    let (losses, shots, _) = kept(engine, course, None);
    (losses, shots)
}

/// A run that is kept, looked at on one more input on its way.
fn kept(engine: &mut Engine, course: &Course, own: Option<&str>) -> (Vec<f32>, Vec<Shot>, Kept) {
    let mut kept = Kept::new(*course).unwrap();
    let (mut losses, mut shots) = (Vec::new(), Vec::new());
    let told = &mut |told| match told {
        Told::Loss(loss) => losses.push(loss),
        Told::Shot(shot) => shots.push(*shot),
    };
    block_on(train(engine, &mut kept, own, told, &Control::default())).unwrap();
    (losses, shots, kept)
}

/// A short course, which shows that all holds.
const SHORT: Course =
    Course { task: Task::Dates, twin: Twin::Attention, seed: 1, n_steps: 4, n_looks: 2 };

#[test]
fn an_alignment_of_dates_is_found_without_being_told() {
    let course = Course { n_steps: Course::N_STEPS, n_looks: 4, ..SHORT };
    let (losses, shots) = run(&mut cpu(), &course);
    assert_eq!((losses.len(), shots.len()), (Course::N_STEPS as usize, 5));
    assert!(shots.windows(2).all(|pair| pair[0].step < pair[1].step));
    let shares = |shot: &Shot| -> Vec<f32> {
        let seen = &shot.seen[0];
        let parts = blocks(course.task, &seen.input, &seen.output);
        parts.into_iter().map(|part| seen.share(part.rows, part.cols).unwrap()).collect()
    };
    let (first, last) = (&shots[0], &shots[4]);
    println!("{:.2?} to {:.2?}, loss {:?}", shares(first), shares(last), losses.last());
    assert!(last.seen.iter().all(|seen| seen.written == seen.output), "{:?}", last.seen);
    assert!(first.seen.iter().all(|seen| seen.written != seen.output));
    // Year, month and day of 14 columns: at first no more than their part of them, or little more.
    let [year, month, day] = shares(last)[..] else { panic!("three parts") };
    assert!(year >= 0.9 && month >= 0.6 && day >= 0.7, "{year} {month} {day}");
    assert!(shares(first).iter().all(|share| *share <= 0.5), "{:?}", shares(first));
    // The second model has one look for all rows, before and after.
    let fixed = Course { twin: Twin::Fixed, ..SHORT };
    let (_, shots) = run(&mut cpu(), &fixed);
    for shot in &shots {
        let flat = 1.0 / shot.seen[0].n_source() as f32;
        assert!(shot.seen[0].alignment.iter().all(|share| (share - flat).abs() <= 1e-6));
    }
}

#[test]
fn what_must_hold_holds_at_every_look_of_every_task() {
    for (task, twin) in Task::ALL.into_iter().flat_map(|task| Twin::ALL.map(|twin| (task, twin))) {
        let (_, shots) = run(&mut cpu(), &Course { task, twin, ..SHORT });
        assert_eq!(shots.len(), 3);
        for seen in shots.iter().flat_map(|shot| &shot.seen) {
            let errors = seen.errors();
            let all = [errors.rows, errors.softmax.unwrap_or(0.0), errors.contexts, errors.states];
            assert!(all.iter().all(|error| *error <= 1e-5), "{task:?} {twin:?}: {errors:?}");
            assert_eq!(errors.softmax.is_some(), twin == Twin::Attention);
            let [n, m, d] = [seen.n_target(), seen.n_source(), seen.d_hidden as usize];
            assert_eq!(seen.alignment.len(), n * m, "{task:?} {twin:?}");
            assert_eq!((seen.annotations.len(), seen.contexts.len()), (m * 2 * d, n * 2 * d));
            assert_eq!((seen.states.len(), seen.gates.len()), (n * d, n * 3 * d));
        }
    }
}

/// A typed input is looked at on the way and afterwards, by the same models, with the same result; the output that
/// the decoder is told is its own.
#[test]
fn what_a_visitor_types_is_looked_at_like_the_examples() {
    for (task, own) in
        [(Task::Dates, "3 may 1999"), (Task::Numbers, "six"), (Task::Reversal, "abcdefghijklmnop")]
    {
        for twin in Twin::ALL {
            let (_, shots, kept) = kept(&mut cpu(), &Course { task, twin, ..SHORT }, Some(own));
            assert_eq!(kept.course().twin, twin);
            let mut later = Vec::new();
            let told = &mut |shot| later.push(shot);
            block_on(kept.look(own, told, &Control::default())).unwrap();
            assert_eq!((shots.len(), later.len()), (3, 3));
            for (shot, later) in shots.iter().zip(&later) {
                let seen = &shot.seen[4];
                assert_eq!((shot.step, &later.seen[..]), (later.step, &shot.seen[4..]));
                assert_eq!((&seen.input[..], &seen.output), (own, &seen.written));
                assert!(seen.n_target() <= own.len().max(10) + 4, "{seen:?}");
                assert_eq!(seen.alignment.len(), seen.n_target() * seen.n_source());
                let errors = seen.errors();
                let softmax = errors.softmax.unwrap_or(0.0);
                let all = [errors.rows, softmax, errors.contexts, errors.states];
                assert!(all.iter().all(|error| *error <= 1e-5), "{task:?} {twin:?}: {errors:?}");
            }
            // Other weights look elsewhere or write another thing.
            assert_ne!(later[0].seen[0].states, later[2].seen[0].states);
            let refused = block_on(kept.look("É", &mut |_| (), &Control::default()));
            assert!(refused.is_err(), "{refused:?}");
        }
    }
}

/// Figure 2 of the paper, on rows of letters that are written backwards.
#[test]
fn a_fixed_vector_gives_out_with_the_length_and_alignment_does_not() {
    let measured = |twin: Twin| -> Vec<ByLength> {
        let (mut n_losses, mut found) = (0, Vec::new());
        let asked = Lengths::of(twin, 1);
        let (loss, told) = (&mut |_| n_losses += 1, &mut |length| found.push(length));
        let control = Control::default();
        block_on(lengths(&mut cpu(), &asked, loss, told, &control)).unwrap();
        assert_eq!(n_losses, asked.n_steps);
        let counts: Vec<u32> = found.iter().map(|one| one.n_letters).collect();
        assert_eq!(counts, asked.measured);
        println!("{twin:?}: {found:.3?}");
        found
    };
    let [attention, fixed] = Twin::ALL.map(measured);
    let longest = Lengths::of(Twin::Fixed, 1).longest;
    let at = |found: &[ByLength]| found.iter().position(|one| one.n_letters == longest).unwrap();
    let (last, first) = (at(&attention), 0);
    assert!(attention[last].right >= 0.9, "{attention:?}");
    assert!(fixed[last].right <= 0.5, "{fixed:?}");
    let fall = |found: &[ByLength]| found[first].right - found[last].right;
    assert!(fall(&fixed) >= fall(&attention) + 0.2, "{fixed:?} {attention:?}");
}

#[test]
fn both_engines_see_and_train_alike() {
    let config = TrainConfig::from_query(
        "model.kind=gru&model.d_model=16&model.n_ctx=64&data.task=dates&data.difficulty=2\
         &run.n_sequences=4&optimiser.rate=0.005",
    )
    .unwrap();
    let data = Dataset::new(&config, None).unwrap();
    let mut trainer = block_on(Trainer::new(cpu(), &config, &data)).unwrap();
    let control = Control::default();
    for step in 0..5 {
        block_on(trainer.step(&data.batch(step).unwrap(), &control)).unwrap();
    }
    let all = examples(Task::Dates);
    let mut see = |engine: Engine| {
        let found = look(&mut trainer, (&config, &data), Twin::Attention, &all, engine, &control);
        block_on(found).unwrap()
    };
    let (theirs, _) = see(cpu());
    let (ours, engine) = see(gpu());
    assert!(engine.name().contains("vulkan"), "{}", engine.name());
    assert_eq!(ours.step, 5);
    for (a, b) in ours.seen.iter().zip(&theirs.seen) {
        for (a, b) in [
            (&a.scores, &b.scores),
            (&a.alignment, &b.alignment),
            (&a.annotations, &b.annotations),
            (&a.contexts, &b.contexts),
            (&a.states, &b.states),
            (&a.gates, &b.gates),
        ] {
            let is_close =
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-5);
            assert!(is_close && !a.is_empty(), "{a:?}, {b:?}");
        }
        assert!(a.errors().contexts <= 1e-5 && a.errors().states <= 1e-5);
    }
    let course = Course { n_steps: 2, n_looks: 1, ..SHORT };
    let (ours, _) = run(&mut gpu(), &course);
    let (theirs, _) = run(&mut cpu(), &course);
    let is_close = ours.iter().zip(&theirs).all(|(a, b)| (a / b - 1.0).abs() <= 1e-3);
    assert!(is_close && ours.len() == 2, "{ours:?}, {theirs:?}");
}

#[test]
fn a_run_that_is_stopped_gives_its_engine_back() {
    let control = Control::default();
    let engine = &mut cpu();
    let mut n_losses = 0;
    let told = &mut |told| {
        if matches!(told, Told::Loss(_)) {
            n_losses += 1;
            control.cancel();
        }
    };
    let mut kept = Kept::new(SHORT).unwrap();
    let err = block_on(train(engine, &mut kept, None, told, &control)).unwrap_err();
    assert!(err.is_cancelled() && n_losses == 1, "{err}, {n_losses}");
    let (losses, _) = run(engine, &SHORT);
    assert_eq!(losses.len(), 4);
}
