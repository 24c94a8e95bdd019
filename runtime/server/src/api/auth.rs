//! Who asks: a bearer key, and nothing else. No cookie is ever read, so a browser cannot be made to
//! act for its user.

use std::sync::{Mutex, PoisonError};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header};
use wharf_model::time::Timestamp;
use wharf_store::StoreError;

use super::error::ApiError;
use crate::{app::App, clock, key};

/// Wrong keys in one second that are answered as such; further ones are told to slow down. A right
/// key is never throttled by the wrong ones of others: telling them apart costs one look into an index.
const WRONG_PER_SECOND: u32 = 20;

/// Who asked, as the audit log names them.
#[derive(Clone, Debug)]
pub(crate) struct Actor(pub(crate) String);

/// Counts wrong keys by the second.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<(u64, u32)>);

impl Throttle {
    /// Counts one more; whether it still gets a plain answer.
    fn admit(&self, now: Timestamp) -> bool {
        let second = now.0 / 1000;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 != second {
            *state = (second, 0);
        }
        state.1 = state.1.saturating_add(1);
        state.1 <= WRONG_PER_SECOND
    }
}

/// Lets a request through that carries a known key, and notes whose it is.
pub(crate) async fn authenticate(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match identify(&app, request.headers()).await {
        Ok(Some(id)) => {
            request.extensions_mut().insert(Actor(format!("api-key/{id}")));
            next.run(request).await
        }
        Ok(None) => refuse(&app).into_response(),
        Err(error) => ApiError::from(error).into_response(),
    }
}

async fn identify(app: &App, headers: &HeaderMap) -> Result<Option<String>, StoreError> {
    match bearer(headers).and_then(key::parse) {
        Some(hash) => app.keys.find(hash, clock::now()).await,
        None => Ok(None),
    }
}

fn refuse(app: &App) -> ApiError {
    app.metrics.unauthorized();
    if app.throttle.admit(clock::now()) {
        ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", "this needs a valid API key")
            .fix("send `Authorization: Bearer wharf_…`; the first key is in `admin.key` of the server's data directory")
    } else {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too-many-wrong-keys", "too many wrong API keys")
            .retry_after(1)
    }
}

/// The token of the one `Authorization: Bearer` header (RFC 6750 section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};
    use wharf_model::time::Timestamp;

    use super::{Throttle, bearer};

    #[test]
    fn reads_one_bearer_token() {
        for (values, expected) in [
            (&[][..], None),
            (&["Bearer abc"][..], Some("abc")),
            (&["bearer abc"][..], Some("abc")),
            (&["Bearer"][..], None),
            (&["Basic abc"][..], None),
            (&["Bearer abc", "Bearer abc"][..], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            assert_eq!(bearer(&headers), expected, "{values:?}");
        }
    }

    #[test]
    fn throttles_by_the_second() {
        let throttle = Throttle::default();
        let admitted = (0..100).filter(|_| throttle.admit(Timestamp(5_500))).count();
        assert_eq!(admitted, 20);
        assert!(throttle.admit(Timestamp(6_000)));
    }
}
