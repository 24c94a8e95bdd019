//! Records of the provider, for sync.

use wharf_model::call::Context;

use super::{Connector, Or};
use crate::{
    answer::{Entry, Listing, Slice},
    bindings::entities,
    call::{Authority, Call, Finished, invoke, settled},
    contract::Export,
    convert,
};

impl Connector {
    /// A page of an entity's records.
    pub async fn list_page(
        &self,
        call: Call,
        entity: &str,
        listing: &Listing,
        context: &Context,
    ) -> Finished<Slice> {
        let (context, listing) = (convert::context(context), convert::listing(listing));
        let params = (entity, &listing, &context);
        invoke(
            &self.0,
            Export::ListPage,
            Authority::Host(call),
            params,
            |(result,): Or<entities::Slice>, output| settled(result, output, convert::slice),
        )
        .await
    }

    /// A record; none when it does not exist.
    pub async fn get(
        &self,
        call: Call,
        entity: &str,
        id: &str,
        context: &Context,
    ) -> Finished<Option<Entry>> {
        let context = convert::context(context);
        let params = (entity, id, &context);
        invoke(
            &self.0,
            Export::Get,
            Authority::Host(call),
            params,
            |(result,): Or<Option<entities::Entry>>, output| {
                settled(result, output, |entry, output| {
                    entry.map(|entry| convert::entry(entry, output)).transpose()
                })
            },
        )
        .await
    }

    /// Records whose fields equal those of `matching`, a JSON object.
    pub async fn find(
        &self,
        call: Call,
        entity: &str,
        matching: &str,
        context: &Context,
    ) -> Finished<Vec<Entry>> {
        let context = convert::context(context);
        let params = (entity, matching, &context);
        invoke(
            &self.0,
            Export::Find,
            Authority::Host(call),
            params,
            |(result,): Or<Vec<entities::Entry>>, output| settled(result, output, convert::entries),
        )
        .await
    }

    /// Creates a record, or replaces the one with `id`; with `if_version` only that version.
    pub async fn put(
        &self,
        call: Call,
        entity: &str,
        id: Option<&str>,
        data: &str,
        if_version: Option<&str>,
        context: &Context,
    ) -> Finished<Entry> {
        let context = convert::context(context);
        let params = (entity, id, data, if_version, &context);
        invoke(
            &self.0,
            Export::Put,
            Authority::Host(call),
            params,
            |(result,): Or<entities::Entry>, output| settled(result, output, convert::entry),
        )
        .await
    }

    /// Deletes a record; with `if_version` only that version.
    pub async fn delete(
        &self,
        call: Call,
        entity: &str,
        id: &str,
        if_version: Option<&str>,
        context: &Context,
    ) -> Finished<()> {
        let context = convert::context(context);
        let params = (entity, id, if_version, &context);
        invoke(&self.0, Export::Delete, Authority::Host(call), params, |(result,): Or<()>, output| {
            settled(result, output, |(), _| Ok(()))
        })
        .await
    }
}
