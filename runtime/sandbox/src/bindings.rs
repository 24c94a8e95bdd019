//! Types generated from `wit/`, and nothing else.
//!
//! The world below imports the interfaces that a connector *exports*: the shapes are the same, and
//! the generator then makes types only, not the wrappers that look up every function of an
//! interface on every call. The `Host` traits that come along are not used: `capability` links the
//! imports itself, because a host call must reach the store's fuel.

wasmtime::component::bindgen!({
    path: "../../wit",
    inline: "
        package wharf:shapes;

        world shapes {
            import wharf:connector/http@0.1.0;
            import wharf:connector/credentials@0.1.0;
            import wharf:connector/store@0.1.0;
            import wharf:connector/blobs@0.1.0;
            import wharf:connector/log@0.1.0;
            import wharf:connector/connections@0.1.0;
            import wharf:connector/options@0.1.0;
            import wharf:connector/outcomes@0.1.0;
            import wharf:connector/confirmation@0.1.0;
            import wharf:connector/polling@0.1.0;
            import wharf:connector/subscriptions@0.1.0;
            import wharf:connector/entities@0.1.0;
        }
    ",
    world: "wharf:shapes/shapes",
    with: {
        "wharf:connector/http.body": crate::state::Body,
        "wharf:connector/blobs.reader": crate::state::Reader,
        "wharf:connector/blobs.writer": crate::state::Writer,
    },
});

pub(crate) use wharf::connector::{
    blobs, confirmation, connections, credentials, entities, events, http, log, options, outcomes, polling,
    store, subscriptions, types,
};
