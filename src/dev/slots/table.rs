//! Every state with everything that can happen.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Action, Depth, Failure, Happening, Id, Job, Phase, Plan, Reads, Role, Slot, Slots, Stage, Warmth, react};

const ROOT: Id = 1;
const WARM: Id = 2;
const DEEP: Id = 3;
const OLD: Id = 4;
const NEW: Id = 5;

fn views(content: &str) -> Reads {
    Reads::from([(PathBuf::from("/site/views.py"), Some(content.to_owned()))])
}

fn settings() -> Reads {
    Reads::from([(PathBuf::from("/site/settings.py"), Some("same".to_owned()))])
}

fn slots(now: Instant, depth: Depth, happenings: &[Happening]) -> Slots {
    let plan = Plan { processes: 1, depth, grace: Duration::from_secs(15) };
    happenings.iter().cloned().fold(Slots::new(plan, 0), |slots, happening| react(slots, happening, now).0)
}

fn connected(id: Id, parent: Id, role: Role) -> Happening {
    let pid = |id: Id| i32::try_from(id).unwrap() + 100;
    Happening::Connected { id, pid: pid(id), parent: pid(parent), role }
}

fn loaded(id: Id, content: &str, failure: Option<Failure>) -> Happening {
    Happening::Loaded { id, reads: views(content), failure }
}

fn changed(content: &str) -> Happening {
    Happening::Changed { contents: views(content), forced: false }
}

fn failure() -> Failure {
    Failure { title: "SyntaxError".to_owned(), file: String::new(), line: 1, detail: String::new() }
}

/// Histories that lead to every phase, with standbys of every kind.
fn histories() -> Vec<(&'static str, Vec<Happening>)> {
    let slot = |build| Role::Load(Slot { build, index: 0 });
    let root = connected(ROOT, 0, Role::Root);
    let held = Happening::Held { id: DEEP, at: "views".to_owned(), before: None, modules: 200, reads: settings() };
    let loading = vec![root.clone(), connected(DEEP, ROOT, slot(1)), held, connected(OLD, DEEP, slot(1))];
    let serving = [loading.clone(), vec![loaded(OLD, "one", None)]].concat();
    let failed = [loading.clone(), vec![loaded(OLD, "one", Some(failure()))]].concat();
    let warm = [
        serving.clone(),
        vec![
            Happening::Answered,
            Happening::Listed,
            connected(WARM, ROOT, Role::Warm),
            Happening::Held { id: WARM, at: String::new(), before: None, modules: 100, reads: Reads::new() },
        ],
    ]
    .concat();
    let building = [serving.clone(), vec![changed("two")]].concat();
    let rebuilding = [building.clone(), vec![connected(NEW, DEEP, slot(2))]].concat();
    let settling = [rebuilding.clone(), vec![changed("three")]].concat();
    let replaced = [rebuilding.clone(), vec![loaded(NEW, "two", None)]].concat();
    vec![
        ("waiting", vec![]),
        ("root", vec![root]),
        ("loading", loading),
        ("serving", serving),
        ("failed", failed),
        ("warm", warm),
        ("building", building),
        ("rebuilding", rebuilding),
        ("settling", settling),
        ("replaced", replaced),
    ]
}

fn happenings() -> Vec<Happening> {
    let mut all = vec![
        connected(9, 0, Role::Root),
        connected(9, ROOT, Role::Warm),
        connected(9, WARM, Role::Rehearse),
        connected(9, DEEP, Role::Load(Slot { build: 1, index: 0 })),
        connected(9, DEEP, Role::Load(Slot { build: 2, index: 0 })),
        Happening::Listed,
        Happening::Answered,
        Happening::Deadline,
        Happening::EverythingChanged("packages".to_owned()),
        changed("one"),
        changed("other"),
        Happening::Changed { contents: views("data"), forced: true },
    ];
    for id in [ROOT, WARM, DEEP, OLD, NEW] {
        all.extend([
            Happening::Held { id, at: "models".to_owned(), before: None, modules: 150, reads: settings() },
            loaded(id, "one", None),
            loaded(id, "two", Some(failure())),
            Happening::Read { id, reads: views("older") },
            Happening::Rehearsed { id, failed: true },
            Happening::Unfit(id),
            Happening::Exited {
                pid: i32::try_from(id).unwrap() + 100,
                how: "killed".to_owned(),
                role: Role::Load(Slot { build: 1, index: 0 }),
            },
            Happening::Gone(id),
        ]);
    }
    all
}

/// What holds of each step, whatever the state.
fn promises(before: &Slots, happening: &Happening, after: &Slots, actions: &[Action], now: Instant, context: &str) {
    let stage = |id: &Id| after.process(*id).map(|process| process.stage.clone());
    for action in actions {
        match action {
            Action::Go(id) => {
                assert!(after.is_valid(*id), "{context}");
                let asked = matches!(happening, Happening::Loaded { id: asked, .. } if asked == id);
                let newest = matches!(stage(id), Some(Stage::Serving(slot)) if slot.build == after.build());
                assert!(asked && newest, "{context}");
            }
            Action::Fork { from, job } => {
                assert!(after.process(*from).is_some_and(super::Process::is_standby), "{context}");
                assert!(after.is_valid(*from), "{context}");
                if let Job::Load { slot, .. } | Job::Page { slot, .. } = job {
                    assert_eq!(slot.build, after.build(), "{context}");
                }
            }
            Action::Spare(id) => {
                assert!(after.is_valid(*id) && matches!(stage(id), Some(Stage::Held(_))), "{context}");
            }
            Action::NewRoute => assert!(before.route_used && !after.route_used, "{context}"),
            Action::Kill(id) | Action::End(id) => assert_eq!(stage(id), Some(Stage::Ending), "{context}"),
            Action::Retire(id) => assert!(matches!(stage(id), Some(Stage::Retiring(_))), "{context}"),
            _ => {}
        }
        let ends = matches!(action, Action::Kill(ROOT) | Action::End(ROOT) | Action::Retire(ROOT));
        assert!(!ends || !matches!(before.process(ROOT).map(|root| &root.stage), Some(Stage::Root)), "{context}");
    }
    if let Phase::Settling(until) = after.phase {
        assert!(until > now && after.deadline().is_some(), "{context}");
        assert!(!after.route_used, "{context}");
    }
    if matches!(after.phase, Phase::Building { .. }) {
        let loads = |stage: &Stage| matches!(stage, Stage::Loading(slot) if slot.build == after.build());
        let at_work = after.processes.values().any(|process| loads(&process.stage)) || !after.awaited.is_empty();
        // A message that makes no sense may have turned the process into something else.
        let sense = !matches!(happening, Happening::Held { .. } | Happening::Rehearsed { .. });
        assert!(at_work || !sense, "{context}");
    }
}

#[test]
fn in_every_state_everything_that_happens_keeps_the_promises() {
    let now = Instant::now();
    for depth in [Depth::Off, Depth::Packages, Depth::Site] {
        for (name, history) in histories() {
            let before = slots(now, depth, &history);
            for happening in happenings() {
                let (after, actions) = react(before.clone(), happening.clone(), now);
                let context = format!("{depth:?} {name} × {happening:?} → {:?} {actions:?}", after.phase);
                promises(&before, &happening, &after, &actions, now, &context);
            }
        }
    }
}

#[test]
fn histories_reach_every_phase() {
    let now = Instant::now();
    let phases: Vec<Phase> = histories().iter().map(|(_, history)| slots(now, Depth::Site, history).phase).collect();
    assert!(phases.contains(&Phase::Waiting) && phases.contains(&Phase::Serving));
    assert!(phases.iter().any(|phase| matches!(phase, Phase::Settling(_))));
    assert!(phases.iter().any(|phase| matches!(phase, Phase::Building { .. })));
}

fn after(history: &str) -> Slots {
    let found = histories().into_iter().find(|(name, _)| *name == history).unwrap();
    slots(Instant::now(), Depth::Site, &found.1)
}

#[test]
fn a_save_renews_the_route_before_anything_else() {
    let (slots, actions) = react(after("serving"), changed("two"), Instant::now());
    assert_eq!(actions.first(), Some(&Action::NewRoute));
    // From the standby that has not read it, not from the root.
    assert!(matches!(actions.get(1), Some(Action::Fork { from: DEEP, .. })), "{actions:?}");
    assert!(!actions.iter().any(|action| matches!(action, Action::Retire(_))), "before the new one is ready");
    assert_eq!(slots.served(), None);
}

#[test]
fn the_old_one_is_retired_when_the_new_one_serves() {
    let (slots, actions) = react(after("rebuilding"), loaded(NEW, "two", None), Instant::now());
    let order: Vec<bool> = actions.iter().map(|action| matches!(action, Action::Retire(OLD))).collect();
    assert!(actions.contains(&Action::Go(NEW)) && order.contains(&true), "{actions:?}");
    assert_eq!(slots.served(), Some(true));
}

#[test]
fn a_save_of_the_same_content_does_nothing() {
    let (slots, actions) = react(after("serving"), changed("one"), Instant::now());
    assert_eq!(actions, []);
    assert_eq!(slots.served(), Some(true));
}

#[test]
fn what_was_changed_while_it_was_loaded_never_serves() {
    let (slots, actions) = react(after("rebuilding"), loaded(NEW, "older", None), Instant::now());
    assert!(actions.contains(&Action::Kill(NEW)) && !actions.contains(&Action::Go(NEW)), "{actions:?}");
    assert_eq!(slots.served(), None);
}

#[test]
fn a_process_that_dies_while_it_loads_is_answered_for() {
    let happening = Happening::Exited {
        pid: 105,
        how: "killed by signal 11 SIGSEGV".to_owned(),
        role: Role::Load(Slot { build: 2, index: 0 }),
    };
    let (_, actions) = react(after("rebuilding"), happening, Instant::now());
    let page = actions.iter().find_map(|action| match action {
        Action::Fork { from: ROOT, job: Job::Page { title, .. } } => Some(title.clone()),
        _ => None,
    });
    assert!(page.is_some_and(|title| title.contains("SIGSEGV")), "{actions:?}");
}

#[test]
fn where_not_even_a_page_can_be_shown_it_ends() {
    let role = Role::Load(Slot { build: 2, index: 0 });
    let mut slots = after("building");
    for pid in 105..120 {
        let happening = Happening::Exited { pid, how: "exit status 1".to_owned(), role };
        let (next, actions) = react(slots, happening, Instant::now());
        slots = next;
        if matches!(actions.as_slice(), [Action::GaveUp(_)]) {
            // The next save is another try.
            let (slots, _) = react(slots, changed("other"), Instant::now());
            let (_, actions) = react(slots, Happening::Deadline, Instant::now() + Duration::from_secs(1));
            let is_load = |action: &Action| matches!(action, Action::Fork { job: Job::Load { .. }, .. });
            return assert!(actions.iter().any(is_load), "{actions:?}");
        }
        assert!(matches!(actions.as_slice(), [Action::Fork { job: Job::Page { .. }, .. }]), "{actions:?}");
    }
    panic!("it went on and on");
}

#[test]
fn so_is_one_that_dies_before_it_has_introduced_itself() {
    let role = Role::Load(Slot { build: 2, index: 0 });
    let happening = Happening::Exited { pid: 105, how: "killed by signal 9 SIGKILL".to_owned(), role };
    let (slots, actions) = react(after("building"), happening, Instant::now());
    assert!(matches!(actions.as_slice(), [Action::Fork { job: Job::Page { .. }, .. }]), "{actions:?}");
    // What it said before it died is heard afterwards.
    let (slots, actions) = react(slots, connected(NEW, DEEP, role), Instant::now());
    assert!(actions.is_empty() && slots.process(NEW).is_none(), "{actions:?}");
}

#[test]
fn a_site_that_does_not_load_with_its_packages_loads_without() {
    let mut history = histories().into_iter().find(|(name, _)| *name == "warm").unwrap().1;
    history.push(connected(NEW, WARM, Role::Rehearse));
    let failed = Happening::Rehearsed { id: NEW, failed: true };
    let (slots, actions) = react(slots(Instant::now(), Depth::Site, &history), failed.clone(), Instant::now());
    // It may have met a file that was just being written.
    assert!(!actions.contains(&Action::NoWarmUp), "{actions:?}");
    assert_ne!(slots.warmth, Warmth::Refused);
    let again = NEW + 1;
    let (slots, _) = react(slots, connected(again, WARM, Role::Rehearse), Instant::now());
    let (slots, actions) = react(slots, Happening::Rehearsed { id: again, failed: true }, Instant::now());
    assert!(actions.contains(&Action::NoWarmUp) && actions.contains(&Action::End(WARM)), "{actions:?}");
    assert_eq!(slots.warmth, Warmth::Refused);
}

/// A save, the load that follows it, by process `id`, and a calm moment: what is done then.
fn saved(slots: Slots, contents: &Reads, id: Id, now: Instant) -> (Slots, Vec<Action>) {
    let (slots, actions) = react(slots, Happening::Changed { contents: contents.clone(), forced: false }, now);
    let from = actions.iter().find_map(|action| match action {
        Action::Fork { from, .. } => Some(*from),
        _ => None,
    });
    let role = Role::Load(Slot { build: slots.build(), index: 0 });
    let (slots, _) = react(slots, connected(id, from.unwrap(), role), now);
    let reads = slots.disk.clone();
    let (slots, _) = react(slots, Happening::Loaded { id, reads, failure: None }, now);
    react(slots, Happening::Deadline, now + Duration::from_millis(500))
}

#[test]
fn a_standby_that_is_lost_to_an_earlier_file_is_made_again_for_its_own() {
    let now = Instant::now();
    let after_seconds = |seconds| now + Duration::from_secs(seconds);
    let of_settings = |content: &str| Reads::from([(PathBuf::from("/site/settings.py"), Some(content.to_owned()))]);
    let slots = saved(after("warm"), &views("two"), 10, now).0;
    let (slots, _) = react(slots, connected(19, WARM, Role::Rehearse), now);
    let (slots, _) = react(slots, Happening::Rehearsed { id: 19, failed: false }, now);
    let (slots, actions) = saved(slots, &of_settings("other"), 11, after_seconds(1));
    let stops = [PathBuf::from("/site/settings.py"), PathBuf::from("/site/views.py")];
    assert_eq!(actions, [Action::Fork { from: WARM, job: Job::Rehearse { stops: stops.to_vec() } }]);
    let held = |id: Id, place: usize, reads: Reads| {
        let before = Some(stops[place].clone());
        Happening::Held { id, at: id.to_string(), before, modules: 100 + place, reads }
    };
    let rehearsal = [
        connected(20, WARM, Role::Rehearse),
        held(20, 0, Reads::new()),
        connected(21, 20, Role::Rehearse),
        held(21, 1, of_settings("other")),
        connected(22, 21, Role::Rehearse),
        Happening::Rehearsed { id: 22, failed: false },
    ];
    let slots = rehearsal.into_iter().fold(slots, |slots, happening| react(slots, happening, after_seconds(2)).0);
    // Each of them serves its file, again and again.
    let (slots, actions) = saved(slots, &views("three"), 12, after_seconds(3));
    let other_spare = [Action::NoSpare(20), Action::Spare(21)];
    assert_eq!((actions.as_slice(), slots.from.as_str()), (&other_spare[..], "the standby before 21"));
    let (slots, actions) = saved(slots, &of_settings("another"), 13, after_seconds(4));
    assert_eq!((actions.as_slice(), slots.from.as_str()), (&[Action::Spare(20)][..], "the standby before 20"));
    let (_, actions) = saved(slots, &views("four"), 14, after_seconds(5));
    let stops = [stops[1].clone(), stops[0].clone()];
    assert_eq!(actions, [Action::Fork { from: 20, job: Job::Rehearse { stops: stops.to_vec() } }]);
}
