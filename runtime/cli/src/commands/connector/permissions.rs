//! `wharf connector permissions`: what it may do, what is tried out, and what it was denied.

use anyhow::Result;

use crate::{client::Client, exit::Exit, output::Output, render, view};

pub(crate) async fn execute(client: &Client, name: &str, history: bool, output: &mut Output) -> Result<Exit> {
    let answer = client.get(&["connectors", name, "permissions"], &[]).await?;
    let permissions: view::Permissions = view::read(&answer)?;
    let mut text = render::permission::show(&permissions);
    if history {
        text.push_str(&render::permission::history(&permissions));
    }
    output.answer(&text, &answer);
    Ok(Exit::Ok)
}
