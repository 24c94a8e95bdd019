//! What `wit-bindgen` makes of `wit/`: the imports once, and each export interface in a module of its own.
//!
//! One world per export lets a connector export what it implements and nothing else: each `export!`
//! carries its own component type, and the componentizer merges the worlds. `with` keeps the types one.
//! The modules differ only in names; `macro_rules` cannot feed `generate!` the strings it wants.

wit_bindgen::generate!({
    path: "wit",
    inline: "package wharf:sdk; world capabilities {
        include wharf:connector/capabilities@0.1.0;
        import wharf:connector/types@0.1.0;
        import wharf:connector/events@0.1.0;
        import wharf:connector/outcomes@0.1.0;
    }",
    world: "wharf:sdk/capabilities",
    generate_all,
    generate_unused_types: true,
    runtime_path: "::wit_bindgen::rt",
});

pub mod manifest {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world manifest { export wharf:connector/manifest@0.1.0; }",
        world: "wharf:sdk/manifest",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
        },
        default_bindings_module: "$crate::bindings::manifest",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod connections {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world connections { export wharf:connector/connections@0.1.0; }",
        world: "wharf:sdk/connections",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
        },
        default_bindings_module: "$crate::bindings::connections",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod options {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world options { export wharf:connector/options@0.1.0; }",
        world: "wharf:sdk/options",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
        },
        default_bindings_module: "$crate::bindings::options",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod fields {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world fields { export wharf:connector/fields@0.1.0; }",
        world: "wharf:sdk/fields",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
        },
        default_bindings_module: "$crate::bindings::fields",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod actions {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world actions { export wharf:connector/actions@0.1.0; }",
        world: "wharf:sdk/actions",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
            "wharf:connector/outcomes@0.1.0": crate::bindings::wharf::connector::outcomes,
        },
        default_bindings_module: "$crate::bindings::actions",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod resumption {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world resumption { export wharf:connector/resumption@0.1.0; }",
        world: "wharf:sdk/resumption",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
            "wharf:connector/outcomes@0.1.0": crate::bindings::wharf::connector::outcomes,
        },
        default_bindings_module: "$crate::bindings::resumption",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod confirmation {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world confirmation { export wharf:connector/confirmation@0.1.0; }",
        world: "wharf:sdk/confirmation",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
        },
        default_bindings_module: "$crate::bindings::confirmation",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod batches {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world batches { export wharf:connector/batches@0.1.0; }",
        world: "wharf:sdk/batches",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
        },
        default_bindings_module: "$crate::bindings::batches",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod polling {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world polling { export wharf:connector/polling@0.1.0; }",
        world: "wharf:sdk/polling",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
            "wharf:connector/events@0.1.0": crate::bindings::wharf::connector::events,
        },
        default_bindings_module: "$crate::bindings::polling",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod deliveries {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world deliveries { export wharf:connector/deliveries@0.1.0; }",
        world: "wharf:sdk/deliveries",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
            "wharf:connector/events@0.1.0": crate::bindings::wharf::connector::events,
        },
        default_bindings_module: "$crate::bindings::deliveries",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod handshakes {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world handshakes { export wharf:connector/handshakes@0.1.0; }",
        world: "wharf:sdk/handshakes",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
        },
        default_bindings_module: "$crate::bindings::handshakes",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod subscriptions {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world subscriptions { export wharf:connector/subscriptions@0.1.0; }",
        world: "wharf:sdk/subscriptions",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
        },
        default_bindings_module: "$crate::bindings::subscriptions",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod routing {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world routing { export wharf:connector/routing@0.1.0; }",
        world: "wharf:sdk/routing",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
        },
        default_bindings_module: "$crate::bindings::routing",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod samples {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world samples { export wharf:connector/samples@0.1.0; }",
        world: "wharf:sdk/samples",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
            "wharf:connector/events@0.1.0": crate::bindings::wharf::connector::events,
        },
        default_bindings_module: "$crate::bindings::samples",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

pub mod entities {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package wharf:sdk; world entities { export wharf:connector/entities@0.1.0; }",
        world: "wharf:sdk/entities",
        with: {
            "wharf:connector/types@0.1.0": crate::bindings::wharf::connector::types,
        },
        default_bindings_module: "$crate::bindings::entities",
        pub_export_macro: true,
        runtime_path: "::wit_bindgen::rt",
    });
}
