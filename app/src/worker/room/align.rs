//! What Room 01 asks for.

use std::cell::RefCell;

use vitrine_kernels::{Control, Engine};
use vitrine_models::ModelError;
use vitrine_models::claims::align::{Kept, Told, lengths, train};

use crate::protocol::room::{AlignAsk, AlignPart};

thread_local! {
    /// The runs that were asked for last, with their models: some megabytes.
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// Computes an answer; `part` sends parts of it.
pub(super) async fn answer(
    engine: &mut Engine,
    ask: &AlignAsk,
    part: &dyn Fn(AlignPart),
    control: &Control,
) -> Result<(), ModelError> {
    match ask {
        AlignAsk::Train(courses, own) => {
            KEPT.take();
            for course in courses {
                let twin = course.twin;
                let told = &mut |told| {
                    part(match told {
                        Told::Loss(loss) => AlignPart::Loss { twin, loss },
                        Told::Shot(shot) => AlignPart::Shot { twin, shot },
                    });
                };
                let mut kept = Kept::new(*course)?;
                let outcome = train(engine, &mut kept, own.as_deref(), told, control).await;
                // A run that was stopped has looks too.
                KEPT.with_borrow_mut(|all| all.push(kept));
                outcome?;
            }
        }
        AlignAsk::Own(first, input) => {
            let mut runs = KEPT.take();
            // The one that is on screen first.
            runs.sort_by_key(|run| run.course().twin != *first);
            let outcome = own(&runs, input, part, control).await;
            KEPT.set(runs);
            outcome?;
        }
        AlignAsk::Lengths(all) => {
            for asked in all {
                let twin = asked.twin;
                let loss = &mut |loss| part(AlignPart::Loss { twin, loss });
                let told = &mut |length| part(AlignPart::Length { twin, length });
                lengths(engine, asked, loss, told, control).await?;
            }
        }
    }
    Ok(())
}

/// One input, by the models of all runs.
async fn own(
    runs: &[Kept],
    input: &str,
    part: &dyn Fn(AlignPart),
    control: &Control,
) -> Result<(), ModelError> {
    for run in runs {
        let twin = run.course().twin;
        let told = &mut |shot| part(AlignPart::Own { twin, shot: Box::new(shot) });
        run.look(input, told, control).await?;
    }
    Ok(())
}
