//! Reads what starts a run and is no event from outside: the clock, another flow, a person; and how a
//! trigger is polled.

use std::{sync::Arc, time::Duration};

use super::{
    AFTER_KEYS, Data, Fields, MANUAL_KEYS, Node, On, POLL_KEYS, Problem, Reader, SCHEDULE_KEYS, shortened,
    suggest,
};
use crate::{
    flow::{Ended, First, FlowBinding, InputValidator, ManualBinding, PollBinding, ScheduleBinding},
    retry::{MAX_DURATION, MAX_WAIT},
    schedule::{Cron, Fold, Gap, InvalidCron, MIN_INTERVAL, Missed, Schedule},
    template::check_zone,
    time::Timestamp,
};

/// The longest that a poll looks back, and that a fire is put off at random: a day.
const MAX_SPREAD: Duration = Duration::from_secs(24 * 3600);

impl Reader {
    pub(super) fn schedule(&mut self, node: &Node) -> Option<On> {
        let fields = self.fields(node, "on with a schedule", &SCHEDULE_KEYS)?;
        let missed =
            self.choice(&fields, "missed", &[Missed::Skip, Missed::Once, Missed::All].map(|m| (m.name(), m)));
        let jitter = self.duration_at_most(&fields, "jitter", MAX_SPREAD);
        let schedule = match fields.value("cron") {
            Some(pattern) => self.cron(pattern, &fields),
            None => self.interval(&fields),
        };
        Some(On::Schedule(ScheduleBinding {
            schedule: schedule?,
            missed: missed?,
            jitter: jitter?.unwrap_or_default(),
        }))
    }

    fn interval(&mut self, fields: &Fields<'_>) -> Option<Schedule> {
        let meaningless = ["zone", "gap", "fold"].iter().filter_map(|key| fields.entry(key));
        for entry in meaningless.collect::<Vec<_>>() {
            let message = format!("`{}` means nothing with `every`", entry.key);
            self.problem(Problem::error(entry.key_span, message).help("it goes with `cron`"));
        }
        let node = fields.value("every")?;
        let interval = self.duration(node, MAX_WAIT)?;
        if interval < MIN_INTERVAL {
            self.problem(Problem::error(node.span, "`every` is less than a second").help("write 1s or more"));
            return None;
        }
        Some(Schedule::Every(interval))
    }

    fn cron(&mut self, node: &Node, fields: &Fields<'_>) -> Option<Schedule> {
        let gap = self.choice(fields, "gap", &[Gap::Forward, Gap::Skip].map(|gap| (gap.name(), gap)));
        let fold = self.choice(fields, "fold", &[Fold::Once, Fold::Twice].map(|fold| (fold.name(), fold)));
        let zone = match fields.value("zone") {
            None => Some("UTC"),
            Some(zone) => self.zone(zone),
        };
        let pattern = self.text(node, "`cron`")?;
        match Cron::new(pattern, zone?, gap?, fold?) {
            Ok(cron) => Some(Schedule::Cron(Box::new(cron))),
            Err(error @ (InvalidCron::Pattern(_) | InvalidCron::Never | InvalidCron::Zone(_))) => {
                let problem = Problem::error(node.span, error.to_string());
                self.problem(problem.note("as in: \"30 2 * * MON-FRI\" (minute, hour, day, month, weekday)"));
                None
            }
        }
    }

    fn zone<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        let name = self.text(node, "`zone`")?;
        match check_zone(name) {
            Ok(()) => Some(name),
            Err(why) => {
                self.problem(Problem::error(node.span, why));
                None
            }
        }
    }

    pub(super) fn after_flow(&mut self, node: &Node) -> Option<On> {
        let fields = self.fields(node, "on with a flow", &AFTER_KEYS)?;
        let status =
            self.choice(&fields, "status", &[Ended::Done, Ended::Failed, Ended::Any].map(|e| (e.name(), e)));
        let flow = fields.value("flow").and_then(|node| self.flow_name(node));
        Some(On::Flow(FlowBinding { flow: flow?, status: status? }))
    }

    pub(super) fn manual(&mut self, node: &Node) -> Option<On> {
        let fields = self.fields(node, "on with manual", &MANUAL_KEYS)?;
        let schema = fields.value("manual")?;
        let value = self.object(schema)?;
        match InputValidator::of_schema(&value) {
            Ok(validator) => Some(On::Manual(ManualBinding { input: Some((value, Arc::new(validator))) })),
            Err(error) => {
                self.problem(Problem::error(schema.span, error.to_string()));
                None
            }
        }
    }

    pub(super) fn poll(&mut self, node: &Node) -> Option<PollBinding> {
        let fields = self.fields(node, "poll", &POLL_KEYS)?;
        let every = self.duration_at_most(&fields, "every", MAX_DURATION);
        let slowest = self.duration_at_most(&fields, "slowest", MAX_DURATION);
        let look_back = self.duration_at_most(&fields, "look-back", MAX_SPREAD);
        let first = fields.value("first").map_or(Some(First::Now), |node| self.first(node));
        let (every, slowest) = (every?, slowest?);
        if let (Some(every), Some(slowest), Some(entry)) = (every, slowest, fields.entry("slowest"))
            && slowest < every
        {
            let problem = Problem::error(entry.value.span, "`slowest` is faster than `every`");
            self.problem(problem.help("it is the interval while no events come"));
        }
        let (look_back, first) = (look_back?.unwrap_or_default(), first?);
        Some(PollBinding { every, slowest, look_back, first, span: node.span })
    }

    fn first(&mut self, node: &Node) -> Option<First> {
        match self.text(node, "`first`")? {
            "now" => Some(First::Now),
            "all" => Some(First::All),
            text => match Timestamp::parse(text) {
                Some(time) => Some(First::Since(time)),
                None => {
                    let message = format!("`{}` is neither `now`, `all` nor a time", shortened(text));
                    let problem =
                        Problem::error(node.span, message).did_you_mean(suggest(text, ["now", "all"]));
                    self.problem(problem.note("a time is written as 2026-11-21T19:13:12Z"));
                    None
                }
            },
        }
    }

    /// One of a few words; the default of its type without the key. None: there is one, and it is wrong.
    fn choice<T: Copy + Default>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        known: &[(&'static str, T)],
    ) -> Option<T> {
        let Some(node) = fields.value(key) else {
            return Some(T::default());
        };
        if let Data::Text(text) = &node.data
            && let Some((_, value)) = known.iter().find(|(name, _)| name == text)
        {
            return Some(*value);
        }
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let message = format!("`{key}` is one of {}", names.join(", "));
        let near = match &node.data {
            Data::Text(text) => suggest(text, names.iter().copied()),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::List(_) | Data::Map(_) => None,
        };
        self.problem(Problem::error(node.span, message).did_you_mean(near));
        None
    }

    fn duration_at_most(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        most: Duration,
    ) -> Option<Option<Duration>> {
        match fields.value(key) {
            None => Some(None),
            Some(node) => self.duration(node, most).map(Some),
        }
    }
}
