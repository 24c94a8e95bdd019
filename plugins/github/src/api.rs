//! GitHub's REST API: where it is, and the headers that every request carries.

use wharf::prelude::*;

/// The settings of a connection.
#[input]
pub(crate) struct Settings {
    /// Where the REST API is; GitHub Enterprise Server has it at https://HOST/api/v3.
    #[serde(rename = "api-url", default = "default_url")]
    #[field(title = "API address")]
    api_url: String,
}

fn default_url() -> String {
    "https://api.github.com".into()
}

/// A request to the REST API.
pub(crate) fn request(call: &Call, method: &str, path: &[&str]) -> Result<wharf::Request> {
    let settings: Settings = call.settings()?;
    Ok(with_headers(call.request(method, settings.api_url)).path(path))
}

/// The request of a page that a `Link` header named, if it leads to this API.
pub(crate) fn page(call: &Call, url: &str) -> Result<wharf::Request> {
    let settings: Settings = call.settings()?;
    let base = settings.api_url.trim_end_matches('/');
    match url.strip_prefix(base) {
        Some(rest) if rest.starts_with('/') => Ok(with_headers(call.get(url))),
        _ => Err(Failure::invalid_input(format_args!("the page is not at {base}"))),
    }
}

fn with_headers(request: wharf::Request) -> wharf::Request {
    request
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28")
        // GitHub refuses requests without one.
        .header("user-agent", concat!("wharf-github/", env!("CARGO_PKG_VERSION")))
}

/// The path of something in a repository, `owner/name`.
pub(crate) fn in_repository<'a>(repository: &'a str, rest: &[&'a str]) -> Result<Vec<&'a str>> {
    match repository.split_once('/') {
        Some((owner, name)) if !owner.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok([&["repos", owner, name], rest].concat())
        }
        _ => Err(Failure::invalid_input(format_args!("`{repository}` is not of the form owner/name"))
            .with_field("/repository", "must be owner/name")),
    }
}

#[cfg(test)]
mod tests {
    use super::in_repository;

    #[test]
    fn repositories_have_an_owner_and_a_name() {
        assert_eq!(in_repository("acme/app", &["issues"]).unwrap(), ["repos", "acme", "app", "issues"]);
        for text in ["", "acme", "/app", "acme/", "acme/app/x"] {
            assert!(in_repository(text, &[]).is_err(), "{text}");
        }
    }
}
