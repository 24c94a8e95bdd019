//! Plain scalars under the core schema of YAML 1.2.2 (10.3.2), without those that mean two things.

use serde_json::Number;

use super::Data;

/// A plain scalar under the core schema, or what is wrong with it and how to say it clearly.
pub(super) fn plain(text: &str) -> Result<Data, (&'static str, String)> {
    let refused = |why| (why, format!("quote it if it is text: \"{text}\""));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Data::Null),
        "true" | "True" | "TRUE" => return Ok(Data::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Data::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF") {
        return Err(refused("is no number of JSON"));
    }
    let digits = |text: &str, radix: u32| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
    let based = |prefix, radix| {
        text.strip_prefix(prefix)
            .filter(|rest| digits(rest, radix))
            .map(|rest| u64::from_str_radix(rest, radix))
    };
    if let Some(parsed) = based("0x", 16).or_else(|| based("0o", 8)) {
        return parsed.map(number).map_err(|_| refused("is more than 64 bits hold"));
    }
    if digits(unsigned, 10) {
        return whole(text, unsigned).map_err(refused);
    }
    if is_float(unsigned) {
        let double = text.parse::<f64>().ok().and_then(Number::from_f64);
        return double.map(Data::Number).ok_or_else(|| refused("is more than a double holds"));
    }
    Ok(Data::Text(text.to_owned()))
}

/// A whole number of 64 bits without leading zeros, which some read as octal and some as an identifier.
fn whole(text: &str, unsigned: &str) -> Result<Data, &'static str> {
    if unsigned.len() > 1 && unsigned.starts_with('0') {
        return Err("means two things");
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let parsed = text.parse::<i64>().map(number).or_else(|_| text.parse::<u64>().map(number));
    parsed.map_err(|_| "is more than 64 bits hold")
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(unsigned: &str) -> bool {
    let all_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let (mantissa, exponent) =
        unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && all_digits(exponent)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    exponent_fits && all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

fn number(value: impl Into<Number>) -> Data {
    Data::Number(value.into())
}
