//! Changed settings of a running `djwsgi dev`.

use std::sync::mpsc::Sender;

use super::prepared::Prepared;
use crate::answers::Answers;
use crate::cli::DevArgs;
use crate::dev::event::Event;
use crate::dev::harness::message::Variables;
use crate::dev::runtime::Runtime;
use crate::dev::settings::{Reason, Reasons};
use crate::interrupt;

/// Puts the config of changed settings in place, as often as there is a reason to look at them; the
/// server stays where it listens.
pub fn apply_saves(reasons: Reasons, args: &DevArgs, first: &Prepared, runtime: &Runtime, queue: &Sender<Event>) {
    let mut applied = first.fingerprint();
    let mut variables = Variables::new();
    for reason in reasons {
        let answers = Answers::renewed_in(&runtime.state);
        let made = Prepared::make(args, &first.site.root, runtime, Some(first.listen), &answers);
        answers.save();
        if let Ok(prepared) = &made {
            let changed = prepared.changed_variables(first);
            if changed != variables {
                variables.clone_from(&changed);
                let _ = queue.send(Event::Environment(changed));
            }
        }
        let event = match made {
            // What is wrong with the site is told where it is loaded.
            Err(_) if reason == Reason::Recalled => continue,
            Err(error) => Event::Rejected(error),
            Ok(_) if interrupt::requested() => return,
            Ok(prepared) if prepared.fingerprint() == applied => continue,
            Ok(prepared) if prepared.needs_restart(first) => Event::Warning(
                "the address, the mount point, the variables or the Python changed: stop djwsgi dev and start it again"
                    .to_owned(),
            ),
            Ok(prepared) => match prepared.install(runtime).and_then(|()| prepared.reload_settings()) {
                Err(error) => Event::Rejected(error),
                Ok(reload) => {
                    applied = prepared.fingerprint();
                    for warning in prepared.warnings {
                        let _ = queue.send(Event::Warning(warning));
                    }
                    Event::Reconfigured(reload)
                }
            },
        };
        // The queue ends with the server, and so does the watch.
        let _ = queue.send(event);
    }
}
