//! Lists: the one shape of their bodies, their limits and their cursors.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;

/// Items of a page at most.
pub(super) const MOST: u32 = 200;
/// Items of a page unless asked for otherwise.
const USUAL: u32 = 50;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    /// The items, newest first where they have a time.
    items: Vec<T>,
    /// Goes into `before` for the next page; null on the last.
    next: Option<String>,
}

impl<T> List<T> {
    /// A list that is never cut into pages.
    pub(super) fn all<E: Into<T>>(items: Vec<E>) -> Json<Self> {
        Self::with_next(items, None)
    }

    /// A page whose cursor somebody else made.
    pub(super) fn with_next<E: Into<T>>(items: Vec<E>, next: Option<String>) -> Json<Self> {
        Json(Self { items: items.into_iter().map(Into::into).collect(), next })
    }

    /// A page of at most `limit` items; a full one may have a next, which begins before its last item.
    pub(super) fn page<E: Into<T>>(items: Vec<E>, limit: u32, cursor: impl Fn(&E) -> String) -> Json<Self> {
        let full = u32::try_from(items.len()).is_ok_and(|count| count >= limit);
        let next = items.last().filter(|_| full).map(cursor);
        Self::with_next(items, next)
    }
}

/// The limit of a page.
pub(super) fn limit(asked: Option<u32>) -> Result<u32, ApiError> {
    match asked {
        None => Ok(USUAL),
        Some(limit @ 1..=MOST) => Ok(limit),
        Some(limit) => Err(ApiError::bad_request("bad-limit", format!("`limit` is {limit}"))
            .fix(format!("write a number from 1 to {MOST}, and follow `next`"))),
    }
}

/// Checks that a text is an id of ours: a ULID, 26 digits of Crockford's base 32.
pub(super) fn cursor(before: Option<String>) -> Result<Option<String>, ApiError> {
    match before {
        Some(text) if !is_ulid(&text) => {
            Err(ApiError::bad_request("bad-cursor", "that is no cursor of this list")
                .fix("take it from `next` of the page before"))
        }
        before => Ok(before),
    }
}

/// Whether a text is a ULID as this server writes it.
pub(super) fn is_ulid(text: &str) -> bool {
    text.len() == 26
        && text.starts_with(|first| matches!(first, '0'..='7'))
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'H' | b'J' | b'K' | b'M' | b'N' | b'P'..=b'T' | b'V'..=b'Z'))
}

#[cfg(test)]
mod tests {
    use super::{List, cursor, limit};

    #[test]
    fn limits_and_cursors_are_checked() {
        for (asked, expected) in
            [(None, Some(50)), (Some(1), Some(1)), (Some(200), Some(200)), (Some(0), None), (Some(201), None)]
        {
            assert_eq!(limit(asked).ok(), expected, "{asked:?}");
        }
        for (before, good) in [
            ("01ARZ3NDEKTSV4RRFFQ69G5FAV", true),
            ("01ARZ3NDEKTSV4RRFFQ69G5FA", false),
            ("01arz3ndektsv4rrffq69g5fav", false),
            ("81ARZ3NDEKTSV4RRFFQ69G5FAV", false),
            ("' OR 1=1--", false),
            ("", false),
        ] {
            assert_eq!(cursor(Some(before.to_owned())).is_ok(), good, "{before}");
        }
    }

    #[test]
    fn a_full_page_has_a_next() {
        for (count, next) in [(0, None), (1, None), (2, Some("2"))] {
            let items: Vec<u32> = (1..=count).collect();
            let page: List<u32> = List::page(items, 2, ToString::to_string).0;
            assert_eq!(page.next.as_deref(), next);
        }
    }
}
