//! The heart of `djwsgi dev`: what a state and an event lead to. No I/O here.

use std::time::{Duration, Instant};

use super::conf::GRACE;

/// A start that lasted this long was a good one: the next crash begins counting anew.
const STABLE: Duration = Duration::from_secs(10);
/// Crashes in a row after which it ends.
const MAX_FAILURES: u32 = 5;
/// First pause before a restart; it doubles with every failure in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A graceful stop may take this long: Apache's own limit and its one-second look.
const GRACEFUL_LIMIT: Duration = Duration::from_millis(GRACE * 1000 + 300);
/// After TERM to everybody.
const TERM_LIMIT: Duration = Duration::from_millis(500);
/// After KILL nothing can take long.
const KILL_LIMIT: Duration = Duration::from_secs(2);
/// The user is told that a start takes long.
const PATIENCE: Duration = Duration::from_secs(10);

/// The state of the private Apache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs; the site has not answered yet.
    Starting { history: History, since: Instant, remind: Instant },
    /// The site answers.
    Serving { history: History, since: Instant },
    /// It crashed; a new start comes at `until`.
    Pausing { history: History, until: Instant },
    /// It is being stopped.
    Stopping { history: History, stage: Stage, until: Instant, then: Then },
    /// All is over.
    Ended,
}

/// What happened before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Crashes in a row.
    pub failures: u32,
    /// The site has answered at least once.
    pub answered: bool,
}

/// How far a stop has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Running requests may finish.
    Graceful,
    /// TERM to every process.
    Terminate,
    /// KILL to every process.
    Kill,
}

/// What follows a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The end.
    End,
    /// A start with the new config.
    Restart,
}

/// What the loop acts on; the queue's other entries are only shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Apache ended, in these words.
    Exited(String),
    /// The site answered with this status.
    Answered(u16),
    /// The user wants to stop.
    Stop,
    /// A deadline has passed.
    Deadline,
    /// A new config is in place.
    Reconfigured,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start Apache.
    Start,
    /// Ask Apache to finish and end.
    StopGracefully,
    /// TERM to its process group.
    Terminate,
    /// KILL to its process group.
    Kill,
    /// Tell the user that the site answers, with this status.
    Announce(u16),
    /// Tell the user that the start takes long: seconds so far.
    StillWaiting(u64),
    /// Tell the user that Apache crashed and comes back after this pause.
    Crashed(String, Duration),
    /// Tell the user that new settings are being applied.
    Applying,
    /// The end, as it should be.
    End,
    /// The end, because Apache can't be kept running; its last words.
    GiveUp(String),
}

impl State {
    /// The state right after the first start.
    pub fn started(now: Instant) -> Self {
        Self::starting(History::default(), now)
    }

    fn starting(history: History, now: Instant) -> Self {
        Self::Starting { history, since: now, remind: now + PATIENCE }
    }

    fn stopping(history: History, stage: Stage, then: Then, now: Instant) -> Self {
        let limit = match stage {
            Stage::Graceful => GRACEFUL_LIMIT,
            Stage::Terminate => TERM_LIMIT,
            Stage::Kill => KILL_LIMIT,
        };
        Self::Stopping { history, stage, until: now + limit, then }
    }

    /// When the state wants to hear from the clock.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Starting { remind, .. } => Some(*remind),
            Self::Pausing { until, .. } | Self::Stopping { until, .. } => Some(*until),
            Self::Serving { .. } | Self::Ended => None,
        }
    }
}

/// The next state, and what to do on the way to it, in order.
pub fn react(state: State, cause: Cause, now: Instant) -> (State, Vec<Action>) {
    match state {
        State::Starting { history, since, .. } => while_starting(history, since, cause, now),
        State::Serving { history, since } => while_serving(history, since, cause, now),
        State::Pausing { history, until } => while_pausing(history, until, cause, now),
        State::Stopping { .. } => while_stopping(state, cause, now),
        State::Ended => (State::Ended, Vec::new()),
    }
}

fn while_starting(history: History, since: Instant, cause: Cause, now: Instant) -> (State, Vec<Action>) {
    match cause {
        Cause::Answered(status) => {
            let history = History { answered: true, ..history };
            (State::Serving { history, since: now }, vec![Action::Announce(status)])
        }
        Cause::Deadline => {
            let waited = now.duration_since(since).as_secs();
            (State::Starting { history, since, remind: now + 3 * PATIENCE }, vec![Action::StillWaiting(waited)])
        }
        // A first start that fails will fail again: the config or the machine is at fault.
        Cause::Exited(how) if !history.answered => (State::Ended, vec![Action::Kill, Action::GiveUp(how)]),
        Cause::Exited(how) => crashed(history, how, now),
        Cause::Stop => stop(history, Then::End, now),
        Cause::Reconfigured => restart(history, now),
    }
}

fn while_serving(history: History, since: Instant, cause: Cause, now: Instant) -> (State, Vec<Action>) {
    match cause {
        Cause::Exited(how) => {
            let lasted = now.duration_since(since) >= STABLE;
            let history = History { failures: if lasted { 0 } else { history.failures }, ..history };
            crashed(history, how, now)
        }
        Cause::Stop => stop(history, Then::End, now),
        Cause::Reconfigured => restart(history, now),
        Cause::Answered(_) | Cause::Deadline => (State::Serving { history, since }, Vec::new()),
    }
}

fn while_pausing(history: History, until: Instant, cause: Cause, now: Instant) -> (State, Vec<Action>) {
    match cause {
        Cause::Deadline | Cause::Reconfigured => (State::starting(history, now), vec![Action::Start]),
        Cause::Stop => (State::Ended, vec![Action::Kill, Action::End]),
        Cause::Exited(_) | Cause::Answered(_) => (State::Pausing { history, until }, Vec::new()),
    }
}

fn while_stopping(state: State, cause: Cause, now: Instant) -> (State, Vec<Action>) {
    let State::Stopping { history, stage, then, .. } = state else { return (state, Vec::new()) };
    match (cause, stage, then) {
        // Workers may outlive the parent: KILL to the group always comes last.
        (Cause::Exited(_), _, Then::End) => (State::Ended, vec![Action::Kill, Action::End]),
        (Cause::Exited(_), _, Then::Restart) => (State::starting(history, now), vec![Action::Kill, Action::Start]),
        (Cause::Stop, _, Then::Restart) => (State::stopping(history, stage, Then::End, now), Vec::new()),
        (Cause::Stop, _, Then::End) | (Cause::Deadline, Stage::Terminate, _) => {
            (State::stopping(history, Stage::Kill, then, now), vec![Action::Kill])
        }
        (Cause::Deadline, Stage::Graceful, _) => {
            (State::stopping(history, Stage::Terminate, then, now), vec![Action::Terminate])
        }
        (Cause::Deadline, Stage::Kill, _) => {
            (State::Ended, vec![Action::GiveUp("Apache does not end, not even when killed".to_owned())])
        }
        (Cause::Answered(_) | Cause::Reconfigured, _, _) => (state, Vec::new()),
    }
}

fn stop(history: History, then: Then, now: Instant) -> (State, Vec<Action>) {
    (State::stopping(history, Stage::Graceful, then, now), vec![Action::StopGracefully])
}

fn restart(history: History, now: Instant) -> (State, Vec<Action>) {
    let (state, mut actions) = stop(history, Then::Restart, now);
    actions.insert(0, Action::Applying);
    (state, actions)
}

fn crashed(history: History, how: String, now: Instant) -> (State, Vec<Action>) {
    let failures = history.failures + 1;
    if failures > MAX_FAILURES {
        return (State::Ended, vec![Action::Kill, Action::GiveUp(how)]);
    }
    let pause = FIRST_PAUSE * 2u32.pow(failures - 1);
    let history = History { failures, ..history };
    (State::Pausing { history, until: now + pause }, vec![Action::Kill, Action::Crashed(how, pause)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(now: Instant) -> Vec<State> {
        let history = History { failures: 1, answered: true };
        let mut states = vec![
            State::started(now),
            State::starting(history, now),
            State::Serving { history, since: now },
            State::Pausing { history, until: now },
            State::Ended,
        ];
        for stage in [Stage::Graceful, Stage::Terminate, Stage::Kill] {
            for then in [Then::End, Then::Restart] {
                states.push(State::stopping(history, stage, then, now));
            }
        }
        states
    }

    fn causes() -> Vec<Cause> {
        vec![
            Cause::Exited("exit status 1".to_owned()),
            Cause::Answered(200),
            Cause::Stop,
            Cause::Deadline,
            Cause::Reconfigured,
        ]
    }

    fn ends(actions: &[Action]) -> bool {
        actions.iter().any(|action| matches!(action, Action::End | Action::GiveUp(_)))
    }

    #[test]
    fn in_every_state_every_event_keeps_the_promises() {
        let now = Instant::now();
        for state in states(now) {
            for cause in causes() {
                let (next, actions) = react(state.clone(), cause.clone(), now);
                let context = format!("{state:?} × {cause:?} → {next:?} {actions:?}");
                assert_eq!(next == State::Ended && state != State::Ended, ends(&actions), "{context}");
                // What an Apache that is gone has left behind is killed before anything else starts.
                if matches!(cause, Cause::Exited(_)) && !matches!(state, State::Ended | State::Pausing { .. }) {
                    assert_eq!(actions.first(), Some(&Action::Kill), "{context}");
                }
                // Only a state without an Apache starts one.
                if actions.contains(&Action::Start) {
                    let gone = matches!(cause, Cause::Exited(_)) || matches!(state, State::Pausing { .. });
                    assert!(gone && matches!(next, State::Starting { .. }), "{context}");
                }
            }
        }
    }

    #[test]
    fn from_every_state_a_stop_leads_to_the_end_within_its_deadlines() {
        let start = Instant::now();
        for mut state in states(start) {
            let mut now = start;
            (state, _) = react(state, Cause::Stop, now);
            let mut rounds = 0;
            while state != State::Ended {
                now = state.deadline().unwrap();
                (state, _) = react(state, Cause::Deadline, now);
                rounds += 1;
                assert!(rounds < 5, "{state:?}");
            }
            assert!(now.duration_since(start) <= GRACEFUL_LIMIT + TERM_LIMIT + KILL_LIMIT);
        }
    }

    #[test]
    fn a_second_ctrl_c_kills_at_once() {
        let now = Instant::now();
        let (state, first) = react(State::started(now), Cause::Stop, now);
        let (state, second) = react(state, Cause::Stop, now);
        assert_eq!((first, second), (vec![Action::StopGracefully], vec![Action::Kill]));
        let (state, last) = react(state, Cause::Exited(String::new()), now);
        assert_eq!((state, last), (State::Ended, vec![Action::Kill, Action::End]));
    }

    #[test]
    fn crashes_in_a_row_pause_longer_and_end_at_the_limit() {
        let now = Instant::now();
        let mut state = State::Serving { history: History { failures: 0, answered: true }, since: now };
        let mut pauses = Vec::new();
        loop {
            let (next, actions) = react(state, Cause::Exited("gone".to_owned()), now);
            match actions.last() {
                Some(Action::Crashed(_, pause)) => pauses.push(pause.as_millis()),
                Some(Action::GiveUp(_)) => break,
                other => panic!("{other:?}"),
            }
            (state, _) = react(next, Cause::Deadline, now);
            (state, _) = react(state, Cause::Answered(200), now);
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000]);
    }

    #[test]
    fn a_good_stretch_forgives_earlier_crashes() {
        let now = Instant::now();
        let state = State::Serving { history: History { failures: 5, answered: true }, since: now };
        let (state, _) = react(state, Cause::Exited("gone".to_owned()), now + STABLE);
        assert!(matches!(state, State::Pausing { history: History { failures: 1, .. }, .. }), "{state:?}");
    }
}
