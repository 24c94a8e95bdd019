//! The registration macro, and the one place where the contract's types become the SDK's.
//!
//! [`Exports`] implements every interface for every connector; which of them end up in the component is
//! decided by the names in [`connector!`](crate::connector!) alone.

mod entities;
mod triggers;

use core::marker::PhantomData;
use std::sync::Once;

use serde_json::Value;

use crate::action::{Verdict, to_json};
use crate::bindings::wharf::connector::outcomes::Outcome;
use crate::bindings::wharf::connector::types::{Context, HttpMessage};
use crate::bindings::{actions, batches, confirmation, connections, fields, manifest, options, resumption};
use crate::call::Call;
use crate::connector::{Choices, Connector, Query, Settings};
use crate::failure::{Failure, Result};
use crate::manifest::Manifest;

/// Registers a connector: its type, then the interfaces that it exports besides `manifest`.
///
/// ```text
/// wharf::connector!(Slack: actions, options, connections, confirmation);
/// ```
///
/// The interfaces are the modules of the contract: `actions`, `resumption`, `confirmation`, `batches`,
/// `connections`, `options`, `fields`, `polling`, `deliveries`, `handshakes`, `subscriptions`,
/// `routing`, `samples`, `entities`. For each it expands to the `export!` that `wit-bindgen` generates.
/// It also makes an [`Arena`](crate::arena::Arena) the allocator; `; allocator = none` after the list
/// leaves that to the connector.
#[macro_export]
macro_rules! connector {
    ($connector:ty: $($interface:ident),* $(,)?) => {
        #[cfg(target_family = "wasm")]
        #[global_allocator]
        static WHARF_ALLOCATOR: $crate::arena::Arena = $crate::arena::Arena::new();
        $crate::connector!($connector: $($interface),*; allocator = none);
    };
    ($connector:ty: $($interface:ident),* $(,)?; allocator = none) => {
        #[expect(unsafe_code, reason = "exported functions are `no_mangle`")]
        const _: () = {
            type Exports = $crate::register::Exports<$connector>;
            $crate::bindings::manifest::export!(Exports with_types_in $crate::bindings::manifest);
            $($crate::bindings::$interface::export!(
                Exports with_types_in $crate::bindings::$interface
            );)*
        };
    };
}

/// The exports of a connector.
#[derive(Debug)]
pub struct Exports<C>(PhantomData<C>);

/// The call that an export begins with. Panics are reported from here on: there is no earlier moment
/// in an instance, and the host may make any call its first.
fn begin<C: Connector>(context: Context) -> Call {
    report_panics();
    Call::new(context, C::AUTH)
}

/// Says where a panic was before the instance traps; the host reports a trap as `connector-defect`.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            crate::log::write(crate::log::Level::Error, &info.to_string(), None);
        }));
    });
}

fn parse(what: &str, text: &str) -> Result<Value> {
    match text {
        "" => Ok(Value::Object(serde_json::Map::new())),
        text => serde_json::from_str(text)
            .map_err(|error| Failure::invalid_input(format_args!("{what}: {error}"))),
    }
}

fn settings(text: &str) -> Result<Settings> {
    parse("the trigger's settings", text).map(Settings)
}

impl<C: Connector> manifest::exports::wharf::connector::manifest::Guest for Exports<C> {
    fn describe() -> String {
        // Nothing in a manifest can fail to serialize; if it did, the host would refuse the text.
        serde_json::to_string(&Manifest::of::<C>()).unwrap_or_else(|error| error.to_string())
    }
}

impl<C: Connector> actions::exports::wharf::connector::actions::Guest for Exports<C> {
    fn run(name: String, input: String, page: Option<String>, context: Context) -> Result<Outcome> {
        C::run(&begin::<C>(context).at_page(page), &name, &input)
    }
}

impl<C: Connector> resumption::exports::wharf::connector::resumption::Guest for Exports<C> {
    fn resume(
        name: String,
        state: String,
        callback: Option<HttpMessage>,
        context: Context,
    ) -> Result<Outcome> {
        C::resume(&begin::<C>(context), &name, &state, callback)
    }
}

impl<C: Connector> confirmation::exports::wharf::connector::confirmation::Guest for Exports<C> {
    fn confirm(
        name: String,
        input: String,
        context: Context,
    ) -> Result<confirmation::exports::wharf::connector::confirmation::Verdict> {
        use confirmation::exports::wharf::connector::confirmation::Verdict as Out;
        Ok(match C::confirm(&begin::<C>(context), &name, &input)? {
            Verdict::Applied(output) => Out::Applied(output),
            Verdict::NotApplied => Out::NotApplied,
            Verdict::Unknown => Out::Unknown,
        })
    }
}

impl<C: Connector> batches::exports::wharf::connector::batches::Guest for Exports<C> {
    fn run(name: String, inputs: Vec<String>, context: Context) -> Result<Vec<Result<String>>> {
        C::batch(&begin::<C>(context), &name, &inputs)
    }
}

impl<C: Connector> connections::exports::wharf::connector::connections::Guest for Exports<C> {
    fn validate(
        method: String,
        context: Context,
    ) -> Result<connections::exports::wharf::connector::connections::Identity> {
        let call = begin::<C>(context).with_auth(&method);
        let identity = C::validate(&call, &method)?;
        Ok(connections::exports::wharf::connector::connections::Identity {
            label: identity.label,
            account: identity.account,
            scopes: identity.scopes,
            metadata: to_json(&identity.metadata)?,
        })
    }
}

impl<C: Connector> options::exports::wharf::connector::options::Guest for Exports<C> {
    fn load(
        loader: String,
        query: options::exports::wharf::connector::options::Query,
        context: Context,
    ) -> Result<options::exports::wharf::connector::options::Choices> {
        use options::exports::wharf::connector::options as out;
        let query =
            Query { values: parse("the values", &query.values)?, search: query.search, page: query.page };
        let Choices { items, next } = C::options(&begin::<C>(context), &loader, &query)?;
        let items = items
            .into_iter()
            .map(|choice| {
                Ok(out::Choice {
                    label: choice.label,
                    value: to_json(&choice.value)?,
                    description: choice.description,
                })
            })
            .collect::<Result<_>>()?;
        Ok(out::Choices { items, next })
    }
}

impl<C: Connector> fields::exports::wharf::connector::fields::Guest for Exports<C> {
    fn load(loader: String, values: String, context: Context) -> Result<String> {
        let values = parse("the values", &values)?;
        to_json(&C::fields(&begin::<C>(context), &loader, values)?)
    }
}
