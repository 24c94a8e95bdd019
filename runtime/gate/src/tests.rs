//! The security catalogue's HTTP and secret cases, against mocks that record every byte.
//!
//! Names resolve by a script, and every address that is dialled leads to a mock: the allowed ones to
//! A and A2, all others to S or M, so that a way around the rules shows as a hit and not as a
//! network error.

mod addresses;
mod bed;
mod codings;
mod decisions;
mod dial;
mod leaks;
mod matrix;
mod methods;
mod mock;
mod namespace;
mod proxied;
mod redirects;
mod requests;
mod responses;
mod scopes;
mod secrets;
mod streams;
mod transport;
mod trials;
mod uploads;
