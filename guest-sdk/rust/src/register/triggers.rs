//! The exports of triggers: polling, deliveries, handshakes, subscriptions, routing, samples.
//!
//! Handshakes and routing get no context from the host: they have no capability to use it with.

use super::{Exports, begin, parse, settings};
use crate::action::to_json;
use crate::bindings::wharf::connector::events::Event;
use crate::bindings::wharf::connector::types::{Context, HttpMessage, HttpReply};
use crate::bindings::{deliveries, handshakes, polling, routing, samples, subscriptions};
use crate::connector::Connector;
use crate::failure::Result;
use crate::trigger;

use polling::exports::wharf::connector::polling as poll;
use subscriptions::exports::wharf::connector::subscriptions as subscribe;

impl<C: Connector> poll::Guest for Exports<C> {
    fn poll(
        trigger: String,
        config: String,
        origin: poll::Origin,
        limit: u32,
        context: Context,
    ) -> Result<poll::Batch> {
        let origin = match origin {
            poll::Origin::Cursor(cursor) => trigger::Origin::Cursor(parse("the cursor", &cursor)?),
            poll::Origin::Since(time) => trigger::Origin::Since(time),
            poll::Origin::Beginning => trigger::Origin::Beginning,
        };
        let call = begin::<C>(context);
        let batch = C::poll(&call, &trigger, &settings(&config)?, &origin, limit)?;
        Ok(poll::Batch {
            events: batch.events.into_iter().map(Event::from).collect(),
            cursor: batch.cursor.as_ref().map(to_json).transpose()?,
            more: batch.more,
        })
    }
}

impl<C: Connector> deliveries::exports::wharf::connector::deliveries::Guest for Exports<C> {
    fn receive(
        trigger: String,
        config: String,
        delivery: HttpMessage,
        context: Context,
    ) -> Result<Vec<Event>> {
        let call = begin::<C>(context);
        let events = C::receive(&call, &trigger, &settings(&config)?, &delivery)?;
        Ok(events.into_iter().map(Event::from).collect())
    }
}

impl<C: Connector> handshakes::exports::wharf::connector::handshakes::Guest for Exports<C> {
    fn handshake(trigger: String, message: HttpMessage) -> Option<HttpReply> {
        C::handshake(&trigger, &message)
    }
}

impl<C: Connector> routing::exports::wharf::connector::routing::Guest for Exports<C> {
    fn route(trigger: String, message: HttpMessage) -> Result<Vec<String>> {
        C::route(&trigger, &message)
    }
}

impl<C: Connector> samples::exports::wharf::connector::samples::Guest for Exports<C> {
    fn sample(trigger: String, config: String, limit: u32, context: Context) -> Result<Vec<Event>> {
        let call = begin::<C>(context);
        let events = C::sample(&call, &trigger, &settings(&config)?, limit)?;
        Ok(events.into_iter().map(Event::from).collect())
    }
}

impl<C: Connector> subscribe::Guest for Exports<C> {
    fn enable(
        trigger: String,
        config: String,
        url: String,
        context: Context,
    ) -> Result<subscribe::Subscription> {
        let call = begin::<C>(context);
        lower(C::enable(&call, &trigger, &settings(&config)?, &url)?)
    }

    fn exists(trigger: String, subscription: subscribe::Subscription, context: Context) -> Result<bool> {
        C::exists(&begin::<C>(context), &trigger, &lift(subscription)?)
    }

    fn renew(
        trigger: String,
        subscription: subscribe::Subscription,
        context: Context,
    ) -> Result<subscribe::Subscription> {
        lower(C::renew(&begin::<C>(context), &trigger, &lift(subscription)?)?)
    }

    fn disable(trigger: String, subscription: subscribe::Subscription, context: Context) -> Result<()> {
        C::disable(&begin::<C>(context), &trigger, &lift(subscription)?)
    }
}

fn lift(subscription: subscribe::Subscription) -> Result<trigger::Subscription> {
    Ok(trigger::Subscription {
        id: subscription.id,
        expires_at_ms: subscription.expires_at,
        state: parse("the subscription's state", &subscription.state)?,
    })
}

fn lower(subscription: trigger::Subscription) -> Result<subscribe::Subscription> {
    Ok(subscribe::Subscription {
        id: subscription.id,
        expires_at: subscription.expires_at_ms,
        state: to_json(&subscription.state)?,
    })
}
