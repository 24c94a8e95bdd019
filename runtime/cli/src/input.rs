//! Values on the command line: JSON from three places, pairs, sizes and times.

use std::{io::Read, path::Path};

use serde_json::{Map, Value};

use crate::exit::{Exit, Fault};

/// The bytes of a file that the command line names.
///
/// # Errors
/// It cannot be read.
pub fn file(path: &Path) -> Result<Vec<u8>, Fault> {
    std::fs::read(path).map_err(|error| Fault::usage(format!("cannot read {}: {error}", path.display())))
}

/// Text as given, of a file after `@`, or of stdin for `-`.
///
/// # Errors
/// What it names cannot be read, or is not UTF-8.
pub fn text(given: &str) -> Result<String, Fault> {
    if given == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Fault::usage(format!("cannot read stdin: {error}")))?;
        return Ok(text);
    }
    match given.strip_prefix('@') {
        Some(path) => String::from_utf8(file(Path::new(path))?)
            .map_err(|_| Fault::usage(format!("{path} is not UTF-8 text"))),
        None => Ok(given.to_owned()),
    }
}

/// JSON as given, of a file after `@`, or of stdin for `-`.
///
/// # Errors
/// As [`text`], or it is no JSON.
pub fn json(given: &str) -> Result<Value, Fault> {
    let document = text(given)?;
    serde_json::from_str(&document).map_err(|error| {
        Fault::new(Exit::Invalid, "invalid-json", format!("the input is no JSON: {error}"))
            .fix(r#"--input '{"name": "value"}', --input @file.json or --input - for stdin"#)
    })
}

/// `name=value`.
///
/// # Errors
/// There is no `=` or no name.
pub fn pair<'a>(flag: &str, given: &'a str) -> Result<(&'a str, &'a str), Fault> {
    given.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
        Fault::usage(format!("{flag} takes name=value, not `{}`", given.chars().take(20).collect::<String>()))
    })
}

/// `name=value` pairs as an object: a value that reads as JSON is that value, anything else is text.
///
/// # Errors
/// One is no pair.
pub fn settings(given: &[String]) -> Result<Value, Fault> {
    let mut object = Map::new();
    for setting in given {
        let (name, value) = pair("--setting", setting)?;
        object.insert(
            name.to_owned(),
            serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned())),
        );
    }
    Ok(Value::Object(object))
}

/// A secret by slot: `slot=value`, `slot=@file`, `slot=env:NAME`, `slot=-` for stdin. A file's or
/// stdin's last newline is not part of the secret.
///
/// # Errors
/// What it names cannot be read.
pub fn secret(given: &str) -> Result<(String, String), Fault> {
    let (slot, value) = pair("--secret", given)?;
    let value = match value.strip_prefix("env:") {
        Some(name) => std::env::var(name)
            .map_err(|_| Fault::usage(format!("--secret {slot}: the environment has no {name}")))?,
        None if value == "-" || value.starts_with('@') => {
            text(value)?.trim_end_matches(['\n', '\r']).to_owned()
        }
        None => value.to_owned(),
    };
    Ok((slot.to_owned(), value))
}

/// A count with a unit of ten: `2G`, `500M`, `64 MB`, `1000`.
///
/// # Errors
/// It is no such thing; the text says how one is written.
pub fn count(given: &str) -> Result<u64, String> {
    let plain = given.replace(['_', ',', ' '], "");
    let digits = plain.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = plain.get(digits.len()..).unwrap_or_default();
    let factor = match unit.to_ascii_uppercase().trim_end_matches('B') {
        "" => 1,
        "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "KI" => 1 << 10,
        "MI" => 1 << 20,
        "GI" => 1 << 30,
        _ => {
            return Err(format!("unknown unit `{unit}`; write 500M, 2G, 64MB or 64MiB"));
        }
    };
    let number: u64 =
        digits.parse().map_err(|_| "write a number, such as 500M, 2G, 64MB or 64MiB".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "too large".to_owned())
}

/// A duration in milliseconds: `250ms`, `30s`, `5m`, `1h`.
///
/// # Errors
/// It is no such thing; the text says how one is written.
pub fn duration_ms(given: &str) -> Result<u64, String> {
    let digits = given.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match given.get(digits.len()..).unwrap_or_default() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a number and a unit, such as 250ms, 30s, 5m or 1h".to_owned()),
    };
    let number: u64 =
        digits.parse().map_err(|_| "write a number and a unit, such as 250ms, 30s, 5m or 1h".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_durations() {
        for (given, value) in [
            ("1000", Ok(1000)),
            ("2G", Ok(2_000_000_000)),
            ("64MB", Ok(64_000_000)),
            ("64MiB", Ok(64 << 20)),
            ("1_000k", Ok(1_000_000)),
        ] {
            assert_eq!(count(given), value, "{given}");
        }
        for given in ["", "G", "-1", "1.5G", "99999999999G", "1T"] {
            assert!(count(given).is_err(), "{given}");
        }
        for (given, value) in [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000)] {
            assert_eq!(duration_ms(given), Ok(value));
        }
        assert!(duration_ms("30").is_err());
    }

    #[test]
    fn pairs_and_json() {
        let given = ["url=https://x/?a=b", "n=3", "t=true", "e="].map(str::to_owned);
        assert_eq!(
            settings(&given).unwrap(),
            serde_json::json!({ "url": "https://x/?a=b", "n": 3, "t": true, "e": "" })
        );
        assert_eq!(settings(&["=x".to_owned()]).unwrap_err().message, "--setting takes name=value, not `=x`");
        assert_eq!(secret("token=a=b").unwrap(), ("token".to_owned(), "a=b".to_owned()));
        assert_eq!(json("{").unwrap_err().exit, Exit::Invalid);
        assert_eq!(json("@/nonexistent.json").unwrap_err().exit, Exit::Usage);
    }
}
