//! What the acts share: the processes, the clients, the record, and how a check is told.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    checkout::Checkout,
    child::{Launch, Server, tail},
    provider::Provider,
    summary::Summary,
};
use crate::{
    client::Client,
    commands::flow::follow,
    exit::{Exit, Fault},
    output::Output,
    render::{
        run::Follow,
        style::{faint, good, strong},
    },
    view,
};

/// The secret that the demo's GitHub signs with.
pub(super) const WEBHOOK_SECRET: &str = "a-secret-of-the-demo";
/// A run that takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(40);

/// The stage.
pub(super) struct Stage<'a> {
    pub(super) output: &'a mut Output,
    pub(super) checkout: Checkout,
    pub(super) dir: TempDir,
    pub(super) provider: Provider,
    pub(super) launch: Launch,
    pub(super) server: Server,
    pub(super) client: Client,
    pub(super) http: reqwest::Client,
    pub(super) summary: Summary,
}

/// An act's heading.
pub(super) fn heading(output: &mut Output, number: u8, title: &str) {
    output.text(&format!("\n{} {}", strong(number), strong(title)));
}

impl Stage<'_> {
    /// An act's heading; checks from here on belong to it.
    pub(super) fn act(&mut self, number: u8, title: &str) {
        heading(self.output, number, title);
        self.summary.act(title);
    }

    /// A line of the story.
    pub(super) fn say(&mut self, text: &str) {
        self.output.text(&format!("  {text}"));
    }

    /// Something that must hold for the story to be true; `otherwise` says what was found.
    pub(super) fn check(
        &mut self,
        holds: bool,
        what: &str,
        otherwise: impl FnOnce() -> String,
    ) -> Result<()> {
        self.summary.check(what, holds);
        if holds {
            self.output.text(&format!("  {} {what}", good("✓")));
            return Ok(());
        }
        let message = format!("act \"{}\": not so: {what}", self.summary.current());
        // The directory goes with the demo, so the end of the log is told here.
        let log = crate::inert::inert_lines(&tail(&self.launch.log));
        let found = crate::inert::inert_lines(&otherwise());
        let fault = Fault::new(Exit::Failed, "demo-check-failed", message)
            .detail(format!("  found: {found}\n{}", faint(log)));
        Err(fault.into())
    }

    /// Where deliveries for a flow go.
    pub(super) fn webhook(&self, flow: &str) -> String {
        format!("http://{}/webhooks/{flow}", self.server.addr)
    }

    /// The data directory.
    pub(super) fn data_dir(&self) -> &PathBuf {
        &self.launch.data_dir
    }

    /// Shows a run as it goes, to its end.
    pub(super) async fn follow(&mut self, run: &str) -> Result<view::Run> {
        let output = &mut *self.output;
        let document = follow(&self.client, run, PATIENCE, |line| output.text(line)).await?;
        let seen: view::Run = view::read(&document)?;
        if seen.finished_at.is_none() {
            let message = format!("run {run} did not end within {} s", PATIENCE.as_secs());
            return Err(Fault::new(Exit::Failed, "stuck", message).detail(document.to_string()).into());
        }
        self.output.text(&Follow::end(&seen));
        self.summary.run(&seen);
        Ok(seen)
    }

    /// How many runs there are.
    pub(super) async fn count_runs(&self) -> Result<usize> {
        let runs = self.client.get(&["runs"], &[("limit", "200")]).await?;
        Ok(runs.get("items").and_then(Value::as_array).map_or(0, Vec::len))
    }

    /// A client with the key that the server wrote.
    pub(super) fn client_for(server: &Server, launch: &Launch) -> Result<Client> {
        let file = launch.data_dir.join("admin.key");
        let key = std::fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
        Ok(Client::at(&format!("http://{}", server.addr), key.trim())?)
    }
}
