//! The GitHub part: issues and comments, with pages linked by `Link` headers (RFC 8288) and
//! errors by status, as its REST API documents them.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{Comment, GITHUB_TOKEN, Issue, Reply, Route, World, request::Asked};

/// When everything is created.
const CREATED: &str = "2024-04-05T19:34:38Z";

pub(super) fn apply(world: &mut World, route: Option<Route>, asked: &Asked) -> Reply {
    match asked.bearer() {
        None => return refuse(StatusCode::UNAUTHORIZED, "Requires authentication"),
        Some(token) if token != GITHUB_TOKEN => {
            return refuse(StatusCode::UNAUTHORIZED, "Bad credentials");
        }
        Some(_) => {}
    }
    if asked.header("user-agent").is_none_or(str::is_empty) {
        return refuse(
            StatusCode::FORBIDDEN,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
        );
    }
    let repository = format!("{}/{}", asked.segment(2), asked.segment(3));
    match route {
        Some(Route::CreateIssue) => create_issue(world, asked, repository).unwrap_or_else(invalid),
        Some(Route::ListIssues) => page(asked, list_issues(world, asked, &repository)),
        Some(Route::Comment) => comment(world, asked, repository).unwrap_or_else(invalid),
        Some(Route::ListComments) => {
            let number = asked.segment(5).parse::<u64>().ok();
            let of_issue =
                |comment: &&Comment| comment.repository == repository && Some(comment.issue) == number;
            page(asked, world.comments.iter().filter(of_issue).map(shown_comment).collect())
        }
        Some(Route::User) => {
            Reply::new(StatusCode::OK, json!({ "login": "wharf-bot", "id": 583_231, "type": "Bot" }))
                .header("x-oauth-scopes", "repo".to_owned())
        }
        Some(
            Route::PostMessage
            | Route::ListChannels
            | Route::History
            | Route::Replies
            | Route::AuthTest
            | Route::Echo,
        )
        | None => refuse(StatusCode::NOT_FOUND, "Not Found"),
    }
}

fn refuse(status: StatusCode, message: &str) -> Reply {
    Reply::new(status, json!({ "message": message, "documentation_url": "https://docs.github.com/rest" }))
}

/// 422 naming the field, 400 for a body that is no JSON object.
fn invalid(field: &str) -> Reply {
    if field.is_empty() {
        return refuse(StatusCode::BAD_REQUEST, "Problems parsing JSON");
    }
    let errors = json!([{ "resource": "Issue", "field": field, "code": "missing_field" }]);
    Reply::new(StatusCode::UNPROCESSABLE_ENTITY, json!({ "message": "Validation Failed", "errors": errors }))
}

fn create_issue(world: &mut World, asked: &Asked, repository: String) -> Result<Reply, &'static str> {
    let body = asked.object().ok_or("")?;
    let title = text(&body, "title").filter(|title| !title.is_empty()).ok_or("title")?;
    let labels = body
        .get("labels")
        .and_then(Value::as_array)
        .map_or_else(Vec::new, |labels| labels.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    let number = 1 + world.issues.iter().filter(|issue| issue.repository == repository).count() as u64;
    let issue = Issue {
        repository,
        number,
        title,
        body: text(&body, "body").unwrap_or_default(),
        labels,
        updated_at: CREATED.to_owned(),
    };
    let reply = Reply::new(StatusCode::CREATED, shown_issue(&issue));
    world.issues.push(issue);
    Ok(reply)
}

/// Newest first, or those that changed since a time in the order in which they did.
fn list_issues(world: &World, asked: &Asked, repository: &str) -> Vec<Value> {
    let since = asked.parameter("since").unwrap_or_default();
    let of_repository = world.issues.iter().filter(|issue| issue.repository == repository);
    // Times of one form and zone sort as text.
    let mut issues: Vec<&Issue> = of_repository.filter(|issue| issue.updated_at.as_str() >= since).collect();
    match (asked.parameter("sort"), asked.parameter("direction")) {
        (Some("updated"), Some("asc")) => issues.sort_by(|one, other| one.updated_at.cmp(&other.updated_at)),
        _ => issues.reverse(),
    }
    issues.into_iter().map(shown_issue).collect()
}

fn comment(world: &mut World, asked: &Asked, repository: String) -> Result<Reply, &'static str> {
    let Ok(issue) = asked.segment(5).parse() else {
        return Ok(refuse(StatusCode::NOT_FOUND, "Not Found"));
    };
    let body = asked.object().ok_or("")?;
    let text = text(&body, "body").filter(|text| !text.is_empty()).ok_or("body")?;
    let comment = Comment { repository, issue, id: 1_001 + world.comments.len() as u64, body: text };
    let reply = Reply::new(StatusCode::CREATED, shown_comment(&comment));
    world.comments.push(comment);
    Ok(reply)
}

fn text(body: &Value, name: &str) -> Option<String> {
    body.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// One page, with links to the next and the last.
fn page(asked: &Asked, all: Vec<Value>) -> Reply {
    let size = asked.number("per_page", 30).clamp(1, 100);
    let number = asked.number("page", 1).max(1);
    let last = all.len().div_ceil(size).max(1);
    let items: Vec<Value> = all.into_iter().skip((number - 1).saturating_mul(size)).take(size).collect();
    let reply = Reply::new(StatusCode::OK, Value::Array(items));
    if number >= last {
        return reply;
    }
    let host = asked.header("host").unwrap_or("127.0.0.1");
    let rest: String = asked
        .parameters()
        .filter(|(name, _)| name != "page" && name != "per_page")
        .map(|(name, value)| format!("&{name}={}", value.replace('+', "%2B")))
        .collect();
    let link = |page: usize| format!("http://{host}{}?per_page={size}&page={page}{rest}", asked.path);
    reply.header("link", format!("<{}>; rel=\"next\", <{}>; rel=\"last\"", link(number + 1), link(last)))
}

fn shown_issue(issue: &Issue) -> Value {
    json!({
        "id": issue.number, "number": issue.number, "title": issue.title, "body": issue.body, "state": "open",
        "html_url": format!("https://github.com/{}/issues/{}", issue.repository, issue.number),
        "user": { "login": "wharf-bot" }, "labels": issue.labels.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "created_at": CREATED, "updated_at": issue.updated_at,
    })
}

fn shown_comment(comment: &Comment) -> Value {
    json!({
        "id": comment.id, "body": comment.body, "user": { "login": "wharf-bot" },
        "html_url": format!("https://github.com/{}/issues/{}#issuecomment-{}", comment.repository, comment.issue, comment.id),
        "created_at": "2024-04-05T19:34:38Z",
    })
}
