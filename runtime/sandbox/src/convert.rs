//! The only place where the contract's types become the model's and back. What a guest wrote for a
//! person to read is made inert and cut here.

use serde_json::Value;
use wharf_model::{
    call::{Context, Mode, Outcome, Verdict, Wake},
    event::{Delivery, Event},
    failure::{Failure, FailureClass, FieldFailure, ItemFailure},
    http::{Denial, DeniedBy, Field, HttpError, HttpResponse, Redirects},
    manifest::HashAlgorithm,
    time::Timestamp,
};

use crate::{
    answer::{
        Choice, Choices, Entry, Identity, Listing, OptionsQuery, PollBatch, PollOrigin, Slice, Subscription,
    },
    bindings::{
        blobs, confirmation, connections, credentials, entities, events, http, options, outcomes, polling,
        store, subscriptions, types,
    },
    host::{BlobError, CredentialError, StoreError, StoreScope},
    inert::{cut, inert},
    output::{Output, Rejected},
    weigh::Weigh as _,
};

/// Text for a person is cut at this many bytes.
const MAX_TEXT: usize = 8 << 10;

/// Entries of a failure's lists that are kept.
const MAX_DETAILS: usize = 1_000;

pub(crate) fn context(context: &Context) -> types::Context {
    types::Context {
        run: context.run.clone(),
        step: context.step.clone(),
        attempt: context.attempt,
        mode: match context.mode {
            Mode::Live => types::Mode::Live,
            Mode::Test => types::Mode::Test,
            Mode::DryRun => types::Mode::DryRun,
            Mode::Replay => types::Mode::Replay,
        },
        idempotency_key: context.idempotency_key.clone(),
        deadline: context.deadline.0,
        trace_parent: context.trace_parent.clone(),
        connection: context.connection.to_string(),
    }
}

pub(crate) fn message(delivery: &Delivery) -> types::HttpMessage {
    types::HttpMessage {
        method: delivery.method.clone(),
        target: delivery.target.clone(),
        headers: fields_out(delivery.headers.iter().cloned()),
        body: delivery.body.clone(),
        received_at: delivery.received_at.0,
    }
}

pub(crate) fn reply(reply: types::HttpReply, output: &mut Output) -> Result<HttpResponse, Rejected> {
    output.count(reply.weight())?;
    Ok(HttpResponse { status: reply.status, headers: fields_in(reply.headers), body: reply.body.into() })
}

pub(crate) fn fields_out(fields: impl IntoIterator<Item = Field>) -> Vec<types::Field> {
    fields.into_iter().map(|field| types::Field { name: field.name, value: field.value }).collect()
}

pub(crate) fn fields_in(fields: Vec<types::Field>) -> Vec<Field> {
    fields.into_iter().map(|field| Field { name: field.name, value: field.value }).collect()
}

pub(crate) fn failure(failure: types::Failure) -> Failure {
    Failure {
        class: class(failure.class),
        message: text(&failure.message),
        http_status: failure.http_status,
        provider_code: failure.provider_code.as_deref().map(text),
        retry_after_ms: failure.retry_after_ms,
        outcome_unknown: failure.outcome_unknown,
        fields: failure
            .fields
            .into_iter()
            .take(MAX_DETAILS)
            .map(|field| FieldFailure { path: text(&field.path), message: text(&field.message) })
            .collect(),
        items: failure
            .items
            .into_iter()
            .take(MAX_DETAILS)
            .map(|item| ItemFailure {
                index: item.index,
                class: class(item.class),
                message: text(&item.message),
            })
            .collect(),
    }
}

fn text(text: &str) -> String {
    inert(cut(text, MAX_TEXT))
}

fn class(class: types::FailureClass) -> FailureClass {
    use types::FailureClass as Wit;
    match class {
        Wit::InvalidInput => FailureClass::InvalidInput,
        Wit::CredentialInvalid => FailureClass::CredentialInvalid,
        Wit::PermissionDenied => FailureClass::PermissionDenied,
        Wit::NotFound => FailureClass::NotFound,
        Wit::Conflict => FailureClass::Conflict,
        Wit::Gone => FailureClass::Gone,
        Wit::RateLimited => FailureClass::RateLimited,
        Wit::QuotaExhausted => FailureClass::QuotaExhausted,
        Wit::TemporarilyUnavailable => FailureClass::TemporarilyUnavailable,
        Wit::TimedOut => FailureClass::TimedOut,
        Wit::ConfigurationInvalid => FailureClass::ConfigurationInvalid,
        Wit::SchemaMismatch => FailureClass::SchemaMismatch,
        Wit::CapabilityDenied => FailureClass::CapabilityDenied,
        Wit::Cancelled => FailureClass::Cancelled,
        Wit::ConnectorDefect => FailureClass::ConnectorDefect,
    }
}

pub(crate) fn outcome(outcome: outcomes::Outcome, output: &mut Output) -> Result<Outcome, Rejected> {
    Ok(match outcome {
        outcomes::Outcome::Done(json) => Outcome::Done(output.json("the output", json)?),
        outcomes::Outcome::Page(page) => Outcome::Page {
            items: output.all("an item of the page", page.items)?,
            next: output.optional(page.next)?,
        },
        outcomes::Outcome::Suspended(suspension) => Outcome::Suspended {
            wake: match suspension.wake {
                outcomes::Wake::At(time) => Wake::At(Timestamp(time)),
                outcomes::Wake::Callback(time) => Wake::Callback(Timestamp(time)),
            },
            state: output.json("the state of a suspension", suspension.state)?,
        },
    })
}

pub(crate) fn verdict(verdict: confirmation::Verdict, output: &mut Output) -> Result<Verdict, Rejected> {
    Ok(match verdict {
        confirmation::Verdict::Applied(json) => Verdict::Applied(output.json("the output", json)?),
        confirmation::Verdict::NotApplied => Verdict::NotApplied,
        confirmation::Verdict::Unknown => Verdict::Unknown,
    })
}

/// As many results as there were inputs, or the caller could not tell which is which.
pub(crate) fn batch_items(
    items: Vec<Result<String, types::Failure>>,
    wanted: usize,
    output: &mut Output,
) -> Result<Vec<Result<Value, Failure>>, Rejected> {
    if items.len() != wanted {
        return Err(Rejected::Defect(format!("returned {} results for {wanted} inputs", items.len())));
    }
    let item = |item: Result<String, types::Failure>| match item {
        Ok(json) => output.json("an output", json).map(Ok),
        Err(one) => Ok(Err(failure(one))),
    };
    items.into_iter().map(item).collect()
}

pub(crate) fn identity(identity: connections::Identity, output: &mut Output) -> Result<Identity, Rejected> {
    Ok(Identity {
        label: text(&output.text(identity.label)?),
        account: output.optional(identity.account)?,
        scopes: identity.scopes.into_iter().map(|scope| output.text(scope)).collect::<Result<_, _>>()?,
        metadata: output.json("the connection's metadata", identity.metadata)?,
    })
}

pub(crate) fn query(query: &OptionsQuery) -> options::Query {
    options::Query { values: query.values.clone(), search: query.search.clone(), page: query.page.clone() }
}

pub(crate) fn choices(choices: options::Choices, output: &mut Output) -> Result<Choices, Rejected> {
    let choice = |choice: options::Choice, output: &mut Output| {
        Ok(Choice {
            label: text(&output.text(choice.label)?),
            value: output.json("a choice's value", choice.value)?,
            description: output.optional(choice.description)?.as_deref().map(text),
        })
    };
    Ok(Choices {
        items: choices.items.into_iter().map(|item| choice(item, output)).collect::<Result<_, Rejected>>()?,
        next: output.optional(choices.next)?,
    })
}

pub(crate) fn origin(origin: &PollOrigin) -> polling::Origin {
    match origin {
        PollOrigin::Cursor(cursor) => polling::Origin::Cursor(cursor.clone()),
        PollOrigin::Since(time) => polling::Origin::Since(time.0),
        PollOrigin::Beginning => polling::Origin::Beginning,
    }
}

pub(crate) fn batch(batch: polling::Batch, output: &mut Output) -> Result<PollBatch, Rejected> {
    Ok(PollBatch {
        events: events(batch.events, output)?,
        cursor: batch.cursor.map(|json| output.json("the cursor", json)).transpose()?,
        more: batch.more,
    })
}

pub(crate) fn events(events: Vec<events::Event>, output: &mut Output) -> Result<Vec<Event>, Rejected> {
    events.into_iter().map(|one| event(one, output)).collect()
}

fn event(event: events::Event, output: &mut Output) -> Result<Event, Rejected> {
    Ok(Event {
        id: output.text(event.id)?,
        occurred_at: event.occurred_at.map(Timestamp),
        ordering_key: output.optional(event.ordering_key)?,
        sequence: event.sequence,
        data: output.json("an event's data", event.data)?,
    })
}

pub(crate) fn subscription(
    subscription: subscriptions::Subscription,
    output: &mut Output,
) -> Result<Subscription, Rejected> {
    Ok(Subscription {
        id: output.text(subscription.id)?,
        expires_at: subscription.expires_at.map(Timestamp),
        state: output.json("the subscription's state", subscription.state)?,
    })
}

pub(crate) fn subscription_out(subscription: &Subscription) -> subscriptions::Subscription {
    subscriptions::Subscription {
        id: subscription.id.clone(),
        expires_at: subscription.expires_at.map(|time| time.0),
        state: subscription.state.to_string(),
    }
}

pub(crate) fn listing(listing: &Listing) -> entities::Listing {
    entities::Listing {
        cursor: listing.cursor.as_ref().map(ToString::to_string),
        since: listing.since.map(|time| time.0),
        deleted_only: listing.deleted_only,
        limit: listing.limit,
    }
}

pub(crate) fn slice(slice: entities::Slice, output: &mut Output) -> Result<Slice, Rejected> {
    Ok(Slice {
        entries: entries(slice.entries, output)?,
        cursor: slice.cursor.map(|json| output.json("the cursor", json)).transpose()?,
    })
}

pub(crate) fn entries(entries: Vec<entities::Entry>, output: &mut Output) -> Result<Vec<Entry>, Rejected> {
    entries.into_iter().map(|one| entry(one, output)).collect()
}

pub(crate) fn entry(entry: entities::Entry, output: &mut Output) -> Result<Entry, Rejected> {
    Ok(Entry {
        id: output.text(entry.id)?,
        version: output.optional(entry.version)?,
        updated_at: entry.updated_at.map(Timestamp),
        deleted: entry.deleted,
        data: output.json("an entry's data", entry.data)?,
    })
}

pub(crate) fn redirects(redirects: http::Redirects) -> Redirects {
    match redirects {
        http::Redirects::Manual => Redirects::Manual,
        http::Redirects::Follow => Redirects::Follow,
    }
}

pub(crate) fn http_error(error: HttpError) -> http::Error {
    match error {
        HttpError::Denied(Denial { by, reason, message }) => http::Error::Denied(http::Denial {
            by: match by {
                DeniedBy::Manifest => http::DeniedBy::Manifest,
                DeniedBy::Grant => http::DeniedBy::Grant,
                DeniedBy::Ceiling => http::DeniedBy::Ceiling,
                DeniedBy::Address => http::DeniedBy::Address,
            },
            reason,
            message,
        }),
        HttpError::InvalidRequest(text) => http::Error::InvalidRequest(text),
        HttpError::CredentialUnavailable(text) => http::Error::CredentialUnavailable(text),
        HttpError::BudgetExhausted(text) => http::Error::BudgetExhausted(text),
        HttpError::Unreachable(text) => http::Error::Unreachable(text),
        HttpError::Tls(text) => http::Error::Tls(text),
        HttpError::Timeout(text) => http::Error::Timeout(text),
        HttpError::Interrupted(text) => http::Error::Interrupted(text),
        HttpError::BadResponse(text) => http::Error::BadResponse(text),
        HttpError::Ambiguous(text) => http::Error::Ambiguous(text),
    }
}

pub(crate) fn scope(scope: store::Scope) -> StoreScope {
    match scope {
        store::Scope::Connection => StoreScope::Connection,
        store::Scope::Flow => StoreScope::Flow,
    }
}

pub(crate) fn store_error(error: StoreError) -> store::Error {
    match error {
        StoreError::Denied(text) => store::Error::Denied(text),
        StoreError::InvalidKey => store::Error::InvalidKey,
        StoreError::QuotaExceeded(bytes) => store::Error::QuotaExceeded(bytes),
        StoreError::Unavailable(text) => store::Error::Unavailable(text),
    }
}

pub(crate) fn blob_error(error: BlobError) -> blobs::Error {
    match error {
        BlobError::Denied(text) => blobs::Error::Denied(text),
        BlobError::NotFound => blobs::Error::NotFound,
        BlobError::QuotaExceeded(bytes) => blobs::Error::QuotaExceeded(bytes),
        BlobError::Unavailable(text) => blobs::Error::Unavailable(text),
    }
}

pub(crate) fn credential_error(error: CredentialError) -> credentials::Error {
    match error {
        CredentialError::UnknownSlot => credentials::Error::UnknownSlot,
        CredentialError::Denied(text) => credentials::Error::Denied(text),
    }
}

pub(crate) fn hmac_algorithm(algorithm: credentials::HmacAlgorithm) -> HashAlgorithm {
    match algorithm {
        credentials::HmacAlgorithm::Sha256 => HashAlgorithm::Sha256,
        credentials::HmacAlgorithm::Sha512 => HashAlgorithm::Sha512,
        credentials::HmacAlgorithm::Sha1 => HashAlgorithm::Sha1,
    }
}
