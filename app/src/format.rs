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
    let digits = if size < 0.9995 {
        3
    } else if size < 9.995 {
        2
    } else if size < 99.95 {
        1
    } else {
        0
    };
    with_minus(if size == 0.0 {
        "0".into()
    } else if size < 9.995e-4 {
        scientific(value, 1)
    } else if size < 99_999.5 {
        fixed(value.into(), digits)
    } else {
        scientific(value, 2)
    })
}

/// All digits that an f32 can tell apart.
pub fn exact(value: f32) -> String {
    if !value.is_finite() {
        return three(value);
    }
    let size = value.abs();
    with_minus(if size != 0.0 && !(1e-4..1e6).contains(&size) {
        let (digits, exponent) = shortest(size);
        in_powers(value, &digits, exponent)
    } else {
        plain(value)
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
    format!("{} {}", fixed(value, digits), UNITS[unit_idx])
}

/// `134.5 M`, `9 k`: how many.
pub fn count(number: u64) -> String {
    let value = number as f64;
    if value >= 1e9 {
        fixed(value / 1e9, 2) + " G"
    } else if value >= 1e6 {
        fixed(value / 1e6, 1) + " M"
    } else if value >= 1e4 {
        fixed(value / 1e3, 1) + " k"
    } else {
        number.to_string()
    }
}

/// Milliseconds below ten seconds, else seconds.
pub fn duration(ms: f64) -> String {
    if ms < 10.0 {
        fixed(ms, 1) + " ms"
    } else if ms < 10_000.0 {
        fixed(ms, 0) + " ms"
    } else {
        fixed(ms / 1000.0, 1) + " s"
    }
}

/// `1 token`, `9 tokens`.
pub fn plural(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

// The standard library's ways from floats to text and back carry tables and arithmetic for every
// case of an f64, a tenth of the page's module. An f32 times a power of ten is nearly exact in
// f64, so a few lines do for what stands on the page.

/// So many digits after the point, at most 3; for sizes below 10^15.
pub fn fixed(value: f64, n_digits: u32) -> String {
    if !value.is_finite() {
        return plain(value as f32);
    }
    let scale = 10_u64.pow(n_digits);
    let scaled = (value.abs() * scale as f64).round_ties_even() as u64;
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let (whole, part) = (scaled / scale, scaled % scale);
    if n_digits == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{part:0width$}", width = n_digits as usize)
}

/// As [`fixed`] with 3 digits, without zeros at its end: for style sheets and pictures.
pub fn trimmed(value: f64) -> String {
    let text = fixed(value, 3);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// As few digits as read back as the same f32, never in powers of ten.
pub fn plain(value: f32) -> String {
    if !value.is_finite() {
        let words = if value > 0.0 { "inf" } else { "-inf" };
        return if value.is_nan() { "NaN".into() } else { words.into() };
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value == 0.0 {
        return format!("{sign}0");
    }
    let (digits, exponent) = shortest(value.abs());
    let n_whole = exponent + 1;
    if n_whole <= 0 {
        return format!("{sign}0.{}{digits}", "0".repeat(-n_whole as usize));
    }
    let n_whole = n_whole as usize;
    match digits.split_at_checked(n_whole) {
        Some((whole, part)) if !part.is_empty() => format!("{sign}{whole}.{part}"),
        _ => format!("{sign}{digits}{}", "0".repeat(n_whole - digits.len())),
    }
}

/// The number that a text says: `-12.5`, `1e-3`.
pub fn number(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mut exponent: i32 = exponent.parse().ok().filter(|e: &i32| e.abs() < 400)?;
    let is_negative = mantissa.starts_with('-');
    let mantissa = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (mut value, mut n_digits, mut is_after_point) = (0.0_f64, 0, false);
    for c in mantissa.chars() {
        if c == '.' && !is_after_point {
            is_after_point = true;
            continue;
        }
        value = value * 10.0 + f64::from(c.to_digit(10)?);
        n_digits += 1;
        exponent -= i32::from(is_after_point);
    }
    let value = times_ten_to(value, exponent);
    (n_digits > 0).then_some(if is_negative { -value } else { value })
}

/// `1.2e-5`.
fn scientific(value: f32, n_digits: u32) -> String {
    let size = f64::from(value.abs());
    let (digits, exponent) = rounded(size, n_digits as i32);
    in_powers(value, &digits.to_string(), exponent)
}

/// One digit before the point, the power of ten behind.
fn in_powers(value: f32, digits: &str, exponent: i32) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}e{exponent}")
}

/// The fewest digits that tell a finite f32 above 0 from its neighbours, and the power of ten of
/// the first.
fn shortest(size: f32) -> (String, i32) {
    let mut n_digits = 0;
    loop {
        let (digits, exponent) = rounded(size.into(), n_digits);
        // Nine significant digits tell all f32 apart.
        if n_digits == 8 || times_ten_to(digits as f64, exponent - n_digits) as f32 == size {
            return (digits.to_string(), exponent);
        }
        n_digits += 1;
    }
}

/// A number above 0 with so many digits after the first, and the power of ten of the first.
fn rounded(size: f64, n_digits: i32) -> (u64, i32) {
    let mut exponent = size.log10().floor() as i32;
    // The logarithm, or rounding up to the next power, may be off by one.
    for _ in 0..2 {
        let digits = times_ten_to(size, n_digits - exponent).round_ties_even() as u64;
        let one = 10_u64.pow(n_digits as u32);
        if digits < one {
            exponent -= 1;
        } else if digits >= 10 * one {
            exponent += 1;
        } else {
            return (digits, exponent);
        }
    }
    (10_u64.pow(n_digits as u32), exponent)
}

fn times_ten_to(value: f64, power: i32) -> f64 {
    let factor = 10.0_f64.powi(power.abs());
    if power < 0 { value / factor } else { value * factor }
}

fn with_minus(text: String) -> String {
    if text.contains('-') { text.replace('-', "−") } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn all_digits_are_those_of_the_standard_library() {
        let cases =
            [0.1, 1.0, 100.0, 0.2134567, 1e-7, 1.5e10, 123_456.7, 3.4e38, 1e-45, 16_777_216.0];
        for value in cases.into_iter().flat_map(|v: f32| [v, -v]).chain([0.0, f32::INFINITY]) {
            assert_eq!(plain(value), value.to_string());
        }
        assert_eq!(exact(1e-5), "1e−5");
        assert_eq!(exact(-1.25e7), "−1.25e7");
        assert_eq!(trimmed(12.0), "12");
        assert_eq!(trimmed(0.12549), "0.125");
    }

    #[test]
    fn texts_are_numbers_or_none() {
        for (text, value) in
            [("12.5", 12.5), ("-0.5", -0.5), ("1e-3", 1e-3), (".5", 0.5), ("+2", 2.0)]
        {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in ["", "-", ".", "1.2.3", "NaN", "e5", "1e", "0x1", "1e999999999999"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(bits in any::<u32>()) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            let text = plain(value);
            prop_assert_eq!(text.parse::<f32>().unwrap().to_bits(), value.to_bits());
            prop_assert_eq!(text.len(), value.to_string().len());
            prop_assert_eq!(number(&text).map(|v| v as f32), Some(value));
        }

        #[test]
        fn digits_are_rounded_as_the_standard_library_does(value in -99_999_f32..99_999.0, n in 0_u32..4) {
            let digits = n as usize;
            prop_assert_eq!(fixed(value.into(), n), format!("{value:.digits$}"));
        }

        #[test]
        fn powers_are_written_as_the_standard_library_does(power in -40_f32..38.0, n in 1_u32..3) {
            let (value, digits) = (10_f32.powf(power), n as usize);
            prop_assert_eq!(scientific(value, n), format!("{value:.digits$e}"));
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
