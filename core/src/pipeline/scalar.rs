//! What a plain scalar means in the core schema of YAML 1.2 (section 10.3.2 of its specification).

/// The meaning of a scalar that stands without quotes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing, or `~` and `null`.
    Null,
    /// `true`, `false` and their capitals.
    Bool,
    /// A decimal number that YAML would write just so.
    Integer,
    /// A number that YAML would write otherwise: how.
    Number(String),
    /// All else.
    Text,
}

/// Decides what a plain scalar means.
pub(super) fn meaning(text: &str) -> Meaning {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Meaning::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Meaning::Bool,
        ".nan" | ".NaN" | ".NAN" => return Meaning::Number("not a number".to_owned()),
        _ => {}
    }
    if let Some(number) = based(text) {
        return Meaning::Number(number);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Meaning::Number("infinity".to_owned());
    }
    if is_digits(unsigned) {
        let as_written = unsigned == "0" || !unsigned.starts_with('0');
        let sign_kept = !text.starts_with('+') && text != "-0";
        return if as_written && sign_kept { Meaning::Integer } else { Meaning::Number(plain_integer(text, unsigned)) };
    }
    if is_float(unsigned) { Meaning::Number(float_as_written(text)) } else { Meaning::Text }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Octal and hexadecimal numbers, in decimal.
fn based(text: &str) -> Option<String> {
    let (digits, base) = match text.get(..2)? {
        "0o" => (&text[2..], 8),
        "0x" => (&text[2..], 16),
        _ => return None,
    };
    let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
    valid.then(|| u128::from_str_radix(digits, base).map_or_else(|_| "another number".to_owned(), |n| n.to_string()))
}

fn plain_integer(text: &str, unsigned: &str) -> String {
    let digits = unsigned.trim_start_matches('0');
    match (digits.is_empty(), text.starts_with('-')) {
        (true, _) => "0".to_owned(),
        (false, true) => format!("-{digits}"),
        (false, false) => digits.to_owned(),
    }
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_fits = exponent.is_none_or(|e| is_digits(e.strip_prefix(['-', '+']).unwrap_or(e)));
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => is_digits(fraction),
        Some((whole, fraction)) => is_digits(whole) && (fraction.is_empty() || is_digits(fraction)),
        None => is_digits(mantissa),
    };
    exponent_fits && mantissa_fits
}

fn float_as_written(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if number.is_infinite() => "infinity".to_owned(),
        Ok(number) => {
            let plain = number.to_string();
            if plain.len() <= 20 { plain } else { format!("{number:e}") }
        }
        Err(_) => "another number".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_schema_decides() {
        for text in [
            "no", "NO", "on", "yes", "12:30:00", "1_000", " 5", "٣", "1.2.3", "0b1", "e3", ".", "1e", "0o8", "-",
            "tRue", "0x",
        ] {
            assert_eq!(meaning(text), Meaning::Text, "{text}");
        }
        for text in ["0", "15", "-1", "18446744073709551616"] {
            assert_eq!(meaning(text), Meaning::Integer, "{text}");
        }
        for (text, number) in [
            ("1.20", "1.2"),
            ("1.90", "1.9"),
            ("1e3", "1000"),
            ("0o17", "15"),
            ("0x10", "16"),
            ("007", "7"),
            ("-0", "0"),
            ("+5", "5"),
            ("1.5", "1.5"),
            ("1e309", "infinity"),
            ("-.inf", "infinity"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1e300", "1e300"),
            ("-007", "-7"),
            ("00", "0"),
        ] {
            assert_eq!(meaning(text), Meaning::Number(number.to_owned()), "{text}");
        }
        assert_eq!(meaning("~"), Meaning::Null);
        assert_eq!(meaning("TRUE"), Meaning::Bool);
    }
}
