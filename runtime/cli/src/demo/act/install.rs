//! Act 3: nothing that a connector asks for is granted before a person says so.

use anyhow::Result;
use serde_json::json;
use wharf_model::grant::Limits;

use crate::{
    build::Built,
    client::Body,
    demo::stage::Stage,
    render::{
        connector::{Facts, asks, headline},
        style::faint,
    },
    view,
};

pub(in crate::demo) async fn play(stage: &mut Stage<'_>, built: &[Built]) -> Result<()> {
    stage.act(3, "Install, and grant what is asked for");
    for connector in built {
        install(stage, connector).await?;
    }
    // A hostile connector gets what it asks for, and little to do it with.
    let limits = json!({ "fuel": 200_000_000, "deadline-ms": 10_000, "memory-bytes": 16 << 20 });
    let document = stage.client.get(&["connectors", "hostile"], &[]).await?;
    let egress = document.pointer("/grant/egress").cloned().unwrap_or_default();
    stage
        .client
        .put(
            &["connectors", "hostile", "grant"],
            json!({ "egress": egress, "store-max-bytes": 0, "limits": limits }),
        )
        .await?;
    stage.say(&format!(
        "hostile may call one address, and use 200 M fuel and 16 MB a call {}",
        faint("(wharf connector grant)")
    ));
    Ok(())
}

async fn install(stage: &mut Stage<'_>, built: &Built) -> Result<()> {
    let wasm = std::fs::read(&built.file)?;
    let answer = stage.client.post(&["connectors"], &[("approve", "false")], Body::Wasm(wasm)).await?;
    let installed: view::Installed = view::read(&answer)?;
    let digest = built.digest.to_string();
    let facts = Facts {
        name: &built.name,
        version: &built.version,
        size: built.size,
        digest: &digest,
        asks: &built.permissions,
        ..Facts::default()
    };
    // One prompt in full, as `wharf connector install` shows it; the others in a line.
    if built.name == "slack" {
        for line in asks(&facts, &Limits::default()).lines() {
            stage.say(line);
        }
    } else {
        stage.say(&headline(&facts));
    }
    stage.check(
        installed.status == "held",
        &format!("{} is held until somebody says yes", built.name),
        || answer.to_string(),
    )?;
    // `http` asks for every host, which needs a yes of its own.
    let yes = json!({ "digest": digest, "review": installed.review, "any_host": installed.any_host });
    stage.client.post(&["connectors", &built.name, "approve"], &[], Body::Json(yes)).await?;
    let active: view::Connector = view::read(&stage.client.get(&["connectors", &built.name], &[]).await?)?;
    stage.check(
        active.digest.as_deref() == Some(&digest),
        &format!("{} is granted, and loaded while the server runs", built.name),
        || format!("{active:?}"),
    )
}
