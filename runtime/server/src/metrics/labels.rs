//! The sets of labels, one struct a family.

use prometheus_client::encoding::EncodeLabelSet;

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty),+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
        pub(super) struct $name {
            $(pub(super) $field: $kind),+
        }
    )+};
}

labels! {
    /// Events.
    FlowOnly { flow: String }
    /// Deliveries; `flow` is empty where there is no such flow.
    Delivery { flow: String, result: &'static str }
    /// Polls, by how they ended.
    Poll { flow: String, outcome: &'static str }
    /// Runs, by how they ended or where they stand.
    Run { flow: String, status: &'static str }
    /// What a call cost.
    Call { connector: String, export: &'static str, name: String }
    /// How a call ended.
    Outcome { connector: String, export: &'static str, name: String, outcome: &'static str }
    /// Calls that the sandbox stopped.
    Stop { connector: String, reason: &'static str }
    /// By connector alone, where a histogram multiplies every label.
    Connector { connector: String }
    /// Effects.
    Effect { connector: String, host: String, result: &'static str }
    /// Time of effects.
    EffectHost { connector: String, host: String }
    /// Denied effects, and those that a grant on trial would deny.
    Denial { connector: String, gate: &'static str, reason: String }
    /// Requests to this server.
    Request { route: String, status: &'static str }
}
