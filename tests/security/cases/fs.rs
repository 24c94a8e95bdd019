//! Files: a connector without a scratch grant finds no directory at all.

use serde_json::json;

use crate::{
    security::play::{Case, Ends, Guest, cases},
    wat::Core,
};

cases! {
    fs_06_without_a_grant_there_is_no_directory => Case::Guest(Guest {
        core: directories(),
        ends: Ends::Done(json!(0)),
        ..Guest::default()
    });
}

/// Returns how many directories it is given.
pub(crate) fn directories() -> Core {
    Core {
        wit: "package wasi:filesystem@0.2.0 {
            interface types { resource descriptor; }
            interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<descriptor, string>>; }
        }",
        world: "import wasi:filesystem/preopens@0.2.0;",
        imports: r#"(import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))"#
            .to_owned(),
        said: "0".to_owned(),
        // The list's length as a digit.
        run: "(call $directories (i32.const 128))
              (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (i32.load (i32.const 132)))) i32.const 32"
            .to_owned(),
        ..Core::default()
    }
}
