//! What an upgrade changes. It *widens* when the new version could do something to the world that
//! an operator's earlier yes does not speak of. A new action within the addresses that were asked
//! for before does not: no flow calls it until a person writes that flow; so it is a note.

use serde::Serialize;
use wharf_model::{
    egress::{Rule, uncovered},
    manifest::{Action, AuthMethod, EgressRequest, Manifest, Slot, Trigger, TriggerSource, Verification},
};

use crate::{
    json::inert,
    permission::{
        call_line, effect_words, keep_line, reveal_line, reveal_lines, scratch_line, trigger_line, use_line,
        weight,
    },
    words::in_bytes,
};

/// Where a change leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// It may do more: an operator must say yes again.
    Widens,
    /// It may do less.
    Narrows,
    /// Neither; good to know.
    Note,
}

impl Direction {
    /// The stable kebab-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Widens => "widens",
            Self::Narrows => "narrows",
            Self::Note => "note",
        }
    }
}

/// One change, in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PermissionChange {
    /// Where it leads.
    pub direction: Direction,
    /// As in [`crate::permissions`].
    pub line: String,
}

/// What an upgrade changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PermissionDiff {
    /// In the order of the manifest.
    pub changes: Vec<PermissionChange>,
}

impl PermissionDiff {
    /// Whether an operator must be asked again.
    #[must_use]
    pub fn widens(&self) -> bool {
        self.changes.iter().any(|change| change.direction == Direction::Widens)
    }

    /// The changes for a terminal: `+ …` widens, `- …` narrows, `~ …` is a note.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let sign = |direction| match direction {
            Direction::Widens => '+',
            Direction::Narrows => '-',
            Direction::Note => '~',
        };
        self.changes.iter().map(|change| format!("{} {}", sign(change.direction), change.line)).collect()
    }

    fn push(&mut self, direction: Direction, line: impl AsRef<str>) {
        self.changes.push(PermissionChange { direction, line: inert(line.as_ref()) });
    }
}

/// What changes when `new` takes the place of `old`.
#[must_use]
pub fn diff(old: &Manifest, new: &Manifest) -> PermissionDiff {
    let mut diff = PermissionDiff::default();
    egress(&mut diff, old, new);
    let store = |manifest: &Manifest| manifest.store.as_ref().map_or(0, |store| store.max_bytes);
    amount(&mut diff, store(old), store(new), keep_line);
    let scratch = |manifest: &Manifest| manifest.scratch.as_ref().map_or(0, |scratch| scratch.max_bytes);
    amount(&mut diff, scratch(old), scratch(new), scratch_line);
    auth(&mut diff, old, new);
    triggers(&mut diff, old, new);
    actions(&mut diff, old, new);
    diff
}

fn egress(diff: &mut PermissionDiff, old: &Manifest, new: &Manifest) {
    for request in beyond(&old.egress, &new.egress) {
        diff.push(Direction::Widens, call_line(new, &request));
    }
    for request in beyond(&new.egress, &old.egress) {
        diff.push(Direction::Narrows, call_line(old, &request));
    }
}

/// What `wanted` asks for and `held` does not. A request that is no rule is never held.
fn beyond(held: &[EgressRequest], wanted: &[EgressRequest]) -> Vec<EgressRequest> {
    let rules: Vec<Rule> = held.iter().filter_map(|request| Rule::parse(request).ok()).collect();
    let missing = |request: &EgressRequest| match Rule::parse(request) {
        Ok(rule) => uncovered(&rules, &[rule]),
        Err(_) if held.contains(request) => Vec::new(),
        Err(_) => vec![request.clone()],
    };
    wanted.iter().flat_map(missing).collect()
}

/// A number of bytes that is asked for; 0 asks for nothing.
fn amount(diff: &mut PermissionDiff, before: u64, after: u64, line: impl Fn(u64) -> String) {
    match (before, after) {
        (before, after) if before == after => {}
        (0, after) => diff.push(Direction::Widens, line(after)),
        (before, 0) => diff.push(Direction::Narrows, line(before)),
        (before, after) => {
            let direction = if after > before { Direction::Widens } else { Direction::Narrows };
            diff.push(direction, format!("{}, {} before", line(after), in_bytes(before)));
        }
    }
}

fn auth(diff: &mut PermissionDiff, old: &Manifest, new: &Manifest) {
    for (name, method) in &new.auth {
        match old.auth.get(name) {
            None => {
                diff.push(Direction::Widens, use_line(name, method));
                for line in reveal_lines(name, method) {
                    diff.push(Direction::Widens, line);
                }
            }
            Some(before) => method_changes(diff, name, before, method),
        }
    }
    for (name, method) in old.auth.iter().filter(|(name, _)| !new.auth.contains_key(*name)) {
        diff.push(Direction::Narrows, use_line(name, method));
    }
}

fn method_changes(diff: &mut PermissionDiff, name: &str, old: &AuthMethod, new: &AuthMethod) {
    if old.placement != new.placement || old.client_certificate != new.client_certificate {
        diff.push(Direction::Widens, format!("{}; placed otherwise before", use_line(name, new)));
    }
    for slot in new.slots.keys().filter(|slot| !old.slots.contains_key(*slot)) {
        diff.push(Direction::Widens, format!("use a new secret `{slot}` ({name})"));
    }
    for slot in old.slots.keys().filter(|slot| !new.slots.contains_key(*slot)) {
        diff.push(Direction::Narrows, format!("use the secret `{slot}` ({name})"));
    }
    for (slot, about) in &new.slots {
        slot_changes(diff, (name, slot), old.slots.get(slot), about);
    }
    audience_changes(diff, name, old, new);
}

/// What may newly be done with a secret besides placing it. To read it is asked for again with each
/// new reason.
fn slot_changes(diff: &mut PermissionDiff, (name, slot): (&str, &str), old: Option<&Slot>, new: &Slot) {
    let hashed = old.is_some_and(|old| old.hmac);
    if new.hmac != hashed {
        let direction = if new.hmac { Direction::Widens } else { Direction::Narrows };
        diff.push(direction, format!("use the secret `{slot}` ({name}) for signatures that it asks for"));
    }
    let before = old.and_then(|old| old.reveal.as_ref());
    match (before, &new.reveal) {
        (before, Some(reason)) if before != Some(reason) => {
            diff.push(Direction::Widens, reveal_line(name, slot, reason));
        }
        (Some(reason), None) => diff.push(Direction::Narrows, reveal_line(name, slot, reason)),
        (None | Some(_), None | Some(_)) => {}
    }
}

/// An empty audience follows `egress`, whose own changes are reported.
fn audience_changes(diff: &mut PermissionDiff, name: &str, old: &AuthMethod, new: &AuthMethod) {
    if new.audience.is_empty() && !old.audience.is_empty() {
        diff.push(
            Direction::Widens,
            format!("have the credential ({name}) sent to every address that it may call"),
        );
        return;
    }
    if old.audience.is_empty() && !new.audience.is_empty() {
        diff.push(
            Direction::Note,
            format!("have the credential ({name}) sent to {} only", new.audience.join(", ")),
        );
        return;
    }
    let as_requests = |urls: &[String]| -> Vec<EgressRequest> {
        urls.iter().map(|url| EgressRequest { url: url.clone(), methods: vec!["GET".to_owned()] }).collect()
    };
    let (before, after) = (as_requests(&old.audience), as_requests(&new.audience));
    for request in beyond(&before, &after) {
        diff.push(Direction::Widens, format!("have the credential ({name}) sent to {}", request.url));
    }
    for request in beyond(&after, &before) {
        diff.push(Direction::Narrows, format!("have the credential ({name}) sent to {}", request.url));
    }
}

fn triggers(diff: &mut PermissionDiff, old: &Manifest, new: &Manifest) {
    for (name, trigger) in &new.triggers {
        let line = trigger_line(name, &trigger.source);
        match old.triggers.get(name) {
            None if unsigned(trigger) => diff.push(Direction::Widens, line),
            None => diff.push(Direction::Note, line),
            Some(before) if before.source == trigger.source => {}
            Some(before) if unsigned(trigger) && !unsigned(before) => diff.push(Direction::Widens, line),
            Some(_) => diff.push(Direction::Note, line),
        }
    }
    for (name, trigger) in old.triggers.iter().filter(|(name, _)| !new.triggers.contains_key(*name)) {
        diff.push(Direction::Narrows, trigger_line(name, &trigger.source));
    }
}

fn unsigned(trigger: &Trigger) -> bool {
    match &trigger.source {
        TriggerSource::Webhook(hook) => hook.verification == Verification::Unsigned,
        TriggerSource::Poll { .. } => false,
    }
}

fn actions(diff: &mut PermissionDiff, old: &Manifest, new: &Manifest) {
    for (name, action) in &new.actions {
        match old.actions.get(name) {
            None => diff.push(
                Direction::Note,
                format!("{} with the new action `{name}`", effect_words(action.effect)),
            ),
            Some(before) => action_changes(diff, name, before, action),
        }
    }
    for (name, action) in old.actions.iter().filter(|(name, _)| !new.actions.contains_key(*name)) {
        diff.push(
            Direction::Narrows,
            format!("{} with `{name}`; flows that use it must change", effect_words(action.effect)),
        );
    }
}

fn action_changes(diff: &mut PermissionDiff, name: &str, old: &Action, new: &Action) {
    let (before, after) = (weight(old.effect), weight(new.effect));
    if before != after {
        let direction = if after > before { Direction::Widens } else { Direction::Narrows };
        diff.push(
            direction,
            format!("{} with `{name}`, {} before", effect_words(new.effect), old.effect.name()),
        );
    }
    // A read that may newly POST reaches what its flow's author took for safe.
    for request in beyond(&old.reads, &new.reads) {
        diff.push(
            Direction::Widens,
            format!("read with `{name}` by {} {}", request.methods.join(", "), request.url),
        );
    }
    for scope in new.scopes.iter().filter(|scope| !old.scopes.contains(scope)) {
        diff.push(Direction::Widens, format!("need the provider's scope `{scope}` for `{name}`"));
    }
    for scope in old.scopes.iter().filter(|scope| !new.scopes.contains(scope)) {
        diff.push(Direction::Narrows, format!("need the provider's scope `{scope}` for `{name}`"));
    }
}
