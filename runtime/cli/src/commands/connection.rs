//! `wharf connection`: accounts, whose secrets go in and never come out.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::{
    client::{Body, Client, Target},
    exit::Exit,
    inert::inert,
    input,
    output::Output,
    render::{
        self, failure,
        style::{bad, good, strong, typed},
    },
    view,
};

/// Arguments of `wharf connection`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf connection add acme-slack --connector slack --secret token=env:SLACK_TOKEN
  wharf connection test acme-slack
  wharf connection list")]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Connect an account; one of the same name is replaced.
    #[command(after_help = "EXAMPLES
  wharf connection add acme-slack --connector slack --secret token=env:SLACK_TOKEN
  wharf connection add acme --connector github --secret token=@t --secret webhook-secret=env:HOOK
  wharf connection add own --connector github --setting api-url=https://x.test/v3 --secret token=-")]
    Add {
        /// What flows call it.
        name: String,
        /// The installed connector.
        #[arg(long)]
        connector: String,
        /// The way to connect, where the connector offers several.
        #[arg(long)]
        method: Option<String>,
        /// A setting that is no secret; may be repeated.
        #[arg(long, value_name = "NAME=VALUE")]
        setting: Vec<String>,
        /// A secret by its slot: `SLOT=env:NAME`, `SLOT=@file`, `SLOT=-` for stdin. `SLOT=value` works, and
        /// leaves the value in your shell's history.
        #[arg(long, value_name = "SLOT=VALUE")]
        secret: Vec<String>,
    },
    /// The connections, without their secrets.
    #[command(after_help = "EXAMPLES
  wharf connection list")]
    List,
    /// Ask the provider whether the credential works; exits 1 if it does not.
    #[command(after_help = "EXAMPLES
  wharf connection test acme-slack")]
    Test {
        /// The connection.
        name: String,
    },
    /// Forget an account and its secrets.
    #[command(after_help = "EXAMPLES
  wharf connection remove acme-slack")]
    Remove {
        /// The connection.
        name: String,
    },
}

pub(crate) async fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    let client = Client::new(&args.target)?;
    match args.what {
        What::Add { name, connector, method, setting, secret } => {
            let secrets: Map<String, Value> = secret
                .iter()
                .map(|given| input::secret(given).map(|(slot, value)| (slot, Value::String(value))))
                .collect::<Result<_, _>>()?;
            let mut body = json!({ "name": name, "connector": connector, "settings": input::settings(&setting)?, "secrets": secrets });
            if let (Some(object), Some(method)) = (body.as_object_mut(), method) {
                object.insert("method".to_owned(), Value::String(method));
            }
            let answer = client.post(&["connections"], &[], Body::Json(body)).await?;
            let told = format!(
                "{} {} connected\n  try it   {}",
                good("ok"),
                strong(inert(&name)),
                typed(format!("wharf connection test {}", inert(&name)))
            );
            output.answer(&told, &answer);
        }
        What::List => {
            let answer = client.get(&["connections"], &[]).await?;
            output.answer(&render::list::connections(&view::items(&answer)?), &answer);
        }
        What::Test { name } => return test(&client, &name, output).await,
        What::Remove { name } => {
            let answer = client.delete(&["connections", &name]).await?;
            output.answer(&format!("{} {} removed", good("ok"), strong(inert(&name))), &answer);
        }
    }
    Ok(Exit::Ok)
}

async fn test(client: &Client, name: &str, output: &mut Output) -> Result<Exit> {
    let answer = client.post(&["connections", name, "test"], &[], Body::None).await?;
    output.json(&answer);
    if let Some(failure) = answer.get("failure").filter(|failure| !failure.is_null()) {
        let failure: view::Failure = view::read(failure)?;
        output.text(&format!(
            "{} {}  {}\n{}",
            bad("failed:"),
            strong(inert(name)),
            failure::headline(&failure),
            failure::detail(&failure)
        ));
        return Ok(Exit::Failed);
    }
    let identity = answer.get("identity").unwrap_or(&answer);
    let scopes: Vec<String> =
        identity.get("scopes").and_then(|scopes| view::read(scopes).ok()).unwrap_or_default();
    output.text(&render::connector::identity(name, &render::list::cell(identity, "label"), &scopes));
    Ok(Exit::Ok)
}
