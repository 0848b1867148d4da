//! Questions, asked only where a person can see and answer them.

use anyhow::Result;
use dialoguer::Confirm;

use super::problem::Problem;
use super::term::Ui;

/// Asks a yes/no question. `--yes` answers it; without a terminal the missing answer is an error
/// that names the flag, never a hang.
///
/// # Errors
/// Without a terminal, or when the terminal fails or is interrupted.
pub fn confirm(ui: &Ui, question: &str) -> Result<bool> {
    if ui.yes {
        return Ok(true);
    }
    if !ui.interactive {
        return Err(Problem::usage(format!("a question needs an answer: {question}"))
            .hint("there is no terminal to ask on; pass --yes to agree")
            .into());
    }
    Confirm::new().with_prompt(question).default(true).interact().map_err(|_| Problem::interrupted().into())
}
