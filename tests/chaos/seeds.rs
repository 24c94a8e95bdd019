//! Many simulated worlds, on all cores.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{task::JoinSet, time::Instant};

use crate::{
    bed,
    simulation::{Ground, Lived},
};

/// Lives through `count` worlds and tells what came of it.
pub(crate) async fn run(from: u64, count: u64) -> ExitCode {
    let connector = std::fs::read(&bed::connectors().await.slack).unwrap();
    let ground = Arc::new(Ground::make(connector).await);
    let (next, broken) = (Arc::new(AtomicU64::new(from)), Arc::new(AtomicBool::new(false)));
    let began = Instant::now();
    let mut threads = JoinSet::new();
    for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
        let (ground, next, broken) = (Arc::clone(&ground), Arc::clone(&next), Arc::clone(&broken));
        threads.spawn_blocking(move || {
            let mut all = Lived::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= from + count || broken.load(Ordering::Relaxed) {
                    return all;
                }
                match ground.prove(seed) {
                    Ok(lived) => add(&mut all, lived),
                    Err(why) => {
                        broken.store(true, Ordering::Relaxed);
                        println!("{why}");
                        return all;
                    }
                }
                if (seed - from) % 5_000 == 4_999 {
                    println!("{} worlds, {:.0} s", seed - from + 1, began.elapsed().as_secs_f64());
                }
            }
        });
    }
    let mut all = Lived::default();
    while let Some(lived) = threads.join_next().await {
        add(&mut all, lived.unwrap());
    }
    println!(
        "seeds {from} to {}, {:.0} s: {} runs, {} starts, {} commits, {} requests, {} messages; ends: {:?}",
        from + count - 1,
        began.elapsed().as_secs_f64(),
        all.runs,
        all.starts,
        all.commits,
        all.requests,
        all.messages,
        all.ends
    );
    if broken.load(Ordering::Relaxed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn add(all: &mut Lived, one: Lived) {
    all.runs += one.runs;
    all.starts += one.starts;
    all.commits += one.commits;
    all.requests += one.requests;
    all.messages += one.messages;
    let ends: BTreeMap<String, u64> = one.ends;
    for (end, count) in ends {
        *all.ends.entry(end).or_default() += count;
    }
}
