//! Which of Django's settings differ between development and production.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::{Difference, HIDDEN, Kind};
use super::settings_reasons as reasons;
use crate::python::django::{SettingValue, Values};

/// What differs.
pub fn differences(dev: &Values, prod: &Values) -> Vec<Difference> {
    let names: BTreeSet<&String> = dev.settings.keys().chain(prod.settings.keys()).collect();
    names.into_iter().flat_map(|name| of(name, &dev.settings, &prod.settings)).collect()
}

type Settings = BTreeMap<String, SettingValue>;

fn of(name: &str, dev: &Settings, prod: &Settings) -> Vec<Difference> {
    if is_empty_beside(name, dev, prod) || is_empty_beside(name, prod, dev) {
        // What the other one has in it is listed.
        return Vec::new();
    }
    let (dev, prod) = (dev.get(name), prod.get(name));
    if dev.map(|one| &one.digest) == prod.map(|one| &one.digest) {
        return Vec::new();
    }
    if let (Some(dev), Some(prod)) = (dev.and_then(|one| one.items.as_ref()), prod.and_then(|one| one.items.as_ref())) {
        return items(name, dev, prod);
    }
    let shown = |one: Option<&SettingValue>| one.map(|one| one.shown.clone().unwrap_or_else(|| HIDDEN.to_owned()));
    vec![difference(name.to_owned(), [shown(dev), shown(prod)])]
}

/// Whether `name` is empty in `one`, and in `other` it is not.
fn is_empty_beside(name: &str, one: &Settings, other: &Settings) -> bool {
    let shown = one.get(name).and_then(|value| value.shown.as_deref());
    let start = match shown {
        Some("{}") => format!("{name}."),
        Some("[]") => format!("{name}[0]"),
        _ => return false,
    };
    other.range(start.clone()..).next().is_some_and(|(inner, _)| inner.starts_with(&start))
}

fn difference(name: String, [dev, prod]: [Option<String>; 2]) -> Difference {
    let reason = reasons::of(&name, dev.as_deref(), prod.as_deref());
    Difference::new(Kind::Setting, name, [dev.into_iter().collect(), prod.into_iter().collect()], reason)
}

/// Each name that only one of the lists has, and the order of the others.
fn items(name: &str, dev: &[String], prod: &[String]) -> Vec<Difference> {
    let mut all = Vec::new();
    let (here, there): (BTreeSet<&String>, BTreeSet<&String>) = (dev.iter().collect(), prod.iter().collect());
    for item in here.symmetric_difference(&there) {
        let listed = |list: &BTreeSet<&String>| list.contains(item).then(|| "listed".to_owned());
        all.push(difference(format!("{name}[{item}]"), [listed(&here), listed(&there)]));
    }
    let common = |list: &[String]| {
        list.iter().filter(|one| here.contains(one) && there.contains(one)).cloned().collect::<Vec<_>>()
    };
    let (dev, prod) = (common(dev), common(prod));
    if dev != prod {
        all.push(difference(format!("{name} order"), [Some(dev.join(", ")), Some(prod.join(", "))]));
    }
    if all.is_empty() {
        // The same names, as values of another kind.
        all.push(difference(name.to_owned(), [Some(HIDDEN.to_owned()), Some(HIDDEN.to_owned())]));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(settings: &[(&str, Option<&str>, &str, &[&str])]) -> Values {
        let value = |(name, shown, digest, items): &(&str, Option<&str>, &str, &[&str])| {
            let items = (!items.is_empty()).then(|| items.iter().map(|item| (*item).to_owned()).collect());
            ((*name).to_owned(), SettingValue { shown: shown.map(str::to_owned), digest: (*digest).to_owned(), items })
        };
        Values { looked_up: BTreeSet::new(), settings: settings.iter().map(value).collect() }
    }

    #[test]
    fn lists_are_compared_by_their_names_and_order() {
        let (dev, prod) = (
            values(&[("MIDDLEWARE", None, "1", &["a", "b", "c"])]),
            values(&[("MIDDLEWARE", None, "2", &["c", "d", "a"])]),
        );
        let names: Vec<String> = differences(&dev, &prod).into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["MIDDLEWARE[b]", "MIDDLEWARE[d]", "MIDDLEWARE order"]);
    }

    #[test]
    fn what_is_empty_differs_by_what_the_other_has_in_it() {
        let dev = values(&[("A.OPTIONS", Some("{}"), "1", &[]), ("B", Some("[]"), "2", &[])]);
        let prod = values(&[("A.OPTIONS.x", Some("1"), "3", &[]), ("B[0].y", Some("1"), "4", &[])]);
        let names = |dev, prod| differences(dev, prod).into_iter().map(|one| one.name).collect::<Vec<_>>();
        assert_eq!(names(&dev, &prod), ["A.OPTIONS.x", "B[0].y"]);
        assert_eq!(names(&prod, &dev), ["A.OPTIONS.x", "B[0].y"]);
        assert_eq!(names(&dev, &values(&[])), ["A.OPTIONS", "B"]);
    }

    #[test]
    fn what_is_hidden_stays_so_and_still_differs() {
        let (dev, prod) = (
            values(&[("SECRET_KEY", None, "1", &[]), ("A", Some("1"), "1", &[])]),
            values(&[("SECRET_KEY", None, "2", &[]), ("A", Some("1"), "1", &[])]),
        );
        let found = differences(&dev, &prod);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].dev[0].as_str(), found[0].prod[0].as_str()), (HIDDEN, HIDDEN));
    }
}
