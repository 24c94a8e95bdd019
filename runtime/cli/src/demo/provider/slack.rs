//! The Slack part. Slack answers 200 and says in the body whether it liked the request; errors
//! carry the names of its documentation.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{CHANNELS, Message, Reply, Route, SLACK_TOKEN, World, request::Asked};

/// The longest text that `chat.postMessage` takes.
const MAX_TEXT: usize = 40_000;

pub(super) fn apply(world: &mut World, route: Option<Route>, asked: &Asked) -> Reply {
    match asked.bearer() {
        None => return refuse("not_authed"),
        Some(token) if token != SLACK_TOKEN => return refuse("invalid_auth"),
        Some(_) => {}
    }
    match route {
        Some(Route::PostMessage) => post_message(world, asked).unwrap_or_else(refuse),
        Some(Route::ListChannels) => list_channels(asked),
        Some(Route::History | Route::Replies) => history(world, asked, route).unwrap_or_else(refuse),
        Some(Route::AuthTest) => accept(json!({
            "url": "https://loopback.slack.com/", "team": "Loopback", "user": "wharf-bot",
            "team_id": "T0LOOPBACK", "user_id": "U0WHARFBOT", "bot_id": "B0WHARFBOT",
        }))
        .header("x-oauth-scopes", "chat:write,channels:read,channels:history".to_owned()),
        Some(
            Route::CreateIssue
            | Route::ListIssues
            | Route::Comment
            | Route::ListComments
            | Route::User
            | Route::Echo,
        )
        | None => refuse("unknown_method"),
    }
}

fn refuse(error: &str) -> Reply {
    Reply::new(StatusCode::OK, json!({ "ok": false, "error": error }))
}

fn accept(mut body: Value) -> Reply {
    if let Some(object) = body.as_object_mut() {
        object.insert("ok".to_owned(), Value::Bool(true));
    }
    Reply::new(StatusCode::OK, body)
}

fn post_message(world: &mut World, asked: &Asked) -> Result<Reply, &'static str> {
    if !asked.says_json() {
        return Err("invalid_post_type");
    }
    let body = asked.object().ok_or("invalid_json")?;
    let channel = body.get("channel").and_then(Value::as_str).ok_or("invalid_arguments")?;
    let (id, _) = CHANNELS
        .into_iter()
        .find(|(id, name)| *id == channel || channel.strip_prefix('#') == Some(name))
        .ok_or("channel_not_found")?;
    let text = body.get("text").and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or("no_text")?;
    if text.len() > MAX_TEXT {
        return Err("msg_too_long");
    }
    let metadata = match body.get("metadata") {
        None | Some(Value::Null) => None,
        Some(metadata)
            if metadata.get("event_type").is_some_and(Value::is_string)
                && metadata.get("event_payload").is_some_and(Value::is_object) =>
        {
            Some(metadata.clone())
        }
        Some(_) => return Err("invalid_metadata_format"),
    };
    let message = Message {
        channel: id.to_owned(),
        text: text.to_owned(),
        // Slack's ids are seconds with six decimals, unique and rising within a channel.
        ts: format!("{}.{:06}", (world.now)().0 / 1_000, world.messages.len() + 1),
        key: metadata
            .as_ref()
            .and_then(|metadata| metadata.pointer("/event_payload/key"))
            .and_then(Value::as_str)
            .map(str::to_owned),
        metadata: metadata.as_ref().map(ToString::to_string),
        thread_ts: body.get("thread_ts").and_then(Value::as_str).map(str::to_owned),
    };
    let reply =
        accept(json!({ "channel": message.channel, "ts": message.ts, "message": shown(&message, true) }));
    world.messages.push(message);
    Ok(reply)
}

fn list_channels(asked: &Asked) -> Reply {
    // Two a page whatever is asked for: a client has to follow the cursor.
    let from = asked.number("cursor", 0);
    let channels: Vec<Value> = CHANNELS
        .iter()
        .skip(from)
        .take(2)
        .map(|(id, name)| json!({ "id": id, "name": name, "is_channel": true, "is_archived": false, "is_member": true }))
        .collect();
    let next = if from + 2 < CHANNELS.len() { (from + 2).to_string() } else { String::new() };
    accept(json!({ "channels": channels, "response_metadata": { "next_cursor": next } }))
}

/// The messages of a channel, or of one thread in it.
fn history(world: &World, asked: &Asked, route: Option<Route>) -> Result<Reply, &'static str> {
    let body = asked.object();
    let given = |name: &str| {
        asked
            .parameter(name)
            .map(str::to_owned)
            .or_else(|| body.as_ref()?.get(name)?.as_str().map(str::to_owned))
    };
    let channel = given("channel").ok_or("invalid_arguments")?;
    if !CHANNELS.iter().any(|(id, _)| *id == channel) {
        return Err("channel_not_found");
    }
    let with_metadata = given("include_all_metadata").is_some_and(|value| value == "true" || value == "1")
        || body.as_ref().and_then(|body| body.get("include_all_metadata")).and_then(Value::as_bool)
            == Some(true);
    let from = asked.number("cursor", 0);
    let limit = asked.number("limit", 100).clamp(1, 999);
    let oldest = given("oldest").and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let thread = match route {
        Some(Route::Replies) => Some(given("ts").ok_or("invalid_arguments")?),
        Some(_) | None => None,
    };
    let within = |message: &&Message| match &thread {
        Some(thread) => message.thread_ts.as_ref() == Some(thread) || message.ts == *thread,
        // Answers in a thread do not stand in the channel's own history.
        None => message.thread_ts.is_none(),
    };
    let recent = |message: &&Message| message.ts.parse::<f64>().is_ok_and(|ts| ts > oldest);
    let all: Vec<&Message> = world
        .messages
        .iter()
        .rev()
        .filter(|message| message.channel == channel)
        .filter(within)
        .filter(recent)
        .collect();
    let messages: Vec<Value> =
        all.iter().skip(from).take(limit).map(|message| shown(message, with_metadata)).collect();
    let next = if from + limit < all.len() { (from + limit).to_string() } else { String::new() };
    Ok(accept(
        json!({ "messages": messages, "has_more": !next.is_empty(), "response_metadata": { "next_cursor": next } }),
    ))
}

/// A message as Slack shows it.
fn shown(message: &Message, with_metadata: bool) -> Value {
    let mut value = json!({ "type": "message", "user": "U0WHARFBOT", "bot_id": "B0WHARFBOT", "text": message.text, "ts": message.ts });
    if let (Some(object), Some(thread)) = (value.as_object_mut(), &message.thread_ts) {
        object.insert("thread_ts".to_owned(), json!(thread));
    }
    let metadata =
        message.metadata.as_ref().filter(|_| with_metadata).and_then(|text| serde_json::from_str(text).ok());
    if let (Some(object), Some(metadata)) = (value.as_object_mut(), metadata) {
        object.insert("metadata".to_owned(), metadata);
    }
    value
}
