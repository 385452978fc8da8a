//! What the rooms compute: the data of a machine, and the claims of a paper, over either engine. The page
//! asks for them through its worker; native tests ask for the same and hold them to bounds.

pub mod attention;
pub mod fast_weights;
pub mod fit;
pub mod flash;
pub mod norms;
