//! What brings events in: polling, deliveries, and the webhooks behind them.

use wharf_model::{
    call::Context,
    event::{Delivery, Event},
    grant::Limits,
    http::HttpResponse,
};

use super::{Connector, Or};
use crate::{
    answer::{PollBatch, PollOrigin, Subscription},
    bindings::{events, polling, types},
    call::{Authority, Call, Finished, invoke, settled},
    contract::Export,
    convert,
};

impl Connector {
    /// Asks for events from `origin` on. `settings` is JSON.
    pub async fn poll(
        &self,
        call: Call,
        trigger: &str,
        settings: &str,
        origin: &PollOrigin,
        limit: u32,
        context: &Context,
    ) -> Finished<PollBatch> {
        let (context, origin) = (convert::context(context), convert::origin(origin));
        let params = (trigger, settings, &origin, limit, &context);
        invoke(
            &self.0,
            Export::Poll,
            Authority::Host(call),
            params,
            |(result,): Or<polling::Batch>, output| settled(result, output, convert::batch),
        )
        .await
    }

    /// Turns a verified delivery into events.
    pub async fn receive(
        &self,
        call: Call,
        trigger: &str,
        settings: &str,
        delivery: &Delivery,
        context: &Context,
    ) -> Finished<Vec<Event>> {
        let (context, message) = (convert::context(context), convert::message(delivery));
        let params = (trigger, settings, &message, &context);
        invoke(
            &self.0,
            Export::Receive,
            Authority::Host(call),
            params,
            |(result,): Or<Vec<events::Event>>, output| settled(result, output, convert::events),
        )
        .await
    }

    /// Answers a provider's challenge, or says that the message is none. Runs without any
    /// capability.
    pub async fn handshake(
        &self,
        limits: &Limits,
        trigger: &str,
        message: &Delivery,
    ) -> Finished<Option<HttpResponse>> {
        type Reply = (Option<types::HttpReply>,);
        let message = convert::message(message);
        invoke(
            &self.0,
            Export::Handshake,
            Authority::None(limits),
            (trigger, &message),
            |(reply,): Reply, output| reply.map(|reply| convert::reply(reply, output)).transpose(),
        )
        .await
    }

    /// The accounts that a delivery belongs to. Runs without any capability.
    pub async fn route(&self, limits: &Limits, trigger: &str, message: &Delivery) -> Finished<Vec<String>> {
        let message = convert::message(message);
        invoke(
            &self.0,
            Export::Route,
            Authority::None(limits),
            (trigger, &message),
            |(result,): Or<Vec<String>>, output| {
                settled(result, output, |accounts, output| {
                    accounts.into_iter().map(|one| output.text(one)).collect()
                })
            },
        )
        .await
    }

    /// Registers a webhook with the provider.
    pub async fn enable(
        &self,
        call: Call,
        trigger: &str,
        settings: &str,
        url: &str,
        context: &Context,
    ) -> Finished<Subscription> {
        let context = convert::context(context);
        let params = (trigger, settings, url, &context);
        invoke(&self.0, Export::Enable, Authority::Host(call), params, |(result,): Or<_>, output| {
            settled(result, output, convert::subscription)
        })
        .await
    }

    /// Whether the provider still has the webhook.
    pub async fn exists(
        &self,
        call: Call,
        trigger: &str,
        subscription: &Subscription,
        context: &Context,
    ) -> Finished<bool> {
        let (context, subscription) = (convert::context(context), convert::subscription_out(subscription));
        let params = (trigger, &subscription, &context);
        invoke(&self.0, Export::Exists, Authority::Host(call), params, |(result,): Or<bool>, output| {
            settled(result, output, |exists, _| Ok(exists))
        })
        .await
    }

    /// Renews a webhook before it expires.
    pub async fn renew(
        &self,
        call: Call,
        trigger: &str,
        subscription: &Subscription,
        context: &Context,
    ) -> Finished<Subscription> {
        let (context, subscription) = (convert::context(context), convert::subscription_out(subscription));
        let params = (trigger, &subscription, &context);
        invoke(&self.0, Export::Renew, Authority::Host(call), params, |(result,): Or<_>, output| {
            settled(result, output, convert::subscription)
        })
        .await
    }

    /// Takes a webhook back.
    pub async fn disable(
        &self,
        call: Call,
        trigger: &str,
        subscription: &Subscription,
        context: &Context,
    ) -> Finished<()> {
        let (context, subscription) = (convert::context(context), convert::subscription_out(subscription));
        let params = (trigger, &subscription, &context);
        invoke(&self.0, Export::Disable, Authority::Host(call), params, |(result,): Or<()>, output| {
            settled(result, output, |(), _| Ok(()))
        })
        .await
    }

    /// Recent events, to set up a flow with.
    pub async fn sample(
        &self,
        call: Call,
        trigger: &str,
        settings: &str,
        limit: u32,
        context: &Context,
    ) -> Finished<Vec<Event>> {
        let context = convert::context(context);
        let params = (trigger, settings, limit, &context);
        invoke(
            &self.0,
            Export::Sample,
            Authority::Host(call),
            params,
            |(result,): Or<Vec<events::Event>>, output| settled(result, output, convert::events),
        )
        .await
    }
}
