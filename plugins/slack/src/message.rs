//! Posting a message, and finding out whether it was posted.
//!
//! Slack has no idempotency keys. It keeps metadata with a message, though, so the key travels there,
//! and a message of unknown outcome is looked for in the channel's history.

use crate::api::{self, Next, method};
use wharf::prelude::*;

/// The event type of the metadata.
const EVENT_TYPE: &str = "wharf";

/// Pages of history to look through before giving up.
const PAGES: usize = 5;

/// Seconds by which Slack's clock may be behind the host's.
const SKEW: u64 = 300;

/// A message to post.
#[input]
pub(crate) struct PostMessage {
    /// Id of the channel to post to, such as C024BE91L.
    #[field(options = channels, title = "Channel")]
    channel: String,
    /// Text, in mrkdwn.
    #[field(multiline, title = "Text")]
    text: String,
    /// Timestamp of a message, to answer in its thread.
    #[field(title = "Thread")]
    thread_ts: Option<String>,
}

/// A message that was posted.
#[output]
pub(crate) struct Posted {
    /// The message's timestamp, which is its id within the channel.
    ts: String,
    /// The channel's id.
    channel: String,
}

/// What Slack takes.
#[output]
struct Message<'a> {
    channel: &'a str,
    text: &'a str,
    thread_ts: Option<&'a str>,
    metadata: Metadata,
}

#[output]
struct Metadata {
    event_type: String,
    /// Of any shape, for those of others.
    #[serde(default)]
    event_payload: Value,
}

/// Post a message to a channel.
#[action(effect = "unsafe-write", scopes = ["chat:write"], confirm = find_message)]
pub(crate) fn post_message(call: &Call, input: PostMessage) -> Result<Posted> {
    api::answer(
        method(call, "POST", "chat.postMessage")?
            .header("content-type", "application/json; charset=utf-8")
            .json(&Message {
                channel: &input.channel,
                text: &input.text,
                thread_ts: input.thread_ts.as_deref(),
                metadata: Metadata {
                    event_type: EVENT_TYPE.into(),
                    event_payload: json!({ "key": call.idempotency_key() }),
                },
            }),
    )
}

/// Looks for the message with this step's key, back to when the step began.
fn find_message(call: &Call, input: PostMessage) -> Result<Verdict<Posted>> {
    let since = (wharf::clock::now_ms() / 1000).saturating_sub(SKEW);
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES {
        let page = history(call, &input, since, cursor.as_deref())?;
        if let Some(ts) = with_key(page.messages, call.idempotency_key()) {
            let channel = input.channel;
            return Ok(Verdict::Applied(Posted { ts, channel }));
        }
        cursor = api::next(page.response_metadata);
        if cursor.is_none() {
            return Ok(Verdict::NotApplied);
        }
    }
    Ok(Verdict::Unknown)
}

#[output]
struct History {
    messages: Vec<Found>,
    response_metadata: Option<Next>,
}

#[output]
struct Found {
    ts: String,
    metadata: Option<Metadata>,
}

fn history(call: &Call, input: &PostMessage, since: u64, cursor: Option<&str>) -> Result<History> {
    // Answers in a thread do not stand in the channel's own history.
    let name = match input.thread_ts {
        Some(_) => "conversations.replies",
        None => "conversations.history",
    };
    api::answer(
        method(call, "GET", name)?
            .query("channel", &input.channel)
            .maybe_query("ts", input.thread_ts.as_ref())
            .query("oldest", since)
            .query("limit", 200)
            .query("include_all_metadata", true)
            .maybe_query("cursor", cursor),
    )
}

/// The timestamp of the message that carries the key.
fn with_key(messages: Vec<Found>, key: &str) -> Option<String> {
    messages
        .into_iter()
        .find(|message| {
            message.metadata.as_ref().is_some_and(|metadata| {
                metadata.event_type == EVENT_TYPE
                    && metadata.event_payload.get("key").and_then(Value::as_str) == Some(key)
            })
        })
        .map(|message| message.ts)
}

#[cfg(test)]
mod tests {
    use super::{History, with_key};

    #[test]
    fn a_message_is_known_by_its_key() {
        let page = r#"{
            "ok": true,
            "messages": [
                { "ts": "1.0", "text": "by a person" },
                { "ts": "2.0", "metadata": { "event_type": "other", "event_payload": { "key": "k" } } },
                { "ts": "3.0", "metadata": { "event_type": "wharf", "event_payload": { "key": "j" } } },
                { "ts": "4.0", "metadata": { "event_type": "wharf", "event_payload": { "key": "k" } } }
            ]
        }"#;
        let find = |key: &str| {
            let page: History = wharf::json::from_str(page).unwrap();
            with_key(page.messages, key)
        };
        assert_eq!(find("k").as_deref(), Some("4.0"));
        assert_eq!(find("none"), None);
    }
}
