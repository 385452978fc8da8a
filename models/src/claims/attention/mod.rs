//! Attention (Vaswani et al. 2017, arXiv 1706.03762), as Room 02 shows it: why products are divided by √d_k
//! ([`scale`]), the layers that its Table 1 compares ([`layers`]) and how long each takes ([`timing`]), the sinusoids of positions ([`sinusoid`]), and
//! the stages of a head that ran, computed again ([`stages`]).

pub mod layers;
pub mod scale;
pub mod sinusoid;
pub mod stages;
pub mod timing;
