//! Edits of a profile's text: each touches as little as it can, and looks like what stands around it.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::action::Action;
use crate::group;
use crate::profile::{Condition, Profile, Rule};

/// Edits to be made, none of which overlap.
pub(super) struct Editor<'p> {
    text: &'p str,
    profile: &'p Profile,
    /// Rule → names to be put into it.
    into: BTreeMap<usize, Vec<String>>,
    /// Rule → names to be taken out of it.
    out: BTreeMap<usize, Vec<String>>,
    /// New rules: names of one group under the same conditions.
    new: BTreeMap<(&'static str, Vec<Condition>), Vec<String>>,
}

impl<'p> Editor<'p> {
    pub(super) fn new(text: &'p str, profile: &'p Profile) -> Self {
        Self { text, profile, into: BTreeMap::new(), out: BTreeMap::new(), new: BTreeMap::new() }
    }

    /// Takes a call out of the rules that refuse it whatever its arguments: no rule that could be added wins over one.
    pub(super) fn unrefuse(&mut self, name: &str) {
        for (index, rule) in self.profile.rules.iter().enumerate() {
            let refuses = !rule.action.action.permits() && rule.conditions.is_empty();
            let names = self.out.entry(index).or_default();
            if refuses && rule.names.iter().any(|n| n.text == name) && !names.iter().any(|n| n == name) {
                names.push(name.to_owned());
            }
        }
    }

    /// Allows a call under conditions.
    pub(super) fn allow(&mut self, name: &str, conditions: &[Condition]) {
        let place = if conditions.is_empty() { self.company(name) } else { None };
        let names = if let Some(index) = place {
            self.into.entry(index).or_default()
        } else {
            let group = group::primary(name).unwrap_or_default();
            self.new.entry((group, conditions.to_vec())).or_default()
        };
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }

    /// The rule a call belongs to: an allow rule without conditions that holds calls of its group.
    fn company(&self, name: &str) -> Option<usize> {
        let own = group::primary(name)?;
        let fits = |rule: &Rule| {
            let plain = rule.conditions.is_empty() && rule.extra.is_empty();
            rule.action.action == Action::Allow && plain && self.has_a_list(rule)
        };
        let shared = |rule: &Rule| rule.names.iter().filter(|n| group::primary(&n.text) == Some(own)).count();
        let rules = self.profile.rules.iter().enumerate().filter(|(_, rule)| fits(rule) && shared(rule) > 0);
        // The most company; of several the first.
        let best = rules.max_by_key(|(index, rule)| (shared(rule), std::cmp::Reverse(*index)))?;
        Some(best.0)
    }

    /// Whether the names of a rule are a list, and not Docker's older `name`.
    fn has_a_list(&self, rule: &Rule) -> bool {
        let first = rule.names.first().map_or(rule.span.start, |name| name.span.start);
        self.text[rule.span.start..first].trim_end().ends_with('[')
    }

    /// The text with all edits made.
    pub(super) fn finish(self) -> String {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        for (index, rule) in self.profile.rules.iter().enumerate() {
            let out = self.out.get(&index).map_or(&[][..], Vec::as_slice);
            if !out.is_empty() && out.len() == rule.names.len() {
                edits.push((self.whole(index), String::new()));
                continue;
            }
            edits.extend(without(rule, out));
            let into = self.into.get(&index).map_or(&[][..], Vec::as_slice);
            edits.extend(self.with(rule, into));
        }
        if let Some(last) = self.profile.rules.last() {
            let rules = self.new.iter().map(|((_, conditions), names)| self.rule(names, conditions));
            let text =
                rules.fold(String::new(), |text, rule| format!("{text},{}{rule}", self.between_rules()));
            edits.push((last.span.end..last.span.end, text));
        }
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut text = self.text.to_owned();
        for (range, with) in edits.into_iter().rev() {
            text.replace_range(range, &with.replace("\r\n", "\n").replace('\n', self.line_end()));
        }
        text
    }

    /// How the lines of the text end.
    fn line_end(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// A rule with the comma that belongs to it.
    fn whole(&self, index: usize) -> Range<usize> {
        let rules = &self.profile.rules;
        match (index.checked_sub(1).and_then(|i| rules.get(i)), rules.get(index + 1)) {
            (Some(before), _) => before.span.end..rules[index].span.end,
            (None, Some(after)) => rules[index].span.start..after.span.start,
            (None, None) => rules[index].span.clone(),
        }
    }

    /// The edits that put names in: where they sort, if the others are sorted, else at the end.
    fn with(&self, rule: &Rule, names: &[String]) -> Vec<(Range<usize>, String)> {
        let Some(last) = rule.names.last() else { return Vec::new() };
        let sorted = rule.names.is_sorted_by(|a, b| a.text <= b.text);
        let gap = match rule.names.as_slice() {
            [.., a, b] => &self.text[a.span.end..b.span.start],
            _ => ", ",
        };
        // What stands between two names: a comma, and a line end where every name has its own line.
        let own_lines = rule.names.len() > 1
            && rule.names.windows(2).all(|w| self.text[w[0].span.end..w[1].span.start].contains('\n'));
        let gap = if own_lines || !gap.contains('\n') { gap } else { ", " };
        let mut names = names.to_vec();
        names.sort();
        let edit = |name: &String| match rule.names.iter().find(|n| sorted && n.text > *name) {
            Some(next) => (next.span.start..next.span.start, format!("\"{name}\"{gap}")),
            None => (last.span.end..last.span.end, format!("{gap}\"{name}\"")),
        };
        names.iter().map(edit).collect()
    }

    /// The space before a rule that follows another.
    fn between_rules(&self) -> &str {
        match self.profile.rules.as_slice() {
            [.., a, b] => {
                self.text[a.span.end..b.span.start].trim_start_matches(|c| c != ',').get(1..).unwrap_or("\n")
            }
            [only] => {
                let line = self.text[..only.span.start].rfind('\n').map_or(0, |i| i);
                let indent = &self.text[line..only.span.start];
                if indent.trim().is_empty() && !indent.is_empty() { indent } else { " " }
            }
            [] => "",
        }
    }

    /// A new rule, on as many lines as the last one.
    fn rule(&self, names: &[String], conditions: &[Condition]) -> String {
        let mut names = names.to_vec();
        names.sort();
        let names = names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", ");
        let condition = |c: &Condition| {
            let two =
                if c.value_two == 0 { String::new() } else { format!("\"valueTwo\": {}, ", c.value_two) };
            format!("{{\"index\": {}, \"value\": {}, {two}\"op\": \"{}\"}}", c.index, c.value, c.op.oci())
        };
        let mut parts = vec![format!("\"names\": [{names}]"), "\"action\": \"SCMP_ACT_ALLOW\"".to_owned()];
        if !conditions.is_empty() {
            let list = conditions.iter().map(condition).collect::<Vec<_>>().join(", ");
            parts.push(format!("\"args\": [{list}]"));
        }
        let last = self.profile.rules.last().map_or("", |r| &self.text[r.span.clone()]);
        if !last.contains('\n') {
            return format!("{{{}}}", parts.join(", "));
        }
        let before = last.lines().last().unwrap_or("");
        let outer = &before[..before.len() - before.trim_start().len()];
        let second = last.lines().nth(1).unwrap_or("");
        let inner = &second[..second.len() - second.trim_start().len()];
        format!("{{\n{inner}{}\n{outer}}}", parts.join(&format!(",\n{inner}")))
    }
}

/// The edits that take names out, run by run, each with the comma that belongs to it. One name at least stays.
fn without(rule: &Rule, names: &[String]) -> Vec<(Range<usize>, String)> {
    let goes = |index: usize| rule.names.get(index).is_some_and(|n| names.contains(&n.text));
    let mut edits = Vec::new();
    let mut index = 0;
    while index < rule.names.len() {
        let start = index;
        while goes(index) {
            index += 1;
        }
        if index > start {
            let range = match rule.names.get(index) {
                Some(after) => rule.names[start].span.start..after.span.start,
                None => rule.names[start.saturating_sub(1)].span.end..rule.names[index - 1].span.end,
            };
            edits.push((range, String::new()));
        }
        index += 1;
    }
    edits
}
