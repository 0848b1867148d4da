//! Changed settings of a running `djwsgi dev`.

use std::sync::mpsc::Sender;

use super::prepared::Prepared;
use crate::answers::Answers;
use crate::cli::DevArgs;
use crate::dev::event::Event;
use crate::dev::harness::message::Variables;
use crate::dev::runtime::Runtime;
use crate::dev::settings::Reason;
use crate::interrupt;

const START_AGAIN: &str =
    "the address, the mount point, the variables or the Python changed: stop djwsgi dev and start it again";

/// Puts the config of changed settings in place, as often as there is a reason to look at them; the
/// server stays where it listens.
pub fn apply_saves(
    reasons: impl Iterator<Item = Reason>,
    args: &DevArgs,
    first: &Prepared,
    runtime: &Runtime,
    queue: &Sender<Event>,
) {
    let mut applied = first.fingerprint();
    let mut seen = first.fingerprint();
    let mut variables = Variables::new();
    let mut warnings = first.warnings.clone();
    // The queue ends with the server, and so does the watch.
    let tell = |event: Event| drop(queue.send(event));
    for reason in reasons {
        if interrupt::requested() {
            return;
        }
        let lost = runtime.restore();
        let answers = Answers::asked();
        let made = Prepared::make(args, &first.site.root, runtime, Some(first.listen), &answers);
        if interrupt::requested() {
            return;
        }
        answers.save_in(&runtime.state);
        let prepared = match made {
            Ok(prepared) => prepared,
            // What is wrong with the site is told where it is loaded.
            Err(_) if reason == Reason::Recalled => continue,
            Err(error) => {
                tell(Event::Rejected(error));
                continue;
            }
        };
        let changed = prepared.changed_variables(first);
        if changed != variables {
            variables.clone_from(&changed);
            tell(Event::Environment(changed));
        }
        prepared
            .warnings
            .iter()
            .filter(|warning| !warnings.contains(warning))
            .for_each(|warning| tell(Event::Warning(warning.clone())));
        warnings.clone_from(&prepared.warnings);
        let same = prepared.fingerprint() == std::mem::replace(&mut seen, prepared.fingerprint());
        if !lost && (same || seen == applied) {
            continue;
        }
        if prepared.needs_restart(first) {
            tell(Event::Warning(START_AGAIN.to_owned()));
            continue;
        }
        match prepared.install(runtime).and_then(|()| prepared.reload_settings()) {
            Err(error) => tell(Event::Rejected(error)),
            Ok(reload) => {
                applied = prepared.fingerprint();
                tell(Event::Reconfigured(reload));
            }
        }
    }
}
