//! The reading list: one line a room, in the order of the list, which is the order on screen.
//!
//! A room that is open has a file of its own here and a line in [`OPEN`]; its words are in
//! `assets/rooms/NN.xhtml`. The others are named, with their papers. Every room has the same frame
//! ([`page`]): the words with places in them, into which the room's own parts are put.

mod align;
mod attention;
mod changed;
mod claim;
mod fast_weights;
mod flash;
mod foot;
mod head;
mod invariant;
mod keys;
mod knob;
mod needed;
mod norms;
pub mod page;
mod plate;
mod question;
mod typing;
mod visit;
mod words;

use crate::parts::dom::View;
use crate::protocol::ModelCard;
pub use crate::rooms::foot::to_room;
pub use crate::rooms::head::cited;
pub use crate::rooms::knob::Knob;
pub use crate::rooms::visit::Visit;
use crate::state::url::{Tab, UrlState};

/// A part of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Architecture and tasks.
    Architecture,
    /// Scaling and efficiency.
    Scaling,
    /// Alignment, and what came of it.
    Alignment,
}

impl Part {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Architecture, Self::Scaling, Self::Alignment];

    /// The part's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Architecture => "Architecture and tasks",
            Self::Scaling => "Scaling and efficiency",
            Self::Alignment => "Alignment",
        }
    }
}

/// A paper of a room.
#[derive(Clone, Copy, Debug)]
pub struct Paper {
    /// Authors and year.
    pub cite: &'static str,
    /// Its number at arXiv; empty where it has none.
    pub arxiv: &'static str,
}

/// An entry of the list.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Which part of the list it is in.
    pub part: Part,
    /// The year of its first paper.
    pub year: u16,
    /// A short name.
    pub name: &'static str,
    /// What the papers answer.
    pub question: &'static str,
    /// The papers, the first one first.
    pub papers: &'static [Paper],
}

const fn paper(cite: &'static str, arxiv: &'static str) -> Paper {
    Paper { cite, arxiv }
}

const fn room(
    part: Part,
    year: u16,
    name: &'static str,
    question: &'static str,
    papers: &'static [Paper],
) -> Room {
    Room { part, year, name, question, papers }
}

/// A room that is open.
pub struct Open {
    /// Its place in the list, from 1.
    pub number: u8,
    /// What can be turned, in the order of the screen.
    pub knobs: &'static [Knob],
    /// Hooks of the shown layer that the room needs of the loaded model.
    pub hooks: &'static [&'static str],
    /// Panels of the Explorer that the room has, whose hooks it needs as well.
    pub panels: &'static [Tab],
    /// Hooks of an encoder–decoder that the room needs as the address stands, by their full names: of both stacks.
    pub pair_hooks: fn(&UrlState, &ModelCard) -> Vec<String>,
    /// Makes what the room knows. It lives while the room is shown, and makes the part for each
    /// `data-mount` of the room's words; none for a name that it does not know.
    pub enter: fn(Visit) -> Mount,
}

impl Open {
    /// A room that needs nothing of the loaded model; of which each says what is its own.
    const PLAIN: Self = Self {
        number: 0,
        knobs: &[],
        hooks: &[],
        panels: &[],
        pair_hooks: |_, _| Vec::new(),
        enter: |_| Box::new(|_| None),
    };
}

/// Makes the part for a `data-mount`.
pub type Mount = Box<dyn Fn(&str) -> Option<View>>;

/// The rooms that are open, in order.
pub const OPEN: &[&Open] =
    &[&align::ROOM, &attention::ROOM, &norms::ROOM, &fast_weights::ROOM, &flash::ROOM];

/// An open room by its number. Not part of what calls it: no start brings the rooms.
#[inline(never)]
pub fn open(number: u8) -> Option<&'static Open> {
    OPEN.iter().find(|open| open.number == number).copied()
}

use Part::{Alignment, Architecture, Scaling};

/// The list.
pub const ROOMS: &[Room] = &[
    room(
        Architecture,
        2014,
        "Align and translate",
        "How can a decoder look back at each word of the source, instead of at one summary of all?",
        &[paper("Bahdanau, Cho, Bengio 2014", "1409.0473")],
    ),
    room(
        Architecture,
        2017,
        "Attention is all you need",
        "Can attention alone carry a translation, without recurrence?",
        &[paper("Vaswani et al. 2017", "1706.03762")],
    ),
    room(
        Architecture,
        2020,
        "Where LayerNorm sits",
        "Why does it matter whether the norm stands before a block or after it?",
        &[paper("Xiong et al. 2020", "2002.04745"), paper("ResiDual, 2023", "2304.14802")],
    ),
    room(
        Architecture,
        1991,
        "Fast weights",
        "Is linear attention a network that programs the weights of another?",
        &[
            paper("Schmidhuber 1991", ""),
            paper("Katharopoulos et al. 2020", "2006.16236"),
            paper("Choromanski et al. 2020", "2009.14794"),
            paper("Schlag et al. 2021", "2102.11174"),
        ],
    ),
    room(
        Architecture,
        2018,
        "ULMFiT",
        "Can a model that has read plain text learn a task from a few labelled examples?",
        &[paper("Howard, Ruder 2018", "1801.06146")],
    ),
    room(
        Architecture,
        2018,
        "BERT",
        "What does a model learn from filling gaps with both sides in sight?",
        &[paper("Devlin et al. 2018", "1810.04805"), paper("RoBERTa, 2019", "1907.11692")],
    ),
    room(
        Architecture,
        2018,
        "GPT",
        "How far does predicting the next word alone take a model?",
        &[paper("Radford et al. 2018", "")],
    ),
    room(
        Architecture,
        2019,
        "BART",
        "What does a model learn from mending damaged text?",
        &[paper("Lewis et al. 2019", "1910.13461")],
    ),
    room(
        Architecture,
        2023,
        "The family tree",
        "Which kind of model for which kind of work?",
        &[paper("Yang et al. 2023", "2304.13712")],
    ),
    room(
        Scaling,
        2022,
        "FlashAttention",
        "How can exact attention be faster by moving less memory?",
        &[
            paper("Dao et al. 2022", "2205.14135"),
            paper("Efficient Transformers: A Survey", "2009.06732"),
        ],
    ),
    room(
        Scaling,
        2022,
        "Cramming",
        "How good a model can one machine train in one day?",
        &[paper("Geiping, Goldstein 2022", "2212.14034")],
    ),
    room(
        Scaling,
        2021,
        "LoRA",
        "How few numbers must change for a model to learn something new?",
        &[paper("Hu et al. 2021", "2106.09685")],
    ),
    room(
        Scaling,
        2023,
        "Cheap fine-tuning",
        "What does each way of changing only a little of a model cost and bring?",
        &[paper("Lialin et al. 2023", "2303.15647")],
    ),
    room(
        Scaling,
        2021,
        "Gopher",
        "What gets better with size, and what does not?",
        &[paper("Rae et al. 2021", "2112.11446")],
    ),
    room(
        Scaling,
        2022,
        "Chinchilla",
        "For a given amount of computing: how large a model, and how much text?",
        &[paper("Hoffmann et al. 2022", "2203.15556")],
    ),
    room(
        Scaling,
        2023,
        "Pythia",
        "When in its training does a model learn what?",
        &[paper("Biderman et al. 2023", "2304.01373")],
    ),
    room(
        Alignment,
        2022,
        "InstructGPT",
        "How do people’s preferences become something that a model is trained on?",
        &[paper("Ouyang et al. 2022", "2203.02155")],
    ),
    room(
        Alignment,
        2022,
        "Constitutional AI",
        "Can a model judge and mend its own answers by written principles?",
        &[paper("Bai et al. 2022", "2212.08073")],
    ),
    room(
        Alignment,
        2022,
        "Self-Instruct",
        "Can a model write the instructions that it is then trained on?",
        &[paper("Wang et al. 2022", "2212.10560")],
    ),
    room(
        Alignment,
        2022,
        "Open models",
        "What do BLOOM, OPT and UL2 do differently?",
        &[
            paper("BLOOM, 2022", "2211.05100"),
            paper("OPT, 2022", "2205.01068"),
            paper("UL2, 2022", "2205.05131"),
        ],
    ),
    room(
        Alignment,
        2022,
        "Assistants",
        "What stands around a language model that makes an assistant of it?",
        &[
            paper("LaMDA, 2022", "2201.08239"),
            paper("BLOOMZ, 2022", "2211.01786"),
            paper("BlenderBot 3, 2022", "2208.03188"),
        ],
    ),
    room(
        Alignment,
        2020,
        "Proteins",
        "What does a model learn from the letters of proteins?",
        &[paper("ProtTrans, 2020", "2007.06225")],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_rooms_are_in_order_and_their_knobs_can_be_what_they_are() {
        assert!(OPEN.windows(2).all(|pair| pair[0].number < pair[1].number));
        for room in OPEN {
            assert!((1..=ROOMS.len()).contains(&room.number.into()));
            for knob in room.knobs {
                assert!(knob.accepts(knob.plain), "{}: {}", knob.name, knob.plain);
            }
        }
    }

    #[test]
    fn the_list_is_whole_and_its_parts_follow_each_other() {
        assert_eq!(ROOMS.len(), 22);
        let order = |room: &Room| Part::ALL.iter().position(|part| *part == room.part);
        assert!(ROOMS.windows(2).all(|pair| order(&pair[0]) <= order(&pair[1])));
        for room in ROOMS {
            assert!(room.question.ends_with('?') && room.question.len() < 100, "{}", room.name);
            assert!((1991..=2023).contains(&room.year), "{}", room.name);
            assert!(!room.papers.is_empty(), "{}", room.name);
            let is_number = |arxiv: &str| {
                arxiv.is_empty()
                    || arxiv.len() >= 9 && arxiv.chars().all(|c| c.is_ascii_digit() || c == '.')
            };
            assert!(room.papers.iter().all(|paper| is_number(paper.arxiv)), "{}", room.name);
        }
    }
}
