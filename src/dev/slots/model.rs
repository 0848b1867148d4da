//! The invariant, tried with random histories against a model of the disk and the processes:
//! a process is let to the requests only if nothing that it has executed has changed since it read it,
//! as far as anybody has been told; and after the last change the last state is served.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Action, Content, Depth, Failure, Happening, Id, Job, Plan, Reads, Role, Slot, Slots, Stage, react};

/// Files of the site, loaded in this order.
const FILES: usize = 5;
/// A file in this version can't be loaded.
const BROKEN: u32 = 3;

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    Save(usize),
    Notice,
    Hear,
    Run(usize),
    Wait(u64),
    Die(usize),
    Packages,
}

#[derive(Clone, Debug, PartialEq)]
enum Doing {
    Standing,
    Loading,
    Warming,
    Asking,
    Serving,
    Lingering,
}

#[derive(Clone, Debug)]
struct Sim {
    pid: i32,
    parent: i32,
    role: Role,
    doing: Doing,
    stops: BTreeSet<usize>,
    position: usize,
    reads: BTreeMap<usize, u32>,
    untold: Reads,
    orders: VecDeque<Order>,
    route: u64,
    /// How the module before which it stopped began then: that much of it was executed.
    leading: Option<u32>,
}

#[derive(Clone, Debug)]
enum Order {
    Fork(Job, u64),
    Go,
    Retire,
    End,
    Modules,
}

/// The imports that a version of a module begins with.
fn beginning(version: u32) -> u32 {
    version / 3
}

struct World {
    slots: Slots,
    now: Instant,
    disk: Vec<u32>,
    packages: u32,
    notices: VecDeque<usize>,
    package_notices: u32,
    mail: VecDeque<Happening>,
    known: BTreeSet<PathBuf>,
    sims: BTreeMap<Id, Sim>,
    next: Id,
    route: u64,
    /// The build some of whose processes were given up, and how many.
    given_up: (u64, usize),
    /// Processes that ended by themselves.
    deaths: u32,
}

fn path(file: usize) -> PathBuf {
    PathBuf::from(format!("/site/{file}.py"))
}

fn content(version: u32) -> Content {
    (version > 0).then(|| version.to_string())
}

impl World {
    fn new(processes: u16, depth: Depth) -> Self {
        let plan = Plan { processes, depth, grace: Duration::from_secs(15) };
        let mut world = Self {
            slots: Slots::new(plan, 0),
            now: Instant::now(),
            disk: vec![1; FILES],
            packages: 0,
            notices: VecDeque::new(),
            package_notices: 0,
            mail: VecDeque::new(),
            known: BTreeSet::new(),
            sims: BTreeMap::new(),
            next: 0,
            route: 0,
            given_up: (0, 0),
            deaths: 0,
        };
        world.slots.expect_changes_in([path(3), path(1)]);
        world.arrive(0, Role::Root, Doing::Standing, None);
        world
    }

    /// A process appears, as a copy of `of` if it was forked.
    fn arrive(&mut self, parent: i32, role: Role, doing: Doing, of: Option<Sim>) -> Id {
        self.next += 1;
        let pid = i32::try_from(self.next).unwrap() + 1000;
        let (position, reads, stops, leading) = of.map_or((0, BTreeMap::new(), BTreeSet::new(), None), |sim| {
            (sim.position, sim.reads, sim.stops, sim.leading)
        });
        let (orders, untold) = (VecDeque::new(), Reads::new());
        let route = self.route;
        let sim = Sim { pid, parent, role, doing, stops, position, reads, untold, orders, route, leading };
        self.sims.insert(self.next, sim);
        self.mail.push_back(Happening::Connected { id: self.next, pid, parent, role });
        self.next
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Save(file) => {
                self.disk[*file] = (self.disk[*file] + 1) % 6;
                self.notices.push_back(*file);
            }
            Step::Notice => self.notice(),
            Step::Hear => {
                if let Some(mail) = self.mail.pop_front() {
                    self.hear(mail);
                }
            }
            Step::Run(which) => {
                let ids: Vec<Id> = self.sims.keys().copied().collect();
                if let Some(id) = ids.get(which % ids.len()) {
                    self.run(*id);
                }
            }
            Step::Wait(milliseconds) => {
                self.now += Duration::from_millis(*milliseconds);
                if self.slots.deadline().is_some_and(|deadline| deadline <= self.now) {
                    self.happen(Happening::Deadline);
                }
            }
            Step::Die(which) => {
                let ids: Vec<Id> =
                    self.sims.iter().filter(|(_, sim)| sim.role != Role::Root).map(|(id, _)| *id).collect();
                if !ids.is_empty() {
                    self.deaths += 1;
                    self.die(ids[which % ids.len()]);
                }
            }
            Step::Packages => {
                self.packages += 1;
                self.package_notices += 1;
            }
        }
    }

    /// The next notice of the kernel arrives. Of a file that nobody has read it means nothing.
    fn notice(&mut self) {
        if self.package_notices > 0 {
            self.package_notices = 0;
            self.happen(Happening::EverythingChanged("packages".to_owned()));
        } else if let Some(file) = self.notices.pop_front()
            && self.known.contains(&path(file))
        {
            let contents = Reads::from([(path(file), content(self.disk[file]))]);
            self.happen(Happening::Changed { contents, forced: false });
        }
    }

    /// A message arrives; what it says was read is compared with the disk as the shell does.
    fn hear(&mut self, mail: Happening) {
        if let Happening::Held { reads, .. } | Happening::Loaded { reads, .. } = &mail {
            let serves = matches!(mail, Happening::Loaded { .. });
            let mut contents = Reads::new();
            for file in 0..FILES {
                let (path, now) = (path(file), content(self.disk[file]));
                let Some(read) = reads.get(&path) else { continue };
                let first = self.known.insert(path.clone());
                if first || (serves && self.slots.differs(&path, read)) {
                    contents.insert(path, now);
                }
            }
            if !contents.is_empty() {
                self.happen(Happening::Seen(contents));
            }
        }
        self.happen(mail);
    }

    fn happen(&mut self, happening: Happening) {
        let slots = self.slots.clone();
        let context = format!("{happening:?}");
        let (slots, actions) = react(slots, happening, self.now);
        self.slots = slots;
        for action in actions {
            self.act(action);
        }
        for id in self.slots.serving().collect::<Vec<_>>() {
            let Some(Stage::Serving(slot)) = self.slots.process(id).map(|process| process.stage.clone()) else {
                continue;
            };
            let on_route = self.sims.get(&id).is_some_and(|sim| sim.route == self.route);
            if slot.build == self.slots.build() && on_route && self.slots.route_used {
                assert!(self.slots.is_valid(id), "a stale process gets new requests after {context}");
            }
        }
    }

    fn act(&mut self, action: Action) {
        let route = self.route;
        match action {
            Action::NewRoute => self.route += 1,
            Action::Fork { from, job } => self.order(from, Order::Fork(job, route)),
            Action::Go(id) => {
                let Some(sim) = self.sims.get(&id) else { return };
                for (file, version) in &sim.reads {
                    let told = self.notices.contains(file);
                    assert!(*version == self.disk[*file] || told, "goes with {file} in an old version that is known");
                }
                self.order(id, Order::Go);
            }
            Action::Retire(id) => self.order(id, Order::Retire),
            Action::End(id) => self.order(id, Order::End),
            Action::AskModules(id) => self.order(id, Order::Modules),
            Action::Kill(id) => self.die(id),
            // What is forked ahead has read what the one it is forked from has.
            Action::Spare(_) | Action::NoSpare(_) => {}
            Action::Reloaded(_) | Action::Hanging(..) | Action::Died(_) | Action::NoWarmUp => {}
            Action::GaveUp(_) => {
                assert!(self.deaths > 5, "a process is given up after {} deaths", self.deaths);
                let build = self.slots.build();
                let before = if self.given_up.0 == build { self.given_up.1 } else { 0 };
                self.given_up = (build, before + 1);
            }
        }
    }

    fn order(&mut self, id: Id, order: Order) {
        if let Some(sim) = self.sims.get_mut(&id) {
            sim.orders.push_back(order);
        }
    }

    fn die(&mut self, id: Id) {
        let Some(sim) = self.sims.remove(&id) else { return };
        let has_parent = self.sims.values().any(|parent| parent.pid == sim.parent);
        self.mail.push_back(Happening::Gone(id));
        if has_parent {
            let exited = Happening::Exited { pid: sim.pid, how: "died".to_owned(), role: sim.role };
            // It may be heard of before what the process itself has said.
            let said = |mail: &Happening| match mail {
                Happening::Connected { id: other, .. }
                | Happening::Held { id: other, .. }
                | Happening::Loaded { id: other, .. }
                | Happening::Rehearsed { id: other, .. } => *other == id,
                _ => false,
            };
            match self.mail.iter().position(said) {
                Some(place) => self.mail.insert(place, exited),
                None => self.mail.push_back(exited),
            }
        }
        // Those that lose their parent are seen to end by their connection.
    }

    fn run(&mut self, id: Id) {
        let Some(sim) = self.sims.get(&id).cloned() else { return };
        match sim.doing {
            Doing::Standing | Doing::Asking | Doing::Serving => self.follow(id, sim),
            Doing::Lingering => {
                if !self.sims.values().any(|child| child.parent == sim.pid) {
                    self.die(id);
                }
            }
            Doing::Warming => {
                self.sim(id).doing = Doing::Standing;
                self.mail.push_back(Happening::Held {
                    id,
                    at: String::new(),
                    before: None,
                    modules: 1,
                    reads: Reads::new(),
                });
            }
            Doing::Loading => self.load(id, sim),
        }
    }

    fn sim(&mut self, id: Id) -> &mut Sim {
        self.sims.get_mut(&id).unwrap()
    }

    fn follow(&mut self, id: Id, sim: Sim) {
        let Some(order) = self.sim(id).orders.pop_front() else { return };
        match order {
            Order::Fork(job, route) => {
                let (role, doing, stops) = match job {
                    Job::Warm => (Role::Warm, Doing::Warming, Vec::new()),
                    Job::Rehearse { stops } => (Role::Rehearse, Doing::Loading, stops),
                    Job::Load { slot, stops, .. } => (Role::Load(slot), Doing::Loading, stops.unwrap_or_default()),
                    Job::Page { slot, .. } => (Role::Load(slot), Doing::Asking, Vec::new()),
                };
                let child = self.arrive(sim.pid, role, doing.clone(), Some(sim));
                let child_sim = self.sim(child);
                child_sim.route = route;
                child_sim.stops = (0..FILES).filter(|file| stops.contains(&path(*file))).collect();
                // It goes on after the module before which its parent stopped.
                let position = child_sim.position;
                child_sim.stops.remove(&position);
                if doing == Doing::Asking {
                    let failure = Some(failure());
                    self.mail.push_back(Happening::Loaded { id: child, reads: Reads::new(), failure });
                }
            }
            Order::Go => self.sim(id).doing = Doing::Serving,
            Order::Retire => self.die(id),
            Order::End => self.sim(id).doing = Doing::Lingering,
            Order::Modules => self.mail.push_back(Happening::Listed),
        }
    }

    fn load(&mut self, id: Id, mut sim: Sim) {
        let file = sim.position;
        if file < FILES && sim.stops.remove(&file) {
            let reads = std::mem::take(&mut self.sim(id).untold);
            self.sim(id).doing = Doing::Standing;
            self.mail.push_back(Happening::Held {
                id,
                at: file.to_string(),
                before: Some(path(file)),
                modules: 2 + file,
                reads,
            });
            if sim.role == Role::Rehearse {
                sim.leading = self.disk.get(file).map(|version| beginning(*version));
                self.sim(id).leading = sim.leading;
            }
            let (pid, role, route) = (sim.pid, sim.role, sim.route);
            let child = self.arrive(pid, role, Doing::Loading, Some(sim));
            self.sim(child).route = route;
            return;
        }
        let version = self.disk.get(file).copied();
        let leading = self.sim(id).leading.take();
        if leading.is_some() && leading != version.map(beginning) {
            self.sim(id).doing = Doing::Asking;
            self.mail.push_back(Happening::Unfit(id));
            return;
        }
        if let Some(version) = version {
            let sim = self.sim(id);
            sim.reads.insert(file, version);
            sim.untold.insert(path(file), content(version));
            sim.position += 1;
            if version != BROKEN {
                return;
            }
        }
        let failure = version.map(|_| failure());
        match sim.role {
            Role::Rehearse => {
                self.mail.push_back(Happening::Rehearsed { id, failed: failure.is_some() });
                self.die(id);
            }
            _ => {
                let reads = std::mem::take(&mut self.sim(id).untold);
                self.sim(id).doing = Doing::Asking;
                self.mail.push_back(Happening::Loaded { id, reads, failure });
            }
        }
    }

    /// Lets everything come to rest.
    fn rest(&mut self) {
        for _ in 0..20_000 {
            let ids: Vec<Id> = self.sims.keys().copied().collect();
            let busy = !self.mail.is_empty()
                || !self.notices.is_empty()
                || self.package_notices > 0
                || self.sims.values().any(|sim| {
                    !sim.orders.is_empty()
                        || !matches!(sim.doing, Doing::Standing | Doing::Asking | Doing::Serving | Doing::Lingering)
                });
            for id in ids {
                self.run(id);
            }
            self.step(&Step::Notice);
            self.step(&Step::Hear);
            if !busy {
                match self.slots.deadline() {
                    None => return,
                    Some(deadline) => {
                        self.now = self.now.max(deadline);
                        self.happen(Happening::Deadline);
                    }
                }
            }
        }
        panic!("it never comes to rest: {:?}", self.slots);
    }
}

fn failure() -> Failure {
    Failure { title: "broken".to_owned(), file: String::new(), line: 0, detail: String::new() }
}

/// `deadly` is how often a process ends by itself.
fn steps(deadly: u32) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..FILES).prop_map(Step::Save),
        4 => Just(Step::Notice),
        12 => Just(Step::Hear),
        16 => (0usize..64).prop_map(Step::Run),
        3 => (0u64..60).prop_map(Step::Wait),
        deadly => (0usize..64).prop_map(Step::Die),
        1 => Just(Step::Packages),
    ];
    prop::collection::vec(step, 0..250)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_what_is_current_serves_and_the_last_state_is_served(
        steps in prop_oneof![3 => steps(1), 1 => steps(8)],
        processes in 1u16..3,
        depth in prop_oneof![Just(Depth::Off), Just(Depth::Packages), Just(Depth::Site)],
        answers in any::<bool>(),
    ) {
        let mut world = World::new(processes, depth);
        if answers {
            world.rest();
            world.happen(Happening::Answered);
        }
        for step in &steps {
            world.step(step);
        }
        world.rest();
        let (build, given_up) = world.given_up;
        let given_up = if build == world.slots.build() { given_up } else { 0 };
        let broken = world.disk.iter().position(|version| *version == BROKEN);
        let serving: Vec<&Sim> = world.sims.values().filter(|sim| sim.doing == Doing::Serving).collect();
        let context = || format!("{:?}\nSIMS {:?}\n{:?}", world.slots, world.sims, world.mail);
        if given_up == 0 || !serving.is_empty() {
            prop_assert_eq!(serving.len() + given_up, usize::from(processes), "{}", context());
        }
        for sim in &serving {
            prop_assert_eq!(sim.route, world.route);
            let Role::Load(Slot { build, .. }) = sim.role else { panic!("{sim:?}") };
            prop_assert_eq!(build, world.slots.build());
            for (file, version) in &sim.reads {
                prop_assert_eq!(*version, world.disk[*file], "file {}", file);
            }
            if !sim.reads.is_empty() {
                prop_assert_eq!(sim.reads.len(), broken.map_or(FILES, |file| file + 1));
            }
        }
        prop_assert_eq!(world.slots.served().is_some(), !serving.is_empty());
    }
}
