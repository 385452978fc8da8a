//! Numbers as the page writes them: three significant digits, a true minus, a unit beside them.

/// The character that stands before negative numbers.
pub const MINUS: char = '−';

/// Three significant digits; scientific notation below 0.001 and from 100 000.
pub fn three(value: f32) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".into() } else { "−∞".into() };
    }
    let size = value.abs();
    let text = if size == 0.0 {
        "0".into()
    } else if size < 9.995e-4 {
        scientific(value, 1)
    } else if size < 0.9995 {
        format!("{value:.3}")
    } else if size < 9.995 {
        format!("{value:.2}")
    } else if size < 99.95 {
        format!("{value:.1}")
    } else if size < 99_999.5 {
        format!("{value:.0}")
    } else {
        scientific(value, 2)
    };
    with_minus(text)
}

/// All digits that an f32 can tell apart.
pub fn exact(value: f32) -> String {
    if !value.is_finite() {
        return three(value);
    }
    let size = value.abs();
    with_minus(if size != 0.0 && !(1e-4..1e6).contains(&size) {
        format!("{value:e}")
    } else {
        format!("{value}")
    })
}

/// `1st`, `22nd`, `13th`.
pub fn ordinal(n: u32) -> String {
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

/// `98.2 MB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit_idx = 0;
    while value >= 999.5 && unit_idx + 1 < UNITS.len() {
        value /= 1000.0;
        unit_idx += 1;
    }
    let digits = if value < 99.95 { 1 } else { 0 };
    format!("{value:.digits$} {}", UNITS[unit_idx])
}

/// `134.5 M`, `9 k`: how many.
pub fn count(number: u64) -> String {
    let value = number as f64;
    if value >= 1e9 {
        format!("{:.2} G", value / 1e9)
    } else if value >= 1e6 {
        format!("{:.1} M", value / 1e6)
    } else if value >= 1e4 {
        format!("{:.1} k", value / 1e3)
    } else {
        format!("{number}")
    }
}

/// Milliseconds below ten seconds, else seconds.
pub fn duration(ms: f64) -> String {
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 10_000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.1} s", ms / 1000.0)
    }
}

/// `1 token`, `9 tokens`.
pub fn plural(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

fn scientific(value: f32, digits: usize) -> String {
    format!("{value:.digits$e}")
}

fn with_minus(text: String) -> String {
    if text.contains('-') { text.replace('-', "−") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_an_order() {
        for (n, text) in [
            (1, "1st"),
            (2, "2nd"),
            (3, "3rd"),
            (4, "4th"),
            (12, "12th"),
            (111, "111th"),
            (122, "122nd"),
        ] {
            assert_eq!(ordinal(n), text);
        }
    }

    #[test]
    fn three_significant_digits_at_every_size() {
        let cases = [
            (0.0, "0"),
            (0.21345, "0.213"),
            (0.99961, "1.00"),
            (-2.71, "−2.71"),
            (17.32, "17.3"),
            (123.4, "123"),
            (1.234e-5, "1.2e−5"),
            (2.5e7, "2.50e7"),
            (f32::NAN, "NaN"),
            (f32::NEG_INFINITY, "−∞"),
        ];
        for (value, text) in cases {
            assert_eq!(three(value), text, "{value}");
        }
    }

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(98_200_000), "98.2 MB");
        assert_eq!(bytes(999_600), "1.0 MB");
        assert_eq!(duration(11.2), "11 ms");
        assert_eq!(duration(12_345.0), "12.3 s");
        assert_eq!(plural(1, "token"), "1 token");
        assert_eq!(count(134_515_008), "134.5 M");
    }
}
