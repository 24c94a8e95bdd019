//! Webhook to done, durable: in this process without HTTP, and through a real server.
//!
//! `cargo bench -p wharf-benches --bench flow` measures both. With `-- drive ADDR KEY-FILE CALLERS SECONDS` it loads a
//! server that runs already, which is how `rss.sh` weighs one.

#![expect(clippy::print_stdout, reason = "figures are what a bench is for")]

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wharf_benches::{
    engine::Bed,
    flows, guest,
    http::{Delivered, Server},
    load::{Span, closed_loop},
    memory,
};
use wharf_server::{Config, ServeOptions, config::Override};

/// Callers at once.
const CONCURRENCY: [usize; 3] = [1, 32, 128];

fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = Runtime::new()?;
    match words.as_slice() {
        [] => {
            let connector = runtime.block_on(guest::build())?;
            runtime.block_on(in_process(connector.clone()))?;
            runtime.block_on(over_http(&connector))
        }
        ["engine"] => runtime.block_on(async { in_process(guest::build().await?).await }),
        ["http"] => runtime.block_on(async { over_http(&guest::build().await?).await }),
        ["drive", addr, key_file, callers, seconds] => {
            runtime.block_on(drive(addr, Path::new(key_file), callers, seconds))
        }
        _ => bail!("it takes nothing, `engine`, `http`, or `drive ADDR KEY-FILE CALLERS SECONDS`"),
    }
}

/// On the disk that the build is on: a file system in memory would have no fsync.
fn directory() -> Result<TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// From `accept` to the notice that the run has ended.
async fn in_process(connector: Vec<u8>) -> Result<()> {
    let dir = directory()?;
    let bed = Arc::new(Bed::start(dir.path(), connector).await?);
    println!("webhook accepted to run done, in process, fsync on");
    for (flow, _) in flows::all() {
        for callers in CONCURRENCY {
            let bed = Arc::clone(&bed);
            let ids = format!("{flow}-{callers}");
            let measured = closed_loop(
                callers,
                Span::default(),
                async |caller| Ok(caller),
                move |caller, count| {
                    let (bed, id) = (Arc::clone(&bed), format!("{ids}-{caller}-{count}"));
                    async move {
                        bed.run(flow, id).await?;
                        Ok(caller)
                    }
                },
            )
            .await?;
            println!("  {flow:8} {callers:>4} callers  {measured}   load {}", memory::load_average());
        }
    }
    tell_memory();
    if let Some(bed) = Arc::into_inner(bed) {
        bed.stop().await;
    }
    Ok(())
}

/// The same through `POST /webhooks/…`: signed, verified over the raw bytes, answered when durable.
async fn over_http(connector: &[u8]) -> Result<()> {
    let dir = directory()?;
    let set =
        |key: &str, value: String| Override { key: key.to_owned(), value, origin: "the bench".to_owned() };
    let settings = [
        set("listen", "127.0.0.1:0".to_owned()),
        set("data-dir", dir.path().join("data").display().to_string()),
    ];
    let running = wharf_server::serve(Config::load(None, &settings)?, ServeOptions::default()).await?;
    let key = running.admin_key().context("a fresh server makes an admin key")?.key.clone();
    let server = Server { addr: running.addr(), key };
    server.set_up(connector).await?;
    println!("signed webhook over HTTP, client in the same process, fsync on");
    for (flow, _) in flows::all() {
        for callers in CONCURRENCY {
            tell(flow, callers, &server.deliver(flow, callers, Span::default()).await?);
        }
    }
    tell_memory();
    running.shutdown().await;
    Ok(())
}

/// Loads a server in another process with the mapping flow.
async fn drive(addr: &str, key_file: &Path, callers: &str, seconds: &str) -> Result<()> {
    let addr: SocketAddr = addr.parse().with_context(|| format!("`{addr}` is no address"))?;
    let key = std::fs::read_to_string(key_file).with_context(|| format!("{}", key_file.display()))?;
    let server = Server { addr, key: key.trim().to_owned() };
    server.set_up(&guest::build().await?).await?;
    let span = Span { measured: Duration::from_secs(seconds.parse()?), ..Span::default() };
    let callers = callers.parse()?;
    for (flow, _) in flows::all() {
        tell(flow, callers, &server.deliver(flow, callers, span).await?);
    }
    Ok(())
}

fn tell(flow: &str, callers: usize, delivered: &Delivered) {
    let Delivered { accepted, done_rate, mean } = delivered;
    let mean = mean.as_secs_f64() * 1e3;
    println!(
        "  {flow:8} {callers:>4} callers  202: {accepted}   done: {done_rate:.0}/s, mean {mean:.2} ms   load {}",
        memory::load_average()
    );
}

fn tell_memory() {
    let (now, peak) = memory::resident();
    println!("  resident: {now} MB, at most {peak} MB (this process, its callers included)");
}
