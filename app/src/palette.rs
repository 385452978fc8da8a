//! Colours of data: cividis for 0…1 and magnitudes, RdBu centred at 0 for signed values, magenta
//! for what is not finite. (Nuñez, Anderton and Renslow, "Optimizing colormaps with consideration
//! for color vision deficiency", 2018; Brewer's RdBu.)

use std::sync::OnceLock;

/// An opaque colour.
pub type Rgb = [u8; 3];

/// What is neither a number nor a masked cell.
pub const NON_FINITE: Rgb = [0xd6, 0x00, 0xb8];

/// Which colours a value gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Map {
    /// From low to high.
    #[default]
    Sequential,
    /// Red below 0, blue above.
    Diverging,
}

/// A map over a range of values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scale {
    /// The colours.
    pub map: Map,
    /// The value of the first colour.
    pub min: f32,
    /// The value of the last colour.
    pub max: f32,
    /// Equal steps of colour are equal factors; `min` is above 0 then.
    pub is_log: bool,
}

impl Scale {
    /// 0…1.
    pub const UNIT: Self = Self { map: Map::Sequential, min: 0.0, max: 1.0, is_log: false };

    /// From 0 to the largest finite magnitude, or the range that holds all finite values.
    pub fn sequential(values: &[f32]) -> Self {
        let (min, max) = finite_range(values).unwrap_or((0.0, 1.0));
        let min = min.min(0.0);
        Self { min, max: if max > min { max } else { min + 1.0 }, ..Self::UNIT }
    }

    /// As [`Scale::sequential`], but in factors where the values span more than two decades.
    pub fn magnitudes(values: &[f32]) -> Self {
        let positive: Vec<f32> = values.iter().copied().filter(|v| *v > 0.0).collect();
        match finite_range(&positive) {
            Some((min, max)) if max / min > 100.0 => Self { min, max, is_log: true, ..Self::UNIT },
            _ => Self::sequential(values),
        }
    }

    /// Symmetric about 0, up to the largest finite magnitude.
    pub fn diverging(values: &[f32]) -> Self {
        let (min, max) = finite_range(values).unwrap_or((-1.0, 1.0));
        let size = min.abs().max(max.abs());
        let size = if size > 0.0 { size } else { 1.0 };
        Self { map: Map::Diverging, min: -size, max: size, is_log: false }
    }

    /// The colour of a value; magenta if it is not finite.
    pub fn color(self, value: f32) -> Rgb {
        if !value.is_finite() {
            return NON_FINITE;
        }
        if self.is_log {
            let t = if value > self.min {
                (value / self.min).ln() / (self.max / self.min).ln()
            } else {
                0.0
            };
            return table(self.map)[(t.clamp(0.0, 1.0) * 255.0).round() as usize];
        }
        let span = self.max - self.min;
        let t = if span > 0.0 { (value - self.min) / span } else { 0.0 };
        table(self.map)[(t.clamp(0.0, 1.0) * 255.0).round() as usize]
    }

    /// Colours from first to last, for a legend of so many steps.
    pub fn steps(self, n_steps: usize) -> Vec<Rgb> {
        let last = n_steps.saturating_sub(1).max(1) as f32;
        (0..n_steps)
            .map(|i| {
                let t = i as f32 / last;
                if self.is_log {
                    self.color(self.min * (self.max / self.min).powf(t))
                } else {
                    self.color(self.min + (self.max - self.min) * t)
                }
            })
            .collect()
    }
}

/// Smallest and largest finite value.
pub fn finite_range(values: &[f32]) -> Option<(f32, f32)> {
    values.iter().copied().filter(|v| v.is_finite()).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((min, max)) => Some((v.min(min), v.max(max))),
    })
}

/// Whether dark text reads better than light text on a colour (WCAG relative luminance).
pub fn wants_dark_text(color: Rgb) -> bool {
    let linear = |c: u8| {
        let c = f32::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(color[0]) + 0.7152 * linear(color[1]) + 0.0722 * linear(color[2]) > 0.179
}

/// `#rrggbb`.
pub fn css(color: Rgb) -> String {
    format!("#{:02x}{:02x}{:02x}", color[0], color[1], color[2])
}

/// 256 colours from first to last.
pub fn table(map: Map) -> &'static [Rgb; 256] {
    static SEQUENTIAL: OnceLock<[Rgb; 256]> = OnceLock::new();
    static DIVERGING: OnceLock<[Rgb; 256]> = OnceLock::new();
    let fill = |gradient: colorous::Gradient| {
        let mut colors = [[0; 3]; 256];
        for (i, color) in colors.iter_mut().enumerate() {
            *color = gradient.eval_continuous(i as f64 / 255.0).as_array();
        }
        colors
    };
    match map {
        Map::Sequential => SEQUENTIAL.get_or_init(|| fill(colorous::CIVIDIS)),
        Map::Diverging => DIVERGING.get_or_init(|| fill(colorous::RED_BLUE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_the_range_take_the_end_colours() {
        let scale = Scale::UNIT;
        assert_eq!(scale.color(-5.0), scale.color(0.0));
        assert_eq!(scale.color(7.0), scale.color(1.0));
        assert_ne!(scale.color(0.0), scale.color(1.0));
    }

    #[test]
    fn what_is_not_finite_is_magenta_and_leaves_the_range_alone() {
        let values = [f32::NAN, 2.0, f32::INFINITY, -1.0];
        assert_eq!(finite_range(&values), Some((-1.0, 2.0)));
        assert_eq!(Scale::diverging(&values).color(f32::NAN), NON_FINITE);
        assert_eq!(Scale::diverging(&values).max, 2.0);
        assert_eq!(finite_range(&[f32::NAN]), None);
    }

    #[test]
    fn equal_values_make_a_range_that_can_be_drawn() {
        for values in [vec![], vec![0.0; 4], vec![3.0; 4], vec![f32::NAN]] {
            let (a, b) = (Scale::sequential(&values), Scale::diverging(&values));
            assert!(a.max > a.min && b.max > b.min, "{values:?}");
        }
    }

    #[test]
    fn wide_magnitudes_are_coloured_by_factors() {
        let wide = Scale::magnitudes(&[0.1, 1.0, 10.0, 100.0, f32::NAN, 0.0]);
        assert!(wide.is_log);
        assert_eq!((wide.min, wide.max), (0.1, 100.0));
        assert_eq!(wide.color(0.0), wide.color(0.1));
        let steps = wide.steps(4);
        assert_eq!((steps[0], steps[3]), (wide.color(0.1), wide.color(100.0)));
        assert_eq!(steps[1], wide.color(1.0));
        assert!(!Scale::magnitudes(&[1.0, 50.0]).is_log);
        assert!(!Scale::magnitudes(&[]).is_log);
    }

    #[test]
    fn text_contrasts_with_its_cell() {
        assert!(wants_dark_text([255, 255, 255]));
        assert!(!wants_dark_text([0, 32, 77]));
    }
}
