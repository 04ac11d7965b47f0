//! What stands where a profile belongs, with everything that rules ask of it.

use std::cell::OnceCell;
use std::ops::Range;

use callgate_core::profile::json::Node;
use callgate_core::profile::{self, InvalidProfile, Lines, Name, Rule};
use callgate_core::{Arch, Diagnostic, Meaning, Profile, sysno};

use super::embedded::SourceMap;
use super::facts::{self, Fact};
use super::finding::Positions;
use super::options::Options;
use crate::document::Refusal;
use crate::explain::start::Start;
use crate::resolve::{Resolved, resolve};
use crate::target::Target;

/// A profile, or what stands in its place.
pub(crate) struct Subject<'s> {
    /// The file.
    pub(crate) text: &'s str,
    /// The profile in it.
    pub(crate) node: &'s Node,
    /// The profile's own text, as runtimes read it.
    pub(crate) value: &'s str,
    /// Where its characters are in the file.
    pub(crate) map: &'s SourceMap,
    /// The strict reader's word.
    pub(crate) read: Result<(Profile, Vec<Diagnostic>), InvalidProfile>,
    /// What was asked for.
    pub(crate) options: &'s Options,
    targets: Vec<Target>,
    resolved: OnceCell<Vec<Result<Resolved, Refusal>>>,
    meaning: OnceCell<Meaning>,
    starts: OnceCell<Vec<Start>>,
    named: OnceCell<Vec<Place>>,
    plain: OnceCell<bool>,
    tangled: OnceCell<bool>,
}

/// Keys of Docker's and containers-common's own language at the top, and in rules.
const DOCKER_KEYS: [&str; 2] = ["archMap", "defaultErrno"];
const DOCKER_RULE_KEYS: [&str; 4] = ["includes", "excludes", "name", "errno"];

impl<'s> Subject<'s> {
    /// `text` is the file with its lines, the second is the profile in it.
    pub(crate) fn of(
        (text, lines): (&'s str, &Lines),
        (node, value, map): (&'s Node, &'s str, &'s SourceMap),
        options: &'s Options,
    ) -> Self {
        let mut subject = Self {
            text,
            node,
            value,
            map,
            read: profile::read_node(text, lines, node),
            options,
            targets: Vec::new(),
            resolved: OnceCell::new(),
            meaning: OnceCell::new(),
            starts: OnceCell::new(),
            named: OnceCell::new(),
            plain: OnceCell::new(),
            tangled: OnceCell::new(),
        };
        let docker = subject.docker_keys().next().is_some();
        subject.targets = options.targets(docker);
        subject
    }

    /// The profile, if the strict reader takes it.
    pub(crate) fn profile(&self) -> Option<&Profile> {
        self.read.as_ref().ok().map(|(profile, _)| profile)
    }

    /// The machine's own architecture.
    pub(crate) fn native(&self) -> Arch {
        self.options.machine.arch
    }

    /// Where the profile is used.
    pub(crate) fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Whether somebody said where it is used.
    pub(crate) fn is_targeted(&self) -> bool {
        !self.options.targets.is_empty()
    }

    /// What each target makes of it.
    pub(crate) fn resolved(&self) -> impl Iterator<Item = (&Target, &Result<Resolved, Refusal>)> {
        let all = || self.targets.iter().map(|target| resolve(self.value, target)).collect();
        self.targets.iter().zip(self.resolved.get_or_init(all))
    }

    /// The raw OCI meaning on this machine's own architecture.
    pub(crate) fn meaning(&self, profile: &Profile) -> &Meaning {
        self.meaning.get_or_init(|| profile::meaning_on(profile, [self.native()]))
    }

    /// Runtimes under which nothing starts, or nothing more can be executed, as `make` finds them.
    pub(crate) fn starts(&self, make: impl FnOnce() -> Vec<Start>) -> &[Start] {
        self.starts.get_or_init(make)
    }

    /// The architectures that are filtered.
    pub(crate) fn arches(&self, profile: &Profile) -> Vec<Arch> {
        profile::filtered_arches(profile, self.native())
    }

    /// Keys of Docker's language: the key's place and name; the object that it is in.
    pub(crate) fn docker_keys(&self) -> impl Iterator<Item = (Range<usize>, &str)> {
        let top = self.node.members().iter().filter(|(key, _)| DOCKER_KEYS.contains(&key.name.as_str()));
        let says = |value: &Node| !value.members().is_empty() || value.text().is_some_and(|t| !t.is_empty());
        let rules = self.rules().iter().flat_map(Node::members);
        let rules =
            rules.filter(move |(key, value)| DOCKER_RULE_KEYS.contains(&key.name.as_str()) && says(value));
        top.chain(rules).map(|(key, _)| (key.span.clone(), key.name.as_str()))
    }

    /// The entries of `syscalls`, in the order of the profile's rules.
    pub(crate) fn rules(&self) -> &[Node] {
        self.node.get("syscalls").map_or(&[], |list| list.items())
    }

    /// One entry of `syscalls`.
    pub(crate) fn rule(&self, index: usize) -> Option<&Node> {
        self.rules().get(index)
    }

    /// One entry of a rule's `args`.
    pub(crate) fn condition(&self, rule: usize, condition: usize) -> Range<usize> {
        let node = self.rule(rule).and_then(|rule| rule.get("args")?.items().get(condition));
        node.map_or(0..0, |node| node.span.clone())
    }

    /// A member's value in a rule, or the rule.
    pub(crate) fn part(&self, rule: usize, key: &str) -> Range<usize> {
        let rule = self.rule(rule);
        rule.map_or(0..0, |rule| rule.get(key).unwrap_or(rule).span.clone())
    }

    /// The value of a key at the top, or the profile's first character.
    pub(crate) fn top(&self, key: &str) -> Range<usize> {
        let start = self.node.span.start;
        self.node.get(key).map_or(start..start + 1, |node| node.span.clone())
    }

    /// The place of a refusal: what it says, the rule on its line, or `defaultAction`.
    pub(crate) fn place(&self, refusal: &Refusal) -> Range<usize> {
        if let Some(span) = refusal.span.clone().filter(|span| !span.is_empty()) {
            return self.map.place(span);
        }
        let line = refusal.line.map(|line| self.line(line));
        line.unwrap_or_else(|| self.top("defaultAction"))
    }

    /// The rule that begins on a line of the profile's own text.
    pub(crate) fn line(&self, line: usize) -> Range<usize> {
        let range = Positions::of(self.value).line_range(line);
        let in_file = self.map.place(range.clone());
        let rule = self.rules().iter().find(|rule| in_file.contains(&rule.span.start));
        rule.map_or(in_file, |rule| rule.span.clone())
    }

    /// Names with the rules that name them; those of the default's own action are left out.
    pub(crate) fn named<'p>(&self, profile: &'p Profile) -> Named<'_, 'p> {
        let sorted = || {
            let rules = profile.rules.iter().enumerate();
            let rules = rules.filter(|(_, rule)| rule.action.action != profile.default.action);
            let mentions = rules.flat_map(|(at, rule)| {
                let name = move |(index, name): (usize, &Name)| {
                    let place = sysno::position(&name.text).map_or(UNKNOWN, |place| place as u32);
                    Place { call: place, rule: at as u32, name: index as u32 }
                };
                rule.names.iter().enumerate().map(name)
            });
            let mut all: Vec<Place> = mentions.collect();
            all.sort_unstable();
            // Those that are no calls have an order of their own, for whoever looks for what is named twice.
            let strangers = all.partition_point(|place| place.call != UNKNOWN);
            let text = |place: &Place| &profile.rules[place.rule as usize].names[place.name as usize].text;
            all[strangers..].sort_by_key(|place| (text(place), *place));
            all
        };
        Named { profile, sorted: self.named.get_or_init(sorted) }
    }

    /// Whether it is plain to see that no runtime refuses the profile and that no rules meet: see [`super::plain`].
    pub(crate) fn is_plain(&self) -> bool {
        *self.plain.get_or_init(|| super::plain::is_plain(self))
    }

    /// Whether what rules of one call mean together takes too long to work out.
    pub(crate) fn is_tangled(&self, profile: &Profile) -> bool {
        *self.tangled.get_or_init(|| super::tangle::is_tangled(profile))
    }
}

/// Where a name stands: which call it is, in which rule, which name of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    call: u32,
    rule: u32,
    name: u32,
}

/// The place of what is no call.
const UNKNOWN: u32 = u32::MAX;

/// Names of a profile, sorted.
#[derive(Clone, Copy)]
pub(crate) struct Named<'n, 'p> {
    profile: &'p Profile,
    sorted: &'n [Place],
}

/// A name, where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Mention<'p> {
    /// Which rule.
    pub(crate) index: usize,
    pub(crate) rule: &'p Rule,
    pub(crate) name: &'p Name,
    /// Which name of the rule.
    pub(crate) at: usize,
    /// What is known of the call; `None`: there is no such call.
    pub(crate) fact: Option<Fact>,
}

impl<'n, 'p> Named<'n, 'p> {
    fn mention(self, place: Place) -> Mention<'p> {
        let (index, at) = (place.rule as usize, place.name as usize);
        let rule = &self.profile.rules[index];
        let fact = (place.call != UNKNOWN).then(|| facts::of(place.call as usize));
        Mention { index, rule, name: &rule.names[at], at, fact }
    }

    fn is_same(self, a: Place, b: Place) -> bool {
        a.call == b.call && (a.call != UNKNOWN || self.mention(a).name.text == self.mention(b).name.text)
    }

    /// Where a call is named, in the order of the file.
    pub(crate) fn of(self, call: &str) -> impl Iterator<Item = Mention<'p>> + use<'n, 'p> {
        let call = sysno::position(call).map_or(UNKNOWN, |place| place as u32);
        let start = self.sorted.partition_point(|place| place.call < call);
        let known =
            self.sorted[start..].iter().take_while(move |place| place.call == call && call != UNKNOWN);
        known.map(move |place| self.mention(*place))
    }

    /// Every mention, by call.
    pub(crate) fn all(self) -> impl Iterator<Item = Mention<'p>> + use<'n, 'p> {
        self.sorted.iter().map(move |place| self.mention(*place))
    }

    /// Every call that is named more than once, with where, in the order of the file.
    pub(crate) fn shared(self) -> impl Iterator<Item = Vec<Mention<'p>>> + use<'n, 'p> {
        let groups = self.sorted.chunk_by(move |a, b| self.is_same(*a, *b));
        groups
            .filter(|group| group.len() > 1)
            .map(move |group| group.iter().map(|at| self.mention(*at)).collect())
    }

    /// Whether some rule lets a call go ahead, for some or all.
    pub(crate) fn allows(self, call: &str) -> bool {
        self.of(call).any(|mention| mention.rule.action.action.permits())
    }
}
