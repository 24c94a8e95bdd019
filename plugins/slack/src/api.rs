//! Slack's Web API: where it is, how it pages, and how it says that something failed.
//!
//! A failure is `"ok": false` with a code in `error`, under HTTP status 200; only rate limits and
//! outages have a status of their own.

use wharf::http::Intent;
use wharf::prelude::*;
use wharf::serde::de::DeserializeOwned;

/// The settings of a connection.
#[input]
pub(crate) struct Settings {
    /// Where the Web API is.
    #[serde(rename = "api-url", default = "default_url")]
    #[field(title = "API address")]
    api_url: String,
}

fn default_url() -> String {
    "https://slack.com/api".into()
}

/// How Slack names the next page.
#[output]
pub(crate) struct Next {
    next_cursor: Option<String>,
}

/// A channel, as Slack gives it.
#[output]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) is_private: bool,
    #[serde(default)]
    pub(crate) is_member: bool,
}

/// A request to a method of the Web API.
pub(crate) fn method(call: &Call, http_method: &str, name: &str) -> Result<wharf::Request> {
    let settings: Settings = call.settings()?;
    Ok(call.request(http_method, settings.api_url).path([name]))
}

/// The cursor of the next page: Slack sends an empty one at the end.
pub(crate) fn next(page: Option<Next>) -> Option<String> {
    page?.next_cursor.filter(|cursor| !cursor.is_empty())
}

/// Sends a request and reads the answer, if Slack says that it worked.
pub(crate) fn answer<T: DeserializeOwned>(request: wharf::Request) -> Result<T> {
    send(request)?.json()
}

/// Sends a request and gives the response back, if Slack says that it worked.
pub(crate) fn send(request: wharf::Request) -> Result<Response> {
    let mut response = request.send()?.error_for_status()?;
    let status: Status = response.json()?;
    if status.ok {
        return Ok(response);
    }
    let granted = response.header("x-oauth-scopes");
    Err(status.failure(granted, response.intent()))
}

#[output]
struct Status {
    ok: bool,
    error: Option<String>,
    /// The scope that was missing.
    needed: Option<String>,
}

impl Status {
    fn failure(self, granted: Option<&str>, intent: Intent) -> Failure {
        let code = self.error.unwrap_or_else(|| "unknown_error".into());
        let class = class_of(&code);
        let message = match (&self.needed, granted) {
            (Some(needed), Some(granted)) => {
                format!("Slack answered {code}: it needs the scope {needed}, the token has {granted}")
            }
            (Some(needed), None) => format!("Slack answered {code}: it needs the scope {needed}"),
            (None, _) => format!("Slack answered {code}"),
        };
        let failure = Failure::new(class, message).with_status(200);
        // By Slack's documentation some of the operation may have succeeded before these were raised.
        let failure = match (code.as_str(), intent) {
            ("fatal_error" | "internal_error", Intent::Write) => failure.with_outcome_unknown(),
            _ => failure,
        };
        failure.with_code(code)
    }
}

/// The class of a code; one that is not known is the input's fault: the same call will fail again.
fn class_of(code: &str) -> FailureClass {
    use FailureClass as Class;
    match code {
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive"
        | "no_auth" => Class::CredentialInvalid,
        "missing_scope"
        | "not_allowed_token_type"
        | "no_permission"
        | "ekm_access_denied"
        | "access_denied"
        | "restricted_action"
        | "not_in_channel"
        | "team_access_not_granted"
        | "org_login_required"
        | "two_factor_setup_required" => Class::PermissionDenied,
        "channel_not_found" | "user_not_found" | "thread_not_found" | "message_not_found"
        | "team_not_found" => Class::NotFound,
        "is_archived" => Class::Conflict,
        "ratelimited" | "rate_limited" => Class::RateLimited,
        "message_limit_exceeded" => Class::QuotaExhausted,
        "fatal_error" | "internal_error" | "service_unavailable" | "team_added_to_org" => {
            Class::TemporarilyUnavailable
        }
        "request_timeout" => Class::TimedOut,
        "deprecated_endpoint"
        | "method_deprecated"
        | "method_not_supported_for_channel_type"
        | "unknown_method"
        | "invalid_json"
        | "json_not_object"
        | "invalid_post_type"
        | "missing_post_type"
        | "invalid_form_data"
        | "invalid_charset" => Class::ConnectorDefect,
        _ => Class::InvalidInput,
    }
}

#[cfg(test)]
mod tests {
    use wharf::FailureClass as Class;
    use wharf::http::Intent;

    use super::Status;

    #[track_caller]
    fn check(body: &str, class: Class, message: &str, unknown: bool) {
        let status: Status = wharf::json::from_str(body).unwrap();
        assert!(!status.ok);
        let failure = status.failure(Some("chat:write"), Intent::Write);
        assert_eq!(failure.class, class);
        assert_eq!(failure.message, message);
        assert_eq!(failure.outcome_unknown, unknown);
    }

    #[test]
    fn codes_have_classes() {
        check(
            r#"{ "ok": false, "error": "channel_not_found" }"#,
            Class::NotFound,
            "Slack answered channel_not_found",
            false,
        );
        check(
            r#"{ "ok": false, "error": "token_revoked" }"#,
            Class::CredentialInvalid,
            "Slack answered token_revoked",
            false,
        );
        check(
            r#"{ "ok": false, "error": "missing_scope", "needed": "channels:read" }"#,
            Class::PermissionDenied,
            "Slack answered missing_scope: it needs the scope channels:read, the token has chat:write",
            false,
        );
        check(
            r#"{ "ok": false, "error": "ratelimited" }"#,
            Class::RateLimited,
            "Slack answered ratelimited",
            false,
        );
        check(
            r#"{ "ok": false, "error": "fatal_error" }"#,
            Class::TemporarilyUnavailable,
            "Slack answered fatal_error",
            true,
        );
        check(r#"{ "ok": false, "error": "no_text" }"#, Class::InvalidInput, "Slack answered no_text", false);
        check(r#"{ "ok": false }"#, Class::InvalidInput, "Slack answered unknown_error", false);
    }
}
