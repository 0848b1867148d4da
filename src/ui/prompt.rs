//! Questions, asked only where a person can see and answer them.

use anyhow::Result;
use dialoguer::Confirm;

use super::problem::Problem;
use super::term::Ui;

/// Asks a yes/no question; Enter is yes. `--yes` answers it; without a terminal the missing answer is an
/// error that names the flag, never a hang.
///
/// # Errors
/// Without a terminal, or when the terminal fails or is interrupted.
pub fn confirm(ui: &Ui, question: &str) -> Result<bool> {
    ask(ui, question, true)
}

/// The same before something is removed; Enter is no.
///
/// # Errors
/// As [`confirm`].
pub fn confirm_removal(ui: &Ui, question: &str) -> Result<bool> {
    ask(ui, question, false)
}

fn ask(ui: &Ui, question: &str, usual: bool) -> Result<bool> {
    if ui.yes {
        return Ok(true);
    }
    if !ui.interactive {
        return Err(Problem::usage(format!("a question needs an answer: {question}"))
            .hint("there is no terminal to ask on; pass --yes to agree")
            .into());
    }
    Confirm::new().with_prompt(question).default(usual).interact().map_err(|_| Problem::interrupted().into())
}
