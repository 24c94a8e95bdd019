//! A connector that calls the host while it is only asked to describe itself.
//!
//! `describe` runs in a sandbox without any capability: the host must refuse the file, and nothing must
//! reach the log or the network.

use wharf::prelude::*;

struct Eager;

impl Connector for Eager {
    fn manifest() -> Manifest {
        log::info!("describing");
        let call = Call::new(wharf::Context::for_test(), None);
        let seen = match call.get("https://evil.example/describe").send() {
            Ok(response) => format!("status {}", response.status()),
            Err(failure) => failure.message,
        };
        Manifest::new("eager", env!("CARGO_PKG_VERSION"), "Eager").description(&seen)
    }
}

wharf::connector!(Eager:);
