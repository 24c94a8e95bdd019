//! A loaded connector: one method an export. Each call is independent; calls of one connector run
//! side by side, and unloading is dropping the last clone.

mod entities;
mod setup;
mod triggers;
mod types;

use std::sync::Arc;

use serde_json::Value;
use wasmtime::component::InstancePre;
use wharf_model::{
    call::{Context, Outcome, Verdict},
    digest::Digest,
    event::Delivery,
    failure::Failure,
    grant::Limits,
};

use crate::{
    bindings::{confirmation, outcomes, types as wit},
    cache::Kept,
    call::{Authority, Call, Finished, invoke, settled},
    contract::{Export, Exports, Interfaces},
    convert,
    pace::Share,
    room::Room,
    scratch::Ground,
    state::State,
};

pub(crate) use types::check_types;

/// A connector that is ready to be called.
#[derive(Clone)]
pub struct Connector(pub(crate) Arc<Loaded>);

/// What all clones share.
pub(crate) struct Loaded {
    pub(crate) digest: Digest,
    pub(crate) pre: InstancePre<State>,
    pub(crate) exports: Exports,
    pub(crate) interfaces: Interfaces,
    pub(crate) imports: Vec<String>,
    /// Where its scratch directories are made; none without WASI, which has no use for them.
    pub(crate) ground: Option<Arc<Ground>>,
    /// Of the processor.
    pub(crate) share: Share,
    /// Shared by all connectors of a sandbox.
    pub(crate) room: Arc<Room>,
    /// The compiled code stays in the cache while this lives.
    pub(crate) _kept: Option<Kept>,
}

/// A fallible function's result as the contract has it.
type Or<T> = (Result<T, wit::Failure>,);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connector").field(&self.0.digest).finish()
    }
}

impl Connector {
    /// The digest that it was loaded under.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Which interfaces of the contract it exports.
    #[must_use]
    pub fn interfaces(&self) -> &Interfaces {
        &self.0.interfaces
    }

    /// The names of its imports, in full.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// The manifest as JSON text. Runs without any capability: calling an import fails the call.
    pub async fn describe(&self, limits: &Limits) -> Finished<String> {
        invoke(&self.0, Export::Describe, Authority::None(limits), (), |(manifest,): (String,), output| {
            output.text(manifest)
        })
        .await
    }

    /// Runs an action; `page` continues a list.
    pub async fn run(
        &self,
        call: Call,
        action: &str,
        input: &str,
        page: Option<&str>,
        context: &Context,
    ) -> Finished<Outcome> {
        let context = convert::context(context);
        let params = (action, input, page, &context);
        invoke(
            &self.0,
            Export::Run,
            Authority::Host(call),
            params,
            |(result,): Or<outcomes::Outcome>, output| settled(result, output, convert::outcome),
        )
        .await
    }

    /// Continues a suspended action; `callback` is the request that woke it, if one did.
    pub async fn resume(
        &self,
        call: Call,
        action: &str,
        state: &str,
        callback: Option<&Delivery>,
        context: &Context,
    ) -> Finished<Outcome> {
        let (context, callback) = (convert::context(context), callback.map(convert::message));
        let params = (action, state, callback.as_ref(), &context);
        invoke(
            &self.0,
            Export::Resume,
            Authority::Host(call),
            params,
            |(result,): Or<outcomes::Outcome>, output| settled(result, output, convert::outcome),
        )
        .await
    }

    /// Finds out what became of a write whose outcome is unknown.
    pub async fn confirm(
        &self,
        call: Call,
        action: &str,
        input: &str,
        context: &Context,
    ) -> Finished<Verdict> {
        let context = convert::context(context);
        let params = (action, input, &context);
        invoke(
            &self.0,
            Export::Confirm,
            Authority::Host(call),
            params,
            |(result,): Or<confirmation::Verdict>, output| settled(result, output, convert::verdict),
        )
        .await
    }

    /// Runs an action for many inputs; a result for each, in order.
    pub async fn run_batch(
        &self,
        call: Call,
        action: &str,
        inputs: &[String],
        context: &Context,
    ) -> Finished<Vec<Result<Value, Failure>>> {
        type Items = Vec<Result<String, wit::Failure>>;
        let context = convert::context(context);
        let params = (action, inputs, &context);
        let wanted = inputs.len();
        invoke(&self.0, Export::RunBatch, Authority::Host(call), params, |(result,): Or<Items>, output| {
            settled(result, output, |items, output| convert::batch_items(items, wanted, output))
        })
        .await
    }
}
