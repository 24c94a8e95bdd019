//! The provider judges as Slack and GitHub do, forgets nothing, and fails as it is told.

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use super::{Fault, GITHUB_TOKEN, Provider, Route, SLACK_TOKEN};

async fn provider() -> (Provider, Client) {
    crate::install_crypto();
    let client = Client::builder().no_proxy().tls_certs_only(std::iter::empty()).build().unwrap();
    (Provider::start().await.unwrap(), client)
}

async fn post(client: &Client, provider: &Provider, token: &str, body: Value) -> reqwest::Result<Response> {
    let url = format!("{}/chat.postMessage", provider.slack_url());
    client
        .post(url)
        .bearer_auth(token)
        .header("content-type", "application/json; charset=utf-8")
        .body(body.to_string())
        .send()
        .await
}

async fn json(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

fn message(key: &str) -> Value {
    json!({ "channel": "C024BE91L", "text": "hello", "metadata": { "event_type": "wharf", "event_payload": { "key": key } } })
}

#[tokio::test]
async fn slack_refuses_in_its_own_words() {
    let (provider, client) = provider().await;
    for (token, body, error) in [
        ("wrong", message("k"), "invalid_auth"),
        (SLACK_TOKEN, json!([]), "invalid_json"),
        (SLACK_TOKEN, json!({ "channel": "C024BE91L" }), "no_text"),
        (SLACK_TOKEN, json!({ "channel": "C0", "text": "x" }), "channel_not_found"),
        (
            SLACK_TOKEN,
            json!({ "channel": "C024BE91L", "text": "x", "metadata": {} }),
            "invalid_metadata_format",
        ),
    ] {
        let answer = post(&client, &provider, token, body).await.unwrap();
        assert_eq!(json(answer).await, json!({ "ok": false, "error": error }));
    }
    let form = client
        .post(format!("{}/chat.postMessage", provider.slack_url()))
        .bearer_auth(SLACK_TOKEN)
        .body("channel=C024BE91L")
        .send()
        .await;
    assert_eq!(json(form.unwrap()).await["error"], "invalid_post_type");
    assert!(provider.messages().is_empty());
    assert_eq!(provider.requests().len(), 6);
}

#[tokio::test]
async fn messages_can_be_found_by_their_key() {
    let (provider, client) = provider().await;
    for key in ["a", "b", "a"] {
        assert_eq!(
            json(post(&client, &provider, SLACK_TOKEN, message(key)).await.unwrap()).await["ok"],
            true
        );
    }
    // It posts twice what it is sent twice.
    let keys: Vec<_> = provider.messages().into_iter().filter_map(|message| message.key).collect();
    assert_eq!(keys, ["a", "b", "a"]);
    let url = format!(
        "{}/conversations.history?channel=C024BE91L&include_all_metadata=true&limit=2",
        provider.slack_url()
    );
    let page = json(client.get(&url).bearer_auth(SLACK_TOKEN).send().await.unwrap()).await;
    assert_eq!(page["messages"][1]["metadata"]["event_payload"]["key"], "b");
    assert_eq!(page["response_metadata"]["next_cursor"], "2");
    let url = format!("{url}&oldest=9999999999");
    let page = json(client.get(&url).bearer_auth(SLACK_TOKEN).send().await.unwrap()).await;
    assert_eq!(page["messages"], json!([]));
}

#[tokio::test]
async fn faults_come_in_order_and_once() {
    let (provider, client) = provider().await;
    let faults = [
        Fault::RateLimited { retry_after_secs: 1 },
        Fault::Unavailable,
        Fault::NotOk("fatal_error"),
        Fault::ResetBeforeApply,
        Fault::ResetAfterApply,
    ];
    provider.script(Route::PostMessage, faults);
    let limited = post(&client, &provider, SLACK_TOKEN, message("k")).await.unwrap();
    assert_eq!(
        (limited.status(), limited.headers()["retry-after"].to_str().unwrap()),
        (StatusCode::TOO_MANY_REQUESTS, "1")
    );
    assert_eq!(
        post(&client, &provider, SLACK_TOKEN, message("k")).await.unwrap().status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        json(post(&client, &provider, SLACK_TOKEN, message("k")).await.unwrap()).await["error"],
        "fatal_error"
    );
    assert!(post(&client, &provider, SLACK_TOKEN, message("k")).await.is_err());
    assert!(provider.messages().is_empty());
    assert!(post(&client, &provider, SLACK_TOKEN, message("k")).await.is_err());
    assert_eq!(provider.messages().len(), 1);
    assert_eq!(post(&client, &provider, SLACK_TOKEN, message("k")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(provider.requests().last().unwrap().answered, Some(200));
}

#[tokio::test]
async fn what_is_held_is_applied_and_waits() {
    let (provider, client) = provider().await;
    provider.script(Route::PostMessage, [Fault::Hold]);
    let held = post(&client, &provider, SLACK_TOKEN, message("k"));
    tokio::pin!(held);
    tokio::select! {
        _ = &mut held => panic!("answered"),
        () = provider.held() => {}
    }
    assert_eq!((provider.messages().len(), provider.requests()[0].answered), (1, None));
    provider.release();
    assert_eq!(json(held.await.unwrap()).await["ok"], true);
}

#[tokio::test]
async fn github_links_its_pages() {
    let (provider, client) = provider().await;
    let url = format!("{}/repos/acme/app/issues", provider.github_url());
    let create = |body: Value| {
        client.post(&url).bearer_auth(GITHUB_TOKEN).header("user-agent", "wharf").body(body.to_string())
    };
    for number in 1..=3 {
        let created =
            create(json!({ "title": format!("t{number}"), "labels": ["bug"] })).send().await.unwrap();
        assert_eq!(
            (created.status(), json(created).await["number"].clone()),
            (StatusCode::CREATED, json!(number))
        );
    }
    let untitled = create(json!({})).send().await.unwrap();
    assert_eq!(
        (untitled.status(), json(untitled).await["errors"][0]["field"].clone()),
        (StatusCode::UNPROCESSABLE_ENTITY, json!("title"))
    );
    let page = client
        .get(format!("{url}?per_page=2"))
        .bearer_auth(GITHUB_TOKEN)
        .header("user-agent", "wharf")
        .send()
        .await
        .unwrap();
    let link = page.headers()["link"].to_str().unwrap().to_owned();
    assert_eq!(json(page).await.as_array().unwrap().len(), 2);
    let next = link.strip_prefix('<').and_then(|rest| rest.split_once(">; rel=\"next\"")).unwrap().0;
    let last = client.get(next).bearer_auth(GITHUB_TOKEN).header("user-agent", "wharf").send().await.unwrap();
    assert!(!last.headers().contains_key("link"));
    assert_eq!(json(last).await[0]["number"], 1);
    let anonymous = client.get(&url).header("user-agent", "wharf").send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
}
