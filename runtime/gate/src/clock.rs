//! The one place where the gate reads the wall clock: what a credential is signed with must be the
//! provider's time, not the step's.

use wharf_model::time::Timestamp;

use crate::credential::{Now, PlaceError};

/// Where the time and the nonces of signatures come from.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    /// This machine.
    #[default]
    System,
    /// A test. Not in the product at all.
    #[cfg(test)]
    Fixed(Now),
}

impl Clock {
    pub(crate) fn now(&self) -> Result<Now, PlaceError> {
        match self {
            Self::System => Now::at(wall()),
            #[cfg(test)]
            Self::Fixed(now) => Ok(now.clone()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the rim: what signs takes the time as a value")]
fn wall() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
