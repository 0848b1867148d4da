//! Where answers differ, who makes the difference, and whether there is a reason for it.

use std::collections::BTreeSet;

use super::answer::Answer;
use super::causes::{self, Maker};
use super::facts::Facts;
use super::reasons::{self, Pair};
use super::requests::{Request, Wanted};
use super::servers::Kind;

/// Facts whose values are lists.
const LISTS: [(&str, &str); 3] = [("headers", ", "), ("forwarded", ", "), ("sys.path", ":")];

/// Two answers that differ in one fact.
pub struct Difference {
    /// The fact.
    pub fact: &'static str,
    /// Between which servers.
    pub pair: Pair,
    /// The value of the first of them.
    pub left: String,
    /// The value of the second.
    pub right: String,
    /// Who makes it.
    pub maker: Maker,
    /// Why; `None` where nobody knows.
    pub why: Option<&'static str>,
    /// Whether it is as it should be.
    pub listed: bool,
}

impl Difference {
    /// Whether somebody must look at it.
    pub fn is_finding(&self) -> bool {
        !self.listed && self.pair != Pair::Runserver
    }

    /// What the second server has and the first has not.
    pub fn shown(&self) -> String {
        let (left, right) = self.pair.kinds();
        let list = LISTS.iter().find(|(fact, _)| *fact == self.fact);
        if let Some((_, separator)) = list {
            let parts = |text: &str| text.split(separator).map(str::to_owned).collect::<BTreeSet<_>>();
            let (old, new) = (parts(&self.left), parts(&self.right));
            let more: Vec<String> = new.difference(&old).map(|part| format!("+{part}")).collect();
            let less: Vec<String> = old.difference(&new).map(|part| format!("-{part}")).collect();
            if !(more.is_empty() && less.is_empty()) {
                return [more, less].concat().into_iter().filter(|part| part.len() > 1).collect::<Vec<_>>().join(" ");
            }
        }
        format!("{} {:?}, {} {:?}", left.name(), self.left, right.name(), self.right)
    }
}

/// All differences between the answers of `servers` to `request`.
pub fn all(facts: &Facts, request: &Request, servers: &[Kind], answers: &[Answer]) -> Vec<Difference> {
    let answer = |kind: Kind| servers.iter().position(|server| *server == kind).and_then(|index| answers.get(index));
    let mut found = Vec::new();
    for pair in Pair::ALL {
        let (left, right) = pair.kinds();
        let (Some(left), Some(right)) = (answer(left), answer(right)) else { continue };
        // The server has no config that could be read.
        if left.is_empty() || right.is_empty() {
            continue;
        }
        let differs = |fact: &&&str| left.get(**fact) != right.get(**fact);
        // What else differs in answers of another kind follows from that.
        let answer = request.facts.iter().find(|fact| **fact == "answer").filter(differs);
        let differing = request.facts.iter().filter(|_| answer.is_none()).filter(differs).chain(answer);
        for fact in differing {
            let value = |answer: &Answer| answer.get(fact).cloned().unwrap_or_default();
            found.push(judged(facts, request, pair, fact, value(left), value(right)));
        }
    }
    found
}

fn judged(facts: &Facts, request: &Request, pair: Pair, fact: &'static str, left: String, right: String) -> Difference {
    let reason = reasons::of(facts, pair, request.name, fact, &left, &right);
    let cause = causes::of(request.name, fact);
    let maker = match (reason, cause) {
        (Some(reason), _) => reason.maker,
        (None, Some(cause)) => cause.maker,
        (None, None) => likely(request, &left, &right),
    };
    // That is what is to be looked at in a config of production.
    let cause = cause.filter(|_| pair != Pair::Runserver);
    Difference {
        fact,
        pair,
        left,
        right,
        maker,
        why: reason.map(|reason| reason.why).or(cause.map(|cause| cause.why)),
        listed: reason.is_some(),
    }
}

/// By whose hands the answer went.
fn likely(request: &Request, left: &str, right: &str) -> Maker {
    let by_server = [left, right].iter().any(|value| value.ends_with(" server"));
    match request.wanted {
        _ if by_server => Maker::Apache,
        Wanted::Page | Wanted::Stream | Wanted::Endless | Wanted::Site | Wanted::Visit => Maker::Django,
        Wanted::Static | Wanted::Config => Maker::Apache,
        Wanted::Environ | Wanted::Process | Wanted::Output | Wanted::Failure => Maker::ModWsgi,
    }
}
