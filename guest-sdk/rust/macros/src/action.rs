//! `#[action]`: the function stays as it is, and an empty enum of its name implements `wharf::Action`.
//!
//! The enum lives among types, the function among values: `actions![post_message]` means the first,
//! a call in a test the second.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{
    Error, Expr, ExprLit, FnArg, GenericArgument, ItemFn, Lit, Meta, MetaNameValue, PathArguments, Result,
    ReturnType, Token, Type, parse_quote,
};

/// What stands in `#[action(…)]`.
#[derive(Default)]
struct Arguments {
    name: Option<Expr>,
    title: Option<Expr>,
    effect: Option<TokenStream>,
    /// `.scopes(&[…])` and the like, for the builder.
    builder: Vec<TokenStream>,
    /// `const CONFIRM: …` and the like, by function.
    confirm: Option<Expr>,
    resume: Option<Expr>,
    batch: Option<Expr>,
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut function: ItemFn = syn::parse2(item)?;
    if !function.attrs.iter().any(|attribute| attribute.path().is_ident("inline")) {
        // A backtrace after a trap should name the action.
        function.attrs.push(parse_quote!(#[inline(never)]));
    }
    let arguments = Arguments::parse(arguments)?;
    let (visibility, ident) = (&function.vis, &function.sig.ident);
    let effect = arguments
        .effect
        .ok_or_else(|| Error::new_spanned(ident, "say what it does to the world: `effect = \"read\"`, …"))?;
    let name = match arguments.name {
        Some(name) => quote!(#name),
        None => {
            let name = ident.to_string().trim_start_matches("r#").replace('_', "-");
            quote!(#name)
        }
    };
    let (doc_title, description) = doc(&function);
    let title = match arguments.title {
        Some(title) => quote!(#title),
        None if doc_title.is_empty() => {
            return Err(Error::new_spanned(ident, "needs a doc comment: its first line is the title"));
        }
        None => quote!(#doc_title),
    };
    let (input, forward) = input(&function)?;
    let answer = answer(&function)?;
    let builder = arguments.builder;
    let hooks = hooks(arguments.confirm, arguments.resume, arguments.batch);
    Ok(quote! {
        #function

        #[doc = "The action of the function of this name."]
        #[expect(non_camel_case_types, reason = "it has the name of its function")]
        #visibility enum #ident {}

        impl ::wharf::Action for #ident {
            const NAME: &'static str = #name;
            type Input = #input;
            type Answer = #answer;

            fn about() -> ::wharf::manifest::Action {
                ::wharf::manifest::Action::new(#title, #effect)
                    .description(#description)
                    #(#builder)*
            }

            fn run(call: &::wharf::Call, input: Self::Input) -> ::wharf::Result<Self::Answer> {
                #forward
            }

            #hooks
        }
    })
}

/// The constants that name the functions for `confirm`, `resume` and `batch`.
fn hooks(confirm: Option<Expr>, resume: Option<Expr>, batch: Option<Expr>) -> TokenStream {
    let hooks = [
        (confirm, quote!(CONFIRM), quote!(Confirm)),
        (resume, quote!(RESUME), quote!(Resume)),
        (batch, quote!(BATCH), quote!(Batch)),
    ];
    let constants = hooks.into_iter().map(|(function, name, ty)| {
        function.map(|function| {
            quote! {
                const #name: ::core::option::Option<::wharf::action::#ty<Self>> =
                    ::core::option::Option::Some(#function);
            }
        })
    });
    quote! { #(#constants)* }
}

impl Arguments {
    fn parse(tokens: TokenStream) -> Result<Self> {
        let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
        let mut arguments = Self::default();
        for meta in syn::parse::Parser::parse2(parser, tokens)? {
            let MetaNameValue { path, value, .. } = meta.require_name_value()?.clone();
            let key = path.require_ident()?.to_string();
            match key.as_str() {
                "effect" => arguments.effect = Some(effect(&value)?),
                "name" => arguments.name = Some(value),
                "title" => arguments.title = Some(value),
                "confirm" => arguments.confirm = Some(value),
                "resume" => arguments.resume = Some(value),
                "batch" => arguments.batch = Some(value),
                "scopes" | "auth" => arguments.builder.push(quote!(.#path(&#value))),
                "timeout_ms" | "max_batch" | "key_header" | "key_field" => {
                    arguments.builder.push(quote!(.#path(#value)));
                }
                _ => {
                    return Err(Error::new_spanned(
                        path,
                        "knows `effect`, `name`, `title`, `scopes`, `auth`, `timeout_ms`, \
                         `key_header`, `key_field`, `confirm`, `resume`, `batch` and `max_batch`",
                    ));
                }
            }
        }
        Ok(arguments)
    }
}

fn effect(value: &Expr) -> Result<TokenStream> {
    let text = match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value(),
        _ => String::new(),
    };
    let variant = match text.as_str() {
        "read" => quote!(Read),
        "idempotent-write" => quote!(IdempotentWrite),
        "keyed-write" => quote!(KeyedWrite),
        "unsafe-write" => quote!(UnsafeWrite),
        "destructive" => quote!(Destructive),
        _ => {
            return Err(Error::new_spanned(
                value,
                "is one of \"read\", \"idempotent-write\", \"keyed-write\", \"unsafe-write\", \
                 \"destructive\"",
            ));
        }
    };
    Ok(quote!(::wharf::manifest::Effect::#variant))
}

/// The doc comment: its first line without the full stop, and the rest as one line.
fn doc(function: &ItemFn) -> (String, String) {
    let lines: Vec<String> = function
        .attrs
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(MetaNameValue {
                path,
                value: Expr::Lit(ExprLit { lit: Lit::Str(text), .. }),
                ..
            }) if path.is_ident("doc") => Some(text.value().trim().to_owned()),
            _ => None,
        })
        .collect();
    match lines.split_first() {
        Some((first, rest)) => {
            let words: Vec<&str> = rest.iter().flat_map(|line| line.split_whitespace()).collect();
            (first.trim_end_matches('.').to_owned(), words.join(" "))
        }
        None => (String::new(), String::new()),
    }
}

/// The input's type, and the call of the function.
fn input(function: &ItemFn) -> Result<(TokenStream, TokenStream)> {
    let ident = &function.sig.ident;
    let arguments: Vec<&FnArg> = function.sig.inputs.iter().collect();
    match arguments.as_slice() {
        [_] => Ok((quote!(::wharf::NoInput), quote!({ let ::wharf::NoInput {} = input; #ident(call) }))),
        [_, FnArg::Typed(input)] => Ok(match &*input.ty {
            Type::Reference(lent) => {
                let ty = &lent.elem;
                (quote!(#ty), quote!(#ident(call, &input)))
            }
            ty => (quote!(#ty), quote!(#ident(call, input))),
        }),
        _ => Err(Error::new_spanned(&function.sig, "takes `call: &Call` and at most one input")),
    }
}

/// The `T` of `-> Result<T>`.
fn answer(function: &ItemFn) -> Result<TokenStream> {
    let arguments = match &function.sig.output {
        ReturnType::Type(_, ty) => match &**ty {
            Type::Path(path) => path.path.segments.last().map(|last| &last.arguments),
            _ => None,
        },
        ReturnType::Default => None,
    };
    if let Some(PathArguments::AngleBracketed(generics)) = arguments {
        if let Some(GenericArgument::Type(answer)) = generics.args.first() {
            return Ok(quote!(#answer));
        }
    }
    Err(Error::new_spanned(&function.sig, "returns `Result<…>`"))
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::expand;

    #[track_caller]
    fn refused(arguments: TokenStream, item: TokenStream, expected: &str) {
        let error = expand(arguments, item).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn mistakes_are_named() {
        let good = quote! {
            /// Do it.
            fn act(call: &Call, input: Input) -> Result<Output> {}
        };
        assert!(expand(quote!(effect = "read"), good.clone()).is_ok());
        refused(quote!(), good.clone(), "say what it does to the world");
        refused(quote!(effect = "reed"), good.clone(), "is one of \"read\"");
        refused(quote!(effect = "read", scope = ["x"]), good.clone(), "knows `effect`");
        refused(quote!(effect = "read", paged), good, "expected a value");
        let undocumented = quote!(
            fn act(call: &Call) -> Result<Output> {}
        );
        refused(quote!(effect = "read"), undocumented.clone(), "needs a doc comment");
        assert!(expand(quote!(effect = "read", title = "Act"), undocumented).is_ok());
        let many = quote! {
            /// Do it.
            fn act(call: &Call, a: A, b: B) -> Result<Output> {}
        };
        refused(quote!(effect = "read"), many, "at most one input");
        let bare = quote! {
            /// Do it.
            fn act(call: &Call) -> u8 {}
        };
        refused(quote!(effect = "read"), bare, "returns `Result");
    }

    #[test]
    fn the_expansion_is_one_impl() {
        let item = quote! {
            /// Post it.
            ///
            /// At once.
            pub fn post_it(call: &Call) -> Result<Output> {}
        };
        let expansion = expand(quote!(effect = "unsafe-write", confirm = find), item).unwrap();
        let text = expansion.to_string();
        for part in [
            "pub enum post_it { }",
            "impl :: wharf :: Action for post_it",
            "NAME : & 'static str = \"post-it\"",
            "Action :: new (\"Post it\"",
            "description (\"At once.\")",
            "const CONFIRM : :: core :: option :: Option < :: wharf :: action :: Confirm < Self >>",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
