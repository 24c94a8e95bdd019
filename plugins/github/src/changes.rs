//! Issues that changed, for repositories that cannot send deliveries: asked for from time to time.
//!
//! GitHub lists issues by the time of their last change, and gives those of the very second that it is asked
//! for again. So an event's id is the issue with that time, and the host knows what it has seen.

use crate::api;
use crate::issues::{Found, Issue};
use wharf::clock::{parse_rfc3339, to_rfc3339};
use wharf::connector::Settings;
use wharf::manifest::Trigger;
use wharf::prelude::*;

/// The trigger's name.
const ISSUE_CHANGED: &str = "issue-changed";

/// GitHub allows 5,000 requests an hour.
const LEAST_MS: u64 = 10_000;

/// What a flow sets.
#[input]
struct Watch {
    /// The repository, as owner/name.
    #[field(title = "Repository")]
    repository: String,
}

/// An issue that was opened or changed.
#[output]
struct Changed {
    /// The repository, as owner/name.
    repository: String,
    /// When it was last changed.
    updated_at: String,
    /// The issue as it is now.
    issue: Issue,
}

/// Where the next poll begins.
#[output]
struct Cursor {
    /// The last change that was seen, as GitHub writes it; none from the very first issue on.
    since: Option<String>,
    /// The page of what changed since; more than one if a page full of issues changed in one second.
    page: u32,
}

/// Declares the trigger.
pub(crate) fn declare(manifest: Manifest) -> Manifest {
    let trigger = Trigger::poll::<Watch, Changed>("An issue was opened or changed", LEAST_MS)
        .description("Without webhooks: GitHub is asked from time to time.")
        .auth(&["token"])
        .scopes(&["repo"]);
    manifest.trigger(ISSUE_CHANGED, trigger)
}

/// What changed, oldest first.
pub(crate) fn poll(
    call: &Call,
    trigger: &str,
    settings: &Settings,
    origin: &Origin,
    limit: u32,
) -> Result<Batch> {
    if trigger != ISSUE_CHANGED {
        return Err(Failure::defect(format_args!("no trigger `{trigger}` is polled")));
    }
    let watch: Watch = settings.parse()?;
    let Cursor { since, page } = begin(origin)?;
    let path = api::in_repository(&watch.repository, &["issues"])?;
    let mut response = api::request(call, "GET", &path)?
        .query("state", "all")
        .query("sort", "updated")
        .query("direction", "asc")
        .query("per_page", limit.min(100))
        .query("page", page)
        .maybe_query("since", since.as_deref())
        .send()?
        .error_for_status()?;
    let found: Vec<Found> = response.json()?;
    let last = found.last().and_then(|found| found.updated_at.clone());
    let more = response.next_link().is_some();
    let events = found
        .into_iter()
        .filter(|found| found.pull_request.is_none())
        .map(|found| event(&watch.repository, found))
        .collect::<Result<_>>()?;
    let next = next(Cursor { since, page }, last, more);
    let cursor = wharf::json::to_value(&next).map_err(|error| Failure::defect(format_args!("{error}")))?;
    Ok(Batch { events, cursor: Some(cursor), more })
}

fn begin(origin: &Origin) -> Result<Cursor> {
    Ok(match origin {
        Origin::Cursor(_) => origin.cursor()?.unwrap_or(Cursor { since: None, page: 1 }),
        Origin::Since(ms) => Cursor { since: Some(to_rfc3339(*ms)), page: 1 },
        Origin::Beginning => Cursor { since: None, page: 1 },
    })
}

/// On with the last change; on a page whose issues all changed when the last one did, with the next page.
fn next(at: Cursor, last: Option<String>, more: bool) -> Cursor {
    match last {
        Some(last) if at.since.as_ref() != Some(&last) => Cursor { since: Some(last), page: 1 },
        Some(_) if more => Cursor { page: at.page.saturating_add(1), ..at },
        Some(_) | None => Cursor { page: 1, ..at },
    }
}

fn event(repository: &str, found: Found) -> Result<Event> {
    let updated_at = found.updated_at.clone().unwrap_or_default();
    let subject = format!("{repository}#{}", found.number);
    let changed =
        Changed { repository: repository.to_owned(), updated_at: updated_at.clone(), issue: found.into() };
    let event = Event::new(format!("{subject}@{updated_at}"), &changed)?;
    Ok(event.at_ms(parse_rfc3339(&updated_at)).ordered_by(subject))
}

#[cfg(test)]
mod tests {
    use super::{Cursor, begin, next};
    use wharf::prelude::*;

    #[test]
    fn begins_where_the_host_says() {
        let shown = |origin: &Origin| {
            let Cursor { since, page } = begin(origin).unwrap();
            (since, page)
        };
        assert_eq!(shown(&Origin::Beginning), (None, 1));
        assert_eq!(shown(&Origin::Since(1_712_345_678_900)), (Some("2024-04-05T19:34:38Z".into()), 1));
        assert_eq!(shown(&Origin::Cursor(json!({ "since": "x", "page": 2 }))), (Some("x".into()), 2));
        assert!(begin(&Origin::Cursor(json!(5))).is_err());
    }

    #[test]
    fn a_full_second_is_read_page_by_page() {
        let at = |since: &str, page| Cursor { since: Some(since.into()), page };
        for (from, last, more, expected) in [
            (at("1", 1), Some("2"), true, ("2", 1)),
            (at("1", 1), Some("2"), false, ("2", 1)),
            (at("2", 1), Some("2"), true, ("2", 2)),
            (at("2", 2), Some("2"), false, ("2", 1)),
            (at("2", 2), Some("3"), true, ("3", 1)),
            (at("2", 3), None, false, ("2", 1)),
        ] {
            let Cursor { since, page } = next(from, last.map(str::to_owned), more);
            assert_eq!((since.as_deref(), page), (Some(expected.0), expected.1));
        }
    }
}
