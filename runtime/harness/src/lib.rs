//! The unmodified connector without a server: the sandbox and the gate as they are, and a host that
//! lasts as long as one call. `wharf call` is made of it.
//!
//! What is surprising is what is not here: no second way to call a guest or to send. The limits, the
//! policy and the placement of credentials are the server's own.

mod lone;

pub use lone::LoneHost;
pub use wharf_gate::Effects;
