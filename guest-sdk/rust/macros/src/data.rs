//! `#[input]` and `#[output]`: derives, with the crate paths that make them work without a dependency
//! of the author's own.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Error, Expr, Field, Fields, Ident, Item, Result, Token, Type, parse_quote};

/// Which way the data goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

pub(crate) fn expand(direction: Direction, arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "takes no arguments"));
    }
    let mut item: Item = syn::parse2(item)?;
    let attributes = match &mut item {
        Item::Struct(item) => {
            fields(&mut item.fields)?;
            &mut item.attrs
        }
        Item::Enum(item) => {
            for variant in &mut item.variants {
                fields(&mut variant.fields)?;
            }
            &mut item.attrs
        }
        other => {
            return Err(Error::new_spanned(other, "only a struct or an enum is data"));
        }
    };
    let mut added: Vec<Attribute> = vec![
        parse_quote!(#[derive(
            ::core::fmt::Debug,
            ::wharf::serde::Deserialize,
            ::wharf::serde::Serialize,
            ::wharf::schemars::JsonSchema,
        )]),
        parse_quote!(#[serde(crate = "::wharf::serde")]),
        parse_quote!(#[schemars(crate = "::wharf::schemars")]),
    ];
    if direction == Direction::In {
        added.push(parse_quote!(#[serde(deny_unknown_fields)]));
    }
    // Derives first: the author's `#[serde]` attributes are their helpers.
    attributes.splice(0..0, added);
    Ok(quote!(#item))
}

fn fields(fields: &mut Fields) -> Result<()> {
    for field in fields.iter_mut() {
        if is_option(&field.ty) && !has_default(field) {
            field.attrs.push(parse_quote!(
                #[serde(default, skip_serializing_if = "::core::option::Option::is_none")]
            ));
        }
        shown(field)?;
    }
    Ok(())
}

/// Puts schemars's attribute in the place of `#[field(…)]`.
fn shown(field: &mut Field) -> Result<()> {
    for attribute in &mut field.attrs {
        if !attribute.path().is_ident("field") {
            continue;
        }
        let mut parts: Vec<TokenStream> = Vec::new();
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("options") {
                let loader = name(&meta.value()?.parse()?)?;
                parts.push(quote!(extend("x-options" = #loader)));
            } else if meta.path.is_ident("multiline") {
                parts.push(quote!(extend("x-multiline" = true)));
            } else if meta.path.is_ident("title") {
                let title: Expr = meta.value()?.parse()?;
                parts.push(quote!(title = #title));
            } else {
                return Err(meta.error("knows `options`, `multiline` and `title`"));
            }
            Ok(())
        })?;
        let parts = syn::punctuated::Punctuated::<TokenStream, Token![,]>::from_iter(parts);
        *attribute = parse_quote!(#[schemars(#parts)]);
    }
    Ok(())
}

/// A loader's name, written as a word or a string.
fn name(value: &Expr) -> Result<String> {
    match value {
        Expr::Path(path) => path.path.require_ident().map(Ident::to_string),
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Ok(text.value()),
        other => Err(Error::new_spanned(other, "a name is needed here")),
    }
}

fn is_option(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Option"),
        _ => false,
    }
}

fn has_default(field: &Field) -> bool {
    field.attrs.iter().any(|attribute| {
        let mut found = false;
        if attribute.path().is_ident("serde") {
            // A malformed attribute is serde's to complain about.
            let _ = attribute.parse_nested_meta(|meta| {
                found |= meta.path.is_ident("default") || meta.path.is_ident("skip_serializing_if");
                if meta.input.peek(Token![=]) {
                    let _: Expr = meta.value()?.parse()?;
                }
                Ok(())
            });
        }
        found
    })
}
