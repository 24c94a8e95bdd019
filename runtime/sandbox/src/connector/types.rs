//! The types of all exports in one table, which load compares with a component's.

use wasmtime::{Store, component::Instance};

use super::Or;
use crate::{
    bindings::{
        confirmation, connections, entities, events, options, outcomes, polling, subscriptions, types,
    },
    contract::{Export, Exports},
    state::State,
};

/// Checks the type of each export that is there, with the types that the methods of
/// [`super::Connector`] call with:
/// a connector whose `run` takes something else is refused when it is loaded, not when it runs.
pub(crate) fn check_types(
    exports: &Exports,
    instance: &Instance,
    store: &mut Store<State>,
) -> wasmtime::Result<()> {
    type Text = &'static str;
    type With = &'static types::Context;
    type Message = &'static types::HttpMessage;
    type Subscribed = &'static subscriptions::Subscription;

    macro_rules! check {
        ($($export:ident: $params:ty => $returns:ty;)*) => {
            $(if let Some(index) = exports.get(Export::$export) {
                instance
                    .get_typed_func::<$params, $returns>(&mut *store, index)
                    .map_err(|error| error.context(Export::$export.name()))?;
            })*
        };
    }
    check! {
        Describe: () => (String,);
        Validate: (Text, With) => Or<connections::Identity>;
        LoadOptions: (Text, &'static options::Query, With) => Or<options::Choices>;
        LoadFields: (Text, Text, With) => Or<String>;
        Run: (Text, Text, Option<Text>, With) => Or<outcomes::Outcome>;
        Resume: (Text, Text, Option<Message>, With) => Or<outcomes::Outcome>;
        Confirm: (Text, Text, With) => Or<confirmation::Verdict>;
        RunBatch: (Text, &'static [String], With) => Or<Vec<Result<String, types::Failure>>>;
        Poll: (Text, Text, &'static polling::Origin, u32, With) => Or<polling::Batch>;
        Receive: (Text, Text, Message, With) => Or<Vec<events::Event>>;
        Handshake: (Text, Message) => (Option<types::HttpReply>,);
        Enable: (Text, Text, Text, With) => Or<subscriptions::Subscription>;
        Exists: (Text, Subscribed, With) => Or<bool>;
        Renew: (Text, Subscribed, With) => Or<subscriptions::Subscription>;
        Disable: (Text, Subscribed, With) => Or<()>;
        Route: (Text, Message) => Or<Vec<String>>;
        Sample: (Text, Text, u32, With) => Or<Vec<events::Event>>;
        ListPage: (Text, &'static entities::Listing, With) => Or<entities::Slice>;
        Get: (Text, Text, With) => Or<Option<entities::Entry>>;
        Find: (Text, Text, With) => Or<Vec<entities::Entry>>;
        Put: (Text, Option<Text>, Text, Option<Text>, With) => Or<entities::Entry>;
        Delete: (Text, Text, Option<Text>, With) => Or<()>;
    }
    Ok(())
}
