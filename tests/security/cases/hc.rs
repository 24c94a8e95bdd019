//! HTTP: URLs, addresses, redirects and headers of a hostile guest, answers of a hostile server.
//!
//! Every one of these runs with all six proxy variables of the environment set, so HC-28 is part of each.

mod answers;
mod headers;
mod inside;
mod urls;

use crate::security::play::{Case, Http};
use crate::security::probe::Step;

pub(super) const A: &[&str] = &["GET,POST https://api.allowed.test/v1/"];
pub(super) const BOTH: &[&str] =
    &["GET,POST https://api.allowed.test/v1/", "GET,POST https://api2.allowed.test/"];
pub(super) const ANY: &[&str] = &["GET,POST *"];
pub(super) const BELOW: &[&str] = &["GET https://*.allowed.test/"];

pub(super) const URL: &str = "https://api.allowed.test/v1/x";

pub(super) fn under(grant: &'static [&'static str], program: Vec<(Step, String)>) -> Case {
    Case::Http(Http { grant, program, ..Http::default() })
}

/// In upper case, with a dot, or in another script it would be another host to A.
pub(super) fn host_is_canonical(requests: &[String]) -> Vec<String> {
    let wrong = requests.iter().filter(|request| !request.contains("\r\nhost: api.allowed.test\r\n"));
    wrong.map(|request| format!("A was asked as {request}")).collect()
}
