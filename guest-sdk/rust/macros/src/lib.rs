//! The attribute macros of `wharf-sdk`: `#[action]`, `#[input]`, `#[output]`.
//!
//! They write down what an author could write by hand and nothing else: `#[input]` and `#[output]` are a
//! handful of derives, `#[action]` is one `impl` of `wharf::Action`. No macro looks at another's work.

mod action;
mod data;

use proc_macro::TokenStream;

/// Makes a function an action: `fn name(call: &Call, input: Input) -> Result<Answer>`; the input may be
/// lent (`&Input`), and without one it takes `call` alone.
///
/// The first line of the doc comment is the title, the rest the description. Arguments:
/// `effect = "read" | "idempotent-write" | "keyed-write" | "unsafe-write" | "destructive"` (required),
/// `name = "…"` (else the function's, in kebab-case), `title = "…"`, `scopes = ["…"]`, `auth = ["…"]`
/// (`[]`: it needs no connection), `timeout_ms = 5000`, `key_header = "…"` or `key_field = "…"` for a
/// keyed write, `confirm = function`, `resume = function`, `batch = function` with `max_batch = 50`.
///
/// It keeps the function and adds an empty enum of its name that implements `wharf::Action`.
#[proc_macro_attribute]
pub fn action(arguments: TokenStream, item: TokenStream) -> TokenStream {
    action::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct or enum an input: `Deserialize`, `Serialize`, `JsonSchema` and `Debug`, unknown
/// members refused, unset `Option`s left out when it is sent on.
///
/// `#[field(options = "loader", multiline, title = "…")]` on a field says how a form shows it; serde's
/// and schemars's own attributes work as always.
#[proc_macro_attribute]
pub fn input(arguments: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(data::Direction::In, arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a struct or enum an output: as `#[input]`, but unknown members are ignored, so that a
/// provider's answer can be read into it.
#[proc_macro_attribute]
pub fn output(arguments: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(data::Direction::Out, arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
