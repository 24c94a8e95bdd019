//! Act 2: a provider in this process, a server in its own.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::{
    demo::{
        checkout::Checkout,
        child::{Launch, Server},
        provider::Provider,
        stage::{Stage, heading},
        summary::Summary,
    },
    output::Output,
    render::style::{faint, strong},
};

const TITLE: &str = "Start a provider and a server";

pub(in crate::demo) async fn play(
    checkout: Checkout,
    dir: TempDir,
    output: &mut Output,
) -> Result<Stage<'_>> {
    heading(output, 2, TITLE);
    let provider = Provider::start().await.context("the provider could not listen")?;
    let launch = Launch {
        program: std::env::current_exe().context("the path of this program is not known")?,
        data_dir: dir.path().join("data"),
        log: dir.path().join("server.log"),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        provider: provider.addr(),
        env: Vec::new(),
    };
    let server = Server::start(&launch).await?;
    let client = Stage::client_for(&server, &launch)?;
    // The same port after the crash: whoever delivers knows only one address.
    let launch = Launch { listen: server.addr, ..launch };
    let http = reqwest::Client::builder().no_proxy().tls_certs_only(std::iter::empty()).build()?;
    let mut summary = Summary::default();
    summary.act(TITLE);
    let mut stage = Stage { output, checkout, dir, provider, launch, server, client, http, summary };
    let provider = format!(
        "{} speaks Slack and GitHub, checks tokens and bodies, forgets nothing",
        strong(format!("http://{}", stage.provider.addr()))
    );
    stage.say(&provider);
    let server = format!(
        "{} wharf serve, process {} {}",
        strong(format!("http://{}", stage.server.addr)),
        stage.server.pid,
        faint(format!("data in {}", stage.data_dir().display()))
    );
    stage.say(&server);
    Ok(stage)
}
