//! What every handler sees.

use std::sync::Arc;

use wharf_engine::Engine;

use crate::{
    answer::RequestIds,
    api::auth::Throttle,
    body::Room,
    config::{Config, Webhooks},
    doctor::Inside,
    key::Keys,
    metrics::Metrics,
};

/// Shared by all requests; a clone is a few counts.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) engine: Engine,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) request_ids: Arc<RequestIds>,
    pub(crate) config: Arc<Config>,
    /// For `GET /doctor`.
    pub(crate) inside: Inside,
    pub(crate) webhooks: Arc<Webhooks>,
    /// For deliveries.
    pub(crate) webhook_room: Room,
    /// For bodies of the admin API.
    pub(crate) api_room: Room,
}
