//! Whether a model fits before it is loaded. Pure.

use super::http::megabytes;

/// What one WebAssembly module can address, less what the browser and the stack need.
const ADDRESSABLE: u64 = (4 << 30) - (192 << 20);
/// What runs keep beside the weights, at the least.
const WORK_BYTES: u64 = 192 << 20;

/// What can be done with a model of some size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// There is room beside the model that is loaded.
    Beside,
    /// There is room once the loaded model is freed.
    Instead,
    /// There is none: the sentence has the numbers.
    Never(String),
}

/// Judges `weights` bytes beside `held` bytes of the model that is loaded, on a device of
/// `device` bytes of memory, if the browser tells. `on_gpu`: the weights lie outside this module.
pub(super) fn judge(weights: u64, held: u64, device: Option<u64>, on_gpu: bool) -> Fit {
    let needed = weights.saturating_add(WORK_BYTES);
    // Browsers tell no more than 8 GiB, whatever there is.
    let device = device.filter(|&device| device < 8 << 30);
    let (limit, whose) = match (device, on_gpu) {
        (Some(device), true) => (device, "this device has"),
        (Some(device), false) if device < ADDRESSABLE => (device, "this device has"),
        (None, true) => (u64::MAX, ""),
        (_, false) => (ADDRESSABLE, "a web page can use"),
    };
    if needed > limit {
        return Fit::Never(format!(
            "it needs {} ({} of weights and room to work), {whose} {}",
            megabytes(needed),
            megabytes(weights),
            megabytes(limit)
        ));
    }
    if needed.saturating_add(held) > limit { Fit::Instead } else { Fit::Beside }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_judged_before_they_load() {
        let gib = 1u64 << 30;
        assert_eq!(judge(gib, gib, None, false), Fit::Beside);
        assert_eq!(judge(3 * gib, gib, None, false), Fit::Instead);
        assert!(
            matches!(judge(5 * gib, 0, None, false), Fit::Never(text) if text.contains("5.6 GB"))
        );
        assert!(
            matches!(judge(3 * gib, 0, Some(2 * gib), false), Fit::Never(text) if text.contains("this device has"))
        );
        assert_eq!(judge(7 * gib, 0, Some(8 * gib), true), Fit::Beside);
        assert!(matches!(judge(u64::MAX, u64::MAX, None, false), Fit::Never(_)));
    }
}
