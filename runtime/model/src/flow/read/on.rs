//! Reads what starts a run.

use super::{
    Data, Node, On, Problem, Reader, START_KEYS, TRIGGER_KEYS, TriggerBinding, Value, Verification,
    WEBHOOK_KEYS, WebhookBinding, places, shortened, suggest, used_span,
};
use crate::{flow::ManualBinding, template::Scope};

impl Reader {
    pub(super) fn on(&mut self, node: &Node) -> Option<On> {
        let entries = match &node.data {
            Data::Text(text) if text == "manual" => return Some(On::Manual(ManualBinding::default())),
            Data::Map(entries) => entries,
            _ => {
                let message = "`on` is `manual`, or an object with what starts a run";
                let problem =
                    Problem::error(node.span, message).note(format!("one of: {}", quoted(&START_KEYS)));
                self.problem(problem.help("as in: on: { every: 5m }"));
                return None;
            }
        };
        let found: Vec<&str> =
            START_KEYS.into_iter().filter(|key| entries.iter().any(|entry| entry.key == *key)).collect();
        match found.as_slice() {
            ["trigger"] => self.trigger(node),
            ["webhook"] => self.webhook(node),
            ["every"] | ["cron"] => self.schedule(node),
            ["flow"] => self.after_flow(node),
            ["manual"] => self.manual(node),
            [] => {
                for entry in entries {
                    let near = suggest(&entry.key, START_KEYS);
                    self.problem(
                        Problem::error(entry.key_span, format!("unknown key `{}` in on", entry.key))
                            .did_you_mean(near),
                    );
                }
                let message = format!("`on` has none of {}", quoted(&START_KEYS));
                self.problem(Problem::error(node.span, message));
                None
            }
            several => {
                let message = format!("`on` has one of {}, not several", quoted(several));
                self.problem(Problem::error(node.span, message));
                None
            }
        }
    }

    fn trigger(&mut self, node: &Node) -> Option<On> {
        let fields = self.fields(node, "on with a trigger", &TRIGGER_KEYS)?;
        let named = fields.value("trigger")?;
        let name = self.pair(named, "trigger");
        let connection = self.optional_text(&fields, "connection");
        let poll = fields.value("poll").map(|node| self.poll(node));
        let with = fields.value("with");
        let template = with.map_or(Some(Value::Object(serde_json::Map::new())), |with| {
            let value = self.object(with)?;
            let template = self.template(with, &value)?;
            if let Some(used) = template.uses().first() {
                let span = used_span(with, used);
                self.problem(
                    Problem::error(span, "an expression in a trigger's settings")
                        .help("write the value out; there is no event yet"),
                );
            }
            // Rendered without anything to name: what is left are literals with their escapes replaced.
            let nothing = Value::Null;
            template.render(&Scope::new(&nothing, [], "", "")).ok().or(Some(value))
        });
        let (connector, trigger) = name?;
        Some(On::Trigger(TriggerBinding {
            connector,
            trigger,
            connection,
            with: template?,
            poll: match poll {
                Some(poll) => Some(poll?),
                None => None,
            },
            places: places(named, &fields),
        }))
    }

    fn webhook(&mut self, node: &Node) -> Option<On> {
        let fields = self.fields(node, "on with a webhook", &WEBHOOK_KEYS)?;
        let scheme = fields.value("webhook")?;
        let connection = self.optional_text(&fields, "connection");
        let slot =
            fields.value("slot").map_or(Some("secret"), |node| self.text(node, "`slot`")).map(str::to_owned);
        let header = fields.value("header").and_then(|node| self.header(node));
        let prefix = self.optional_text(&fields, "prefix").unwrap_or_default();
        let delivery_id_header = fields.value("delivery-id-header").and_then(|node| self.header(node));
        let unused: &[&str] = match self.text(scheme, "`webhook`")? {
            "hmac-sha256" => &[],
            "standard-webhooks" => &["header", "prefix"],
            "unsigned" => &["connection", "slot", "header", "prefix"],
            other => {
                self.unknown_scheme(scheme, other);
                return None;
            }
        };
        let kind = self.text(scheme, "`webhook`")?;
        for entry in unused.iter().filter_map(|key| fields.entry(key)) {
            self.problem(Problem::error(
                entry.key_span,
                format!("`{}` means nothing with webhook: {kind}", entry.key),
            ));
        }
        if kind != "unsigned" && fields.value("connection").is_none() {
            let problem = Problem::error(
                scheme.span,
                format!("webhook: {kind} needs a connection that holds the secret"),
            );
            self.problem(problem.help("add `connection: NAME`"));
        }
        let verification = match kind {
            "hmac-sha256" => {
                self.require(&fields, "header", "webhook: hmac-sha256")?;
                Verification::HmacSha256 { header: header?, prefix, slot: slot? }
            }
            "standard-webhooks" => Verification::StandardWebhooks { slot: slot? },
            _ => Verification::Unsigned,
        };
        Some(On::Webhook(WebhookBinding {
            verification,
            connection,
            delivery_id_header,
            places: places(scheme, &fields),
        }))
    }

    fn unknown_scheme(&mut self, at: &Node, scheme: &str) {
        let schemes = ["hmac-sha256", "standard-webhooks", "unsigned"];
        let problem = Problem::error(at.span, format!("unknown verification `{}`", shortened(scheme)));
        let problem = problem.did_you_mean(suggest(scheme, schemes));
        self.problem(problem.note(format!("there is: {}", schemes.join(", "))));
    }

    fn header(&mut self, node: &Node) -> Option<String> {
        let name = self.text(node, "a header's name")?;
        // token, RFC 9110 section 5.6.2
        let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.chars().all(fits) {
            return Some(name.to_ascii_lowercase());
        }
        self.problem(Problem::error(node.span, format!("`{}` is no header's name", shortened(name))));
        None
    }
}

/// Keys as a message names them.
fn quoted(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}
