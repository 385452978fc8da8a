//! Choices of which each has one word in the URL.

use crate::protocol::Attention;

/// Declares an enum whose members each have one word in the URL.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name { $($(#[$member_doc])* $member,)* }

        impl $name {
            /// All, in the order of the screen.
            pub const ALL: &'static [$name] = &[$($name::$member),*];

            /// The word in the URL.
            pub fn word(self) -> &'static str {
                match self { $($name::$member => $word,)* }
            }

            /// The member of a word.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|member| member.word() == word)
            }
        }
    };
}

words! {
    /// The parts of Vitrine.
    Place {
        /// What Vitrine is, and the reading list.
        Home = "home",
        /// Look into a model.
        #[default]
        Explorer = "explorer",
        /// Train one.
        Lab = "lab",
        /// A paper whose mechanism runs; the address says which.
        Room = "room",
    }
}

words! {
    /// Where the text comes from that a run of the Lab trains on.
    Corpus {
        /// A little grammar makes it.
        #[default]
        Toy = "toy",
        /// The visitor pasted it.
        Pasted = "pasted",
    }
}

words! {
    /// Steps of attention, in the order in which they happen.
    Stage {
        /// q · k.
        Scores = "scores",
        /// Divided by √d_head.
        Scaled = "scaled",
        /// Without the keys that a query may not see.
        Masked = "masked",
        /// After softmax.
        #[default]
        Pattern = "pattern",
        /// Times the length of the values.
        Values = "values",
    }
}

words! {
    /// How one head is drawn.
    HeadView {
        /// Queries down, keys across.
        #[default]
        Grid = "grid",
        /// Two columns of tokens with lines between.
        Lines = "lines",
    }
}

words! {
    /// What is averaged in the head panel.
    Average {
        /// Nothing: one head.
        #[default]
        None = "none",
        /// All heads of the layer.
        Heads = "heads",
        /// The head of the same number in all layers.
        Layers = "layers",
    }
}

words! {
    /// Which sentence of a pair looks at which.
    PairFilter {
        /// All at all.
        #[default]
        All = "all",
        /// The first at itself.
        FirstFirst = "aa",
        /// The first at the second.
        FirstSecond = "ab",
        /// The second at the first.
        SecondFirst = "ba",
        /// The second at itself.
        SecondSecond = "bb",
    }
}

impl PairFilter {
    /// Whether the looking token and the one looked at are of the second text; none for all.
    pub fn sides(self) -> Option<(bool, bool)> {
        match self {
            Self::All => None,
            Self::FirstFirst => Some((false, false)),
            Self::FirstSecond => Some((false, true)),
            Self::SecondFirst => Some((true, false)),
            Self::SecondSecond => Some((true, true)),
        }
    }
}

words! {
    /// Which attention of an encoder–decoder is shown.
    Attending {
        /// Source at source.
        Encoder = "encoder",
        /// Target at earlier target.
        Decoder = "decoder",
        /// Target at source.
        #[default]
        Cross = "cross",
    }
}

impl Attending {
    /// As the worker names it.
    pub fn attention(self) -> Attention {
        match self {
            Self::Encoder => Attention::Encoder,
            Self::Decoder => Attention::Decoder,
            Self::Cross => Attention::Cross,
        }
    }
}

words! {
    /// Which heads of cross-attention the alignment is the mean of.
    AlignOf {
        /// All of all layers.
        #[default]
        All = "all",
        /// All of one layer.
        Layer = "layer",
        /// One.
        Head = "head",
    }
}

words! {
    /// Order of the wall.
    WallSort {
        /// As the model computes them.
        #[default]
        Layer = "layer",
        /// Weight on the token before.
        Previous = "previous",
        /// Weight on the token that followed the same token earlier.
        Induction = "induction",
        /// Weight on the first token.
        Sink = "sink",
        /// Weight on earlier copies of the same token.
        Duplicate = "duplicate",
    }
}

words! {
    /// The panels at the foot of the page.
    Tab {
        /// The first one that the model has.
        #[default]
        First = "first",
        /// Which source tokens each target token was written from.
        Alignment = "alignment",
        /// The search for the target.
        Beam = "beam",
        /// μ, σ, γ, β.
        Norms = "norms",
        /// The residual stream.
        Residual = "residual",
        /// Activations of the MLP.
        Mlp = "mlp",
        /// Loss of every token.
        Loss = "loss",
        /// Sentences compared.
        Similarity = "similarity",
        /// How positions enter.
        Positions = "positions",
        /// Matrices of the weights.
        Weights = "weights",
        /// What the model is.
        Card = "card",
    }
}

words! {
    /// Paper or night.
    Theme {
        /// As the system says.
        #[default]
        Auto = "auto",
        /// Paper.
        Light = "light",
        /// Night.
        Dark = "dark",
    }
}
