//! `wharf audit`: who changed what, and whether the record of it is still what was written.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};
use wharf_server::{Archive, StoreError, Verified};

use crate::{
    client::{Client, Target},
    exit::{Exit, Fault},
    inert::inert,
    output::Output,
    render::{
        self,
        list::cell,
        style::{bad, good},
        units::plural,
    },
    view,
};

/// Damaged journals that are named; the rest is counted.
const NAMED: usize = 20;

/// Arguments of `wharf audit`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf audit list
  wharf audit verify
  wharf audit verify --offline --data-dir /var/lib/wharf")]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Who changed what, and what connectors were denied; newest first.
    #[command(after_help = "EXAMPLES
  wharf audit list
  wharf audit list --limit 200 --json
  wharf audit list --before 1204")]
    List {
        /// Only rows older than this one.
        #[arg(long, value_name = "ROW")]
        before: Option<u64>,
        /// How many.
        #[arg(long, default_value = "20", value_parser = clap::value_parser!(u16).range(1..=200))]
        limit: u16,
    },
    /// Check every chain of hashes: the audit log's, and the journal's of each run.
    #[command(after_help = "EXAMPLES
  wharf audit verify
  wharf audit verify --json
  wharf audit verify --offline --data-dir /var/lib/wharf

Each row carries a hash over the row before it, so one that was changed, moved, inserted or taken out shows. That the
whole log was replaced shows against a head that you keep elsewhere: note the one that is printed, and give it as
--known ROW:sha256:HASH later. Exits with 1 if anything is not what was written.")]
    Verify {
        /// A head that was printed earlier.
        #[arg(long, value_name = "HEAD")]
        known: Option<Verified>,
        /// Read the database in the data directory and ask no server; one may be at work on it.
        #[arg(long)]
        offline: bool,
    },
}

/// What the journals' chains say, all pages together.
#[derive(Debug, Default)]
struct Journals {
    runs: u64,
    entries: u64,
    damaged: Vec<Value>,
}

pub(crate) async fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    match args.what {
        What::List { before, limit } => {
            let client = Client::new(&args.target)?;
            let (limit, before) = (limit.to_string(), before.map(|row| row.to_string()));
            let mut asked = vec![("limit", limit.as_str())];
            asked.extend(before.as_deref().map(|row| ("before", row)));
            let answer = client.get(&["audit"], &asked).await?;
            output.answer(&render::list::audit(&view::items(&answer)?), &answer);
            Ok(Exit::Ok)
        }
        What::Verify { known, offline } => {
            let (log, journals) = if offline {
                read(&args.target, known, output)?
            } else {
                ask(&Client::new(&args.target)?, known, output).await?
            };
            Ok(tell(&log, &journals, output))
        }
    }
}

/// From the server.
async fn ask(client: &Client, known: Option<Verified>, output: &mut Output) -> Result<(Value, Journals)> {
    let known = known.map(|head| head.to_string());
    let asked: Vec<_> = known.iter().map(|head| ("known", head.as_str())).collect();
    let log = client.get(&["audit", "verify"], &asked).await?;
    let mut journals = Journals::default();
    let mut after: Option<String> = None;
    loop {
        let asked: Vec<_> = after.iter().map(|run| ("after", run.as_str())).collect();
        let page = client.get(&["audit", "verify", "journals"], &asked).await?;
        after = journals.add(&page, output)?;
        if after.is_none() {
            return Ok((log, journals));
        }
    }
}

/// From the file.
fn read(target: &Target, known: Option<Verified>, output: &mut Output) -> Result<(Value, Journals)> {
    let fault = |error: StoreError| Fault::new(Exit::Failed, "unreadable", error.to_string());
    let archive = Archive::open(&target.data_dir).map_err(|error| {
        fault(error).fix("--data-dir names the directory that `wharf serve` was started with")
    })?;
    let log = match archive.audit(known) {
        Ok(head) => json!({ "sound": true, "head": head.to_string(), "why": null }),
        Err(StoreError::Corrupt { what, reason }) => {
            json!({ "sound": false, "head": null, "why": format!("{what}: {reason}") })
        }
        Err(error) => return Err(fault(error).into()),
    };
    let mut journals = Journals::default();
    let mut after: Option<String> = None;
    loop {
        let page = archive.journals(after.as_deref()).map_err(fault)?;
        let damaged = page.damaged.iter().map(|one| json!({ "run": one.run, "why": one.why }));
        let damaged: Vec<Value> = damaged.collect();
        let page =
            json!({ "runs": page.runs, "entries": page.entries, "damaged": damaged, "next": page.next });
        after = journals.add(&page, output)?;
        if after.is_none() {
            return Ok((log, journals));
        }
    }
}

impl Journals {
    /// Adds a page; where the next one begins.
    fn add(&mut self, page: &Value, output: &mut Output) -> Result<Option<String>, Fault> {
        let page: view::JournalsPage = view::read(page)?;
        self.runs = self.runs.saturating_add(page.runs);
        self.entries = self.entries.saturating_add(page.entries);
        self.damaged.extend(page.damaged);
        if page.next.is_some() && output.watched() {
            output.note(&format!("{} checked", plural(self.runs, "journal")));
        }
        Ok(page.next)
    }
}

fn tell(log: &Value, journals: &Journals, output: &mut Output) -> Exit {
    let log_is_sound = log.get("sound").and_then(Value::as_bool) == Some(true);
    let sound = log_is_sound && journals.damaged.is_empty();
    let mark = |sound| if sound { good("ok") } else { bad("DAMAGED") };
    let about = if log_is_sound { format!("head {}", cell(log, "head")) } else { cell(log, "why") };
    let mut text = format!("{} audit log: {about}\n", mark(log_is_sound));
    let runs = plural(journals.runs, "run");
    text.push_str(&match journals.damaged.len() {
        0 => format!("{} journals: {runs}, {} entries\n", mark(true), journals.entries),
        count => format!("{} journals: {count} of {runs} are not what was written\n", mark(false)),
    });
    for one in journals.damaged.iter().take(NAMED) {
        text.push_str(&format!("  {}\n", inert(&cell(one, "why"))));
    }
    if journals.damaged.len() > NAMED {
        text.push_str("  and more: --json names all of them\n");
    }
    let document = json!({
        "sound": sound,
        "audit": log,
        "journals": { "runs": journals.runs, "entries": journals.entries, "damaged": journals.damaged },
    });
    output.answer(&text, &document);
    if sound { Exit::Ok } else { Exit::Failed }
}
