//! What Apache wrote last, for the report of its end.

use std::collections::VecDeque;

use crate::ui::problem::Problem;

/// Lines that are kept.
const MOST: usize = 12;

/// The last lines.
#[derive(Default)]
pub struct LastWords(VecDeque<String>);

impl LastWords {
    /// Takes one more.
    pub fn remember(&mut self, text: String) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(text);
    }

    /// Apache can't be kept running; `how` it ended last.
    pub fn problem(&self, how: &str) -> Problem {
        let problem = Problem::findings(format!("Apache can't be kept running ({how})"));
        if self.0.is_empty() {
            return problem;
        }
        let lines: Vec<&str> = self.0.iter().map(String::as_str).collect();
        problem.detail(format!("it last said:\n  {}", lines.join("\n  ")))
    }
}
