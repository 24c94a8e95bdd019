//! The command line: what there is, in one place.

use clap::{Parser, Subcommand};

use crate::{commands, exit::Exit};

/// Runs third-party integrations safely: connectors in a sandbox, flows that survive a crash.
#[derive(Parser, Debug)]
#[command(name = "wharf", version, max_term_width = 120, after_help = after_help(), subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// Print JSON, and nothing else, on stdout.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the server.
    Serve(commands::serve::Args),
    /// Build a connector from its source.
    Build(commands::build::Args),
    /// Show what a connector file is and asks for, without running it.
    Inspect(commands::inspect::Args),
    /// Call one action of a connector file in the sandbox, without a server.
    Call(commands::call::Args),
    /// Install, list, grant, upgrade and remove connectors.
    Connector(commands::connector::Args),
    /// Connect accounts, and test and remove them.
    Connection(commands::connection::Args),
    /// Apply, check, list and start flows.
    Flow(commands::flow::Args),
    /// Look after schedules and polls: when, from where, and what went wrong.
    Trigger(commands::trigger::Args),
    /// List, show and replay runs.
    Run(commands::run::Args),
    /// Look after what failed for good.
    DeadLetter(commands::dead_letter::Args),
    /// Read the audit log, and check that it and the journals are what was written.
    Audit(commands::audit::Args),
    /// Look after the master key that wraps every secret.
    Secrets(commands::secrets::Args),
    /// Find out which protections are active on this machine.
    Doctor(commands::doctor::Args),
    /// See it all work, on this machine, in under a minute.
    Demo(commands::demo::Args),
    /// Compiles a component from stdin to stdout: the sandbox starts this, nobody else does.
    #[command(name = "__compile", hide = true)]
    Compile,
}

fn after_help() -> String {
    format!(
        "EXAMPLES
  wharf demo
  wharf build plugins/slack
  wharf serve --data-dir wharf-data

{}

Styles appear on a terminal only; NO_COLOR takes them away there too.",
        Exit::table()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// Every `wharf …` line under EXAMPLES in every help must parse.
    #[test]
    fn examples_parse() {
        fn collect(command: &clap::Command, lines: &mut Vec<String>) {
            if command.is_hide_set() || command.get_name() == "help" {
                return;
            }
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = after.split("EXAMPLES\n").nth(1);
            assert!(examples.is_some(), "`{}` has no EXAMPLES", command.get_name());
            let text = examples.unwrap_or_default();
            lines.extend(text.lines().take_while(|line| !line.is_empty()).map(|line| line.trim().to_owned()));
            for sub in command.get_subcommands() {
                collect(sub, lines);
            }
        }
        let mut lines = Vec::new();
        let mut command = Cli::command();
        command.build();
        collect(&command, &mut lines);
        assert!(lines.len() > 25, "{lines:#?}");
        for line in lines {
            // Longer ones would be wrapped, and no longer run as printed.
            assert!(line.chars().count() <= 96, "{line}");
            // A redirection is the shell's business.
            let words = shell_words(line.split(" < ").next().unwrap_or_default());
            if let Err(error) = Cli::try_parse_from(&words) {
                assert!(!error.use_stderr(), "{line}\n{error}");
            }
        }
    }

    /// Splits as a shell does, for single and double quotes.
    fn shell_words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
        for character in line.chars() {
            match (quote, character) {
                (None, '\'' | '"') => quote = Some(character),
                (Some(open), _) if open == character => quote = None,
                (None, ' ') => words.push(std::mem::take(&mut word)),
                _ => word.push(character),
            }
        }
        words.push(word);
        words
    }
}
