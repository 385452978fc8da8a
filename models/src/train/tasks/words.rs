//! Dates and numbers, from words to figures and back.

use super::super::random::below;
use super::{Example, Task};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// Dates of 1900 to 2099 as people write them, to ISO 8601. Difficulty 1: one way of writing; 2: five; 3:
/// also with weekdays.
pub(crate) const DATES: Task = Task {
    name: "dates",
    title: "Write the date as year-month-day",
    alphabet: "abcdefghijklmnopqrstuvwxyz0123456789 ,.-/",
    make: |random, difficulty| {
        let year = 1900 + below(random, 200);
        let month = 1 + below(random, 12);
        let day = 1 + below(random, days(year, month));
        let name = MONTHS[month - 1];
        let way = if difficulty == 1 { 0 } else { below(random, 5) };
        let written = match way {
            0 => format!("{day} {name} {year}"),
            1 => format!("{name} {day}, {year}"),
            2 => format!("{day} {} {year}", &name[..3]),
            3 => format!("{day:02}.{month:02}.{year}"),
            _ => format!("{day}{} of {name} {year}", ending(day)),
        };
        let written = match difficulty > 2 && below(random, 2) == 0 {
            true => format!("{}, {written}", WEEKDAYS[weekday(year, month, day)]),
            false => written,
        };
        Example::new(written, format!("{year:04}-{month:02}-{day:02}"))
    },
};

/// Numbers below 10 to the power of `difficulty + 1` in words, to figures.
pub(crate) const NUMBERS: Task = Task {
    name: "numbers",
    title: "Write the number in figures",
    alphabet: "abcdefghijklmnopqrstuvwxyz-0123456789 ",
    make: |random, difficulty| {
        let number = below(random, 10_usize.pow(difficulty.min(5) as u32 + 1));
        Example::new(in_words(number), number.to_string())
    },
};

fn is_leap(year: usize) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days(year: usize, month: usize) -> usize {
    match month {
        2 => 28 + usize::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// 0 for Sunday (Sakamoto 1993).
fn weekday(year: usize, month: usize, day: usize) -> usize {
    const SHIFTS: [usize; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    let year = if month < 3 { year - 1 } else { year };
    (year + year / 4 - year / 100 + year / 400 + SHIFTS[month - 1] + day) % 7
}

fn ending(day: usize) -> &'static str {
    match (day % 10, day / 10) {
        (_, 1) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}

/// A number below a million, as the English say it.
fn in_words(number: usize) -> String {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] =
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let with_rest = |head: String, join: &str, rest: usize| match rest {
        0 => head,
        rest => format!("{head}{join}{}", in_words(rest)),
    };
    match number {
        0..20 => SMALL[number].to_owned(),
        20..100 => with_rest(TENS[number / 10 - 2].to_owned(), "-", number % 10),
        100..1000 => with_rest(format!("{} hundred", SMALL[number / 100]), " and ", number % 100),
        _ => {
            let rest = number % 1000;
            let join = if rest < 100 { " and " } else { " " };
            with_rest(format!("{} thousand", in_words(number / 1000)), join, rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::random::{Purpose, stream};
    use super::*;

    #[test]
    fn numbers_in_words() {
        for (number, words) in [
            (0, "zero"),
            (17, "seventeen"),
            (40, "forty"),
            (86, "eighty-six"),
            (100, "one hundred"),
            (219, "two hundred and nineteen"),
            (3000, "three thousand"),
            (4005, "four thousand and five"),
            (12_345, "twelve thousand three hundred and forty-five"),
        ] {
            assert_eq!(in_words(number), words);
        }
    }

    #[test]
    fn calendars() {
        assert_eq!((days(1900, 2), days(2000, 2), days(2023, 2), days(2024, 2)), (28, 29, 28, 29));
        // The first day of this century was a Monday.
        assert_eq!(weekday(2001, 1, 1), 1);
        assert_eq!(weekday(1969, 7, 20), 0);
        let endings: Vec<_> = [1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30].map(ending).into();
        assert_eq!(endings.join(" "), "st nd rd th th th th st nd rd th");
    }

    #[test]
    fn the_day_is_in_both() {
        let mut random = stream(1, Purpose::Batch, 0);
        for _ in 0..100 {
            let Example { input, output } = (DATES.make)(&mut random, 3);
            let parts: Vec<&str> = output.split('-').collect();
            let day = parts[2].trim_start_matches('0');
            assert!(input.contains(parts[0]) && input.contains(day), "{input} {output}");
        }
    }
}
