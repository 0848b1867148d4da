//! Lines of a production config that run otherwise here.

use crate::ui::term::Ui;

/// Shows each pair once: as generated, and as it runs.
pub fn show(ui: &Ui, rewritten: &[(String, String)]) {
    let mut shown: Vec<&(String, String)> = Vec::new();
    for pair in rewritten {
        if !shown.contains(&pair) {
            shown.push(pair);
        }
    }
    ui.note(&format!("{} lines run otherwise here, for want of root and of the server itself:", rewritten.len()));
    for (generated, runs) in shown {
        ui.dim(&format!("  - {generated}"));
        for line in runs.lines().filter(|line| !line.trim().is_empty()) {
            ui.dim(&format!("  + {}", line.trim()));
        }
    }
}
