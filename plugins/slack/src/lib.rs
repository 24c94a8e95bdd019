//! Slack: post messages, list channels.
//!
//! What is surprising: Slack answers 200 to nearly everything and says in the body whether it worked;
//! [`api`] makes failures of it.

mod api;
mod message;

use api::{Conversation, Settings, method};
use message::post_message;
use wharf::prelude::*;

/// A channel.
#[output]
struct Channel {
    /// Slack's id, such as C024BE91L.
    id: String,
    /// The name, without `#`.
    name: String,
    /// Whether it is private.
    is_private: bool,
    /// Whether the bot may post there without being invited.
    is_member: bool,
}

/// List channels that the bot can see.
#[action(effect = "read", scopes = ["channels:read", "groups:read"])]
fn list_channels(call: &Call) -> Result<Page<Channel>> {
    channels(call, call.page())
}

/// One page of channels; `cursor` is Slack's own.
fn channels(call: &Call, cursor: Option<&str>) -> Result<Page<Channel>> {
    #[output]
    struct Channels {
        channels: Vec<Conversation>,
        response_metadata: Option<api::Next>,
    }
    let answer: Channels = api::answer(
        method(call, "GET", "conversations.list")?
            .query("types", "public_channel,private_channel")
            .query("exclude_archived", true)
            .query("limit", 200)
            .maybe_query("cursor", cursor),
    )?;
    Ok(Page {
        items: answer.channels.into_iter().map(Channel::from).collect(),
        next: api::next(answer.response_metadata),
    })
}

impl From<Conversation> for Channel {
    fn from(conversation: Conversation) -> Self {
        Self {
            // A conversation without a name is a direct message.
            name: conversation.name.unwrap_or_else(|| conversation.id.clone()),
            id: conversation.id,
            is_private: conversation.is_private,
            is_member: conversation.is_member,
        }
    }
}

struct Slack;

impl Connector for Slack {
    const AUTH: Option<&'static str> = Some("bot-token");

    fn manifest() -> Manifest {
        Manifest::new("slack", env!("CARGO_PKG_VERSION"), "Slack")
            .description("Post messages to Slack and list its channels.")
            .license("MIT OR Apache-2.0")
            .homepage("https://api.slack.com/web")
            .egress(&["GET", "POST"], "{connection.api-url}/")
            .settings::<Settings>()
            .auth("bot-token", Auth::new("Bot token").slot("token", "Bot token (xoxb-…)").bearer("token"))
            .options("channels")
    }

    fn actions() -> Actions {
        actions![post_message, list_channels]
    }

    fn validate(call: &Call, _method: &str) -> Result<Identity> {
        #[output]
        struct Whoami {
            team: String,
            user: String,
            team_id: String,
            url: Option<String>,
        }
        let mut response = api::send(method(call, "GET", "auth.test")?)?;
        let whoami: Whoami = response.json()?;
        let scopes = response.header("x-oauth-scopes").unwrap_or_default();
        Ok(Identity {
            account: Some(whoami.team_id),
            scopes: scopes
                .split(',')
                .map(|scope| scope.trim().to_owned())
                .filter(|scope| !scope.is_empty())
                .collect(),
            metadata: json!({ "url": whoami.url }),
            ..Identity::new(format!("{} as {}", whoami.team, whoami.user))
        })
    }

    fn options(call: &Call, loader: &str, query: &Query) -> Result<Choices> {
        if loader != "channels" {
            return Err(Failure::defect(format_args!("no options `{loader}`")));
        }
        let page = channels(call, query.page.as_deref())?;
        let search = query.search.as_deref().unwrap_or_default().to_lowercase();
        Ok(Choices {
            items: page
                .items
                .into_iter()
                .filter(|channel| channel.name.to_lowercase().contains(&search))
                .map(|channel| Choice::new(format!("#{}", channel.name), channel.id))
                .collect(),
            next: page.next,
        })
    }
}

wharf::connector!(Slack: actions, confirmation, connections, options);
