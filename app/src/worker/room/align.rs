//! What Room 01 asks for.

use vitrine_kernels::{Control, Engine};
use vitrine_models::ModelError;
use vitrine_models::claims::align::{Told, lengths, train};

use crate::protocol::room::{AlignAsk, AlignPart};

/// Computes an answer; `part` sends parts of it.
pub(super) async fn answer(
    engine: &mut Engine,
    ask: &AlignAsk,
    part: &dyn Fn(AlignPart),
    control: &Control,
) -> Result<(), ModelError> {
    match ask {
        AlignAsk::Train(courses) => {
            for course in courses {
                let twin = course.twin;
                let told = &mut |told| {
                    part(match told {
                        Told::Loss(loss) => AlignPart::Loss { twin, loss },
                        Told::Shot(shot) => AlignPart::Shot { twin, shot },
                    });
                };
                train(engine, course, told, control).await?;
            }
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
