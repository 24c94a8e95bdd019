//! The exports of entities.
//!
//! `match` is a word of both Rust and the contract; here it is `fields`.

use super::{Exports, begin, parse};
use crate::action::to_json;
use crate::bindings::entities::exports::wharf::connector::entities::{self as host, Guest};
use crate::bindings::wharf::connector::types::Context;
use crate::connector::Connector;
use crate::entity::{Entry, Listing};
use crate::failure::Result;

impl<C: Connector> Guest for Exports<C> {
    fn list_page(entity: String, listing: host::Listing, context: Context) -> Result<host::Slice> {
        let listing = Listing {
            cursor: listing.cursor.map(|cursor| parse("the cursor", &cursor)).transpose()?,
            since_ms: listing.since,
            deleted_only: listing.deleted_only,
            limit: listing.limit,
        };
        let slice = C::list_entities(&begin::<C>(context), &entity, &listing)?;
        Ok(host::Slice {
            entries: slice.entries.into_iter().map(lower).collect::<Result<_>>()?,
            cursor: slice.cursor.as_ref().map(to_json).transpose()?,
        })
    }

    fn get(entity: String, id: String, context: Context) -> Result<Option<host::Entry>> {
        C::get_entity(&begin::<C>(context), &entity, &id)?.map(lower).transpose()
    }

    fn find(entity: String, fields: String, context: Context) -> Result<Vec<host::Entry>> {
        let fields = parse("the fields", &fields)?;
        let entries = C::find_entities(&begin::<C>(context), &entity, &fields)?;
        entries.into_iter().map(lower).collect()
    }

    fn put(
        entity: String,
        id: Option<String>,
        data: String,
        version: Option<String>,
        context: Context,
    ) -> Result<host::Entry> {
        let data = parse("the data", &data)?;
        let call = begin::<C>(context);
        lower(C::put_entity(&call, &entity, id.as_deref(), data, version.as_deref())?)
    }

    fn delete(entity: String, id: String, version: Option<String>, context: Context) -> Result<()> {
        C::delete_entity(&begin::<C>(context), &entity, &id, version.as_deref())
    }
}

fn lower(entry: Entry) -> Result<host::Entry> {
    Ok(host::Entry {
        data: to_json(&entry.data)?,
        id: entry.id,
        version: entry.version,
        updated_at: entry.updated_at_ms,
        deleted: entry.deleted,
    })
}
