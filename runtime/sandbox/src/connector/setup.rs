//! What a person needs while a connection or a step is set up.

use serde_json::Value;
use wharf_model::call::Context;

use super::{Connector, Or};
use crate::{
    answer::{Choices, Identity, OptionsQuery},
    bindings::{connections, options},
    call::{Authority, Call, Finished, invoke, settled},
    contract::Export,
    convert,
};

impl Connector {
    /// Asks the provider whether the connection's credential works.
    pub async fn validate(&self, call: Call, method: &str, context: &Context) -> Finished<Identity> {
        let context = convert::context(context);
        let params = (method, &context);
        invoke(
            &self.0,
            Export::Validate,
            Authority::Host(call),
            params,
            |(result,): Or<connections::Identity>, output| settled(result, output, convert::identity),
        )
        .await
    }

    /// The choices of a loader that the manifest names.
    pub async fn load_options(
        &self,
        call: Call,
        loader: &str,
        query: &OptionsQuery,
        context: &Context,
    ) -> Finished<Choices> {
        let (context, query) = (convert::context(context), convert::query(query));
        let params = (loader, &query, &context);
        invoke(
            &self.0,
            Export::LoadOptions,
            Authority::Host(call),
            params,
            |(result,): Or<options::Choices>, output| settled(result, output, convert::choices),
        )
        .await
    }

    /// The fields of a loader that the manifest names, as a JSON Schema. `values` is a JSON object.
    pub async fn load_fields(
        &self,
        call: Call,
        loader: &str,
        values: &str,
        context: &Context,
    ) -> Finished<Value> {
        let context = convert::context(context);
        let params = (loader, values, &context);
        invoke(&self.0, Export::LoadFields, Authority::Host(call), params, |(result,): Or<String>, output| {
            settled(result, output, |schema, output| output.json("the schema", schema))
        })
        .await
    }
}
