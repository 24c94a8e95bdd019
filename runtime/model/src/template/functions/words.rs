//! Words: titles, and the names that stand in addresses.
//!
//! What is surprising: a slug takes accents off by the decomposed form of Unicode, so `é` becomes `e`, and knows a
//! handful of letters that have none, such as `ß`; what it has no letter for parts words.

use icu_normalizer::DecomposingNormalizerBorrowed;
use serde_json::Value;

use super::arguments::Arguments;
use crate::template::purse::Fault;

pub(super) fn title(a: &Arguments<'_>) -> Result<Value, Fault> {
    let text = a.text(0)?;
    a.toil(text.len(), 8)?;
    a.room(1, text.len().saturating_mul(3))?;
    let mut titled = String::with_capacity(text.len());
    let mut within = false;
    for letter in text.chars() {
        if within {
            titled.extend(letter.to_lowercase());
        } else {
            titled.extend(letter.to_uppercase());
        }
        within = letter.is_alphanumeric() || (within && matches!(letter, '\'' | '’' | '\u{300}'..='\u{36f}'));
    }
    Ok(titled.into())
}

/// Letters that no decomposition takes to ASCII.
fn latin(letter: char) -> &'static str {
    match letter {
        'ß' | 'ẞ' => "ss",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'ø' | 'Ø' => "o",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'ł' | 'Ł' => "l",
        'þ' | 'Þ' => "th",
        'ı' => "i",
        _ => "",
    }
}

pub(super) fn slug(a: &Arguments<'_>) -> Result<Value, Fault> {
    let text = a.text(0)?;
    a.toil(text.len(), 4)?;
    a.room(1, text.len().saturating_mul(11))?;
    let mut slug = String::with_capacity(text.len());
    let mut parted = false;
    for letter in DecomposingNormalizerBorrowed::new_nfkd().normalize(text).chars() {
        let known = latin(letter);
        if letter.is_ascii_alphanumeric() || !known.is_empty() {
            if parted && !slug.is_empty() {
                slug.push('-');
            }
            parted = false;
            slug.push_str(known);
            slug.extend(known.is_empty().then(|| letter.to_ascii_lowercase()));
        } else if !matches!(letter, '\'' | '’' | '\u{300}'..='\u{36f}') {
            parted = true;
        }
    }
    Ok(slug.into())
}
