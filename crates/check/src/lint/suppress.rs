//! Suppressions: comments and annotations that keep a finding quiet, each with a reason and maybe an end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Range;

use callgate_core::profile::json::Node;

use super::finding::{Finding, Positions};
use super::manifest::Object;
use super::options::Options;
use super::rule::Sink;
use super::rules;
use crate::yaml::Comment;

/// What a comment that suppresses begins with.
const MARK: &str = "callgate: ignore";

/// The domain of annotations that suppress.
const DOMAIN: &str = "ignore.callgate.dev/";

/// A suppression in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The rules it is about; none: it could not be read.
    pub codes: Vec<String>,
    /// Why; empty where none is given.
    pub reason: String,
    /// The last day on which it holds, as written.
    pub until: Option<String>,
    /// Where it stands.
    pub span: Range<usize>,
    /// What it covers: findings that begin in there.
    pub covers: Range<usize>,
    /// Where in the document it stands.
    pub pointer: String,
}

impl Suppression {
    /// Whether it may keep anything quiet: it has a reason, and its day has not passed.
    fn holds(&self, today: &str) -> bool {
        !self.reason.is_empty() && !self.is_expired(today)
    }

    /// Whether it keeps a finding quiet on a day.
    pub(crate) fn covers(&self, finding: &Finding, today: &str) -> bool {
        self.holds(today)
            && self.covers.contains(&finding.span.start)
            && self.codes.iter().any(|code| code == finding.code)
    }

    fn is_expired(&self, today: &str) -> bool {
        // Days in this form sort as text; one in another form never holds.
        self.until.as_deref().is_some_and(|until| !is_day(until) || until < today)
    }
}

/// `2026-12-31`.
pub fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let number = |part: &str, digits: usize, max: u32| {
        part.len() == digits
            && part.bytes().all(|b| b.is_ascii_digit())
            && part.parse().is_ok_and(|n: u32| (1..=max).contains(&n))
    };
    let leap = |year: u32| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month.parse::<u32>() {
        Ok(2) if year.parse().is_ok_and(leap) => 29,
        Ok(2) => 28,
        Ok(4 | 6 | 9 | 11) => 30,
        _ => 31,
    };
    number(year, 4, 9999) && number(month, 2, 12) && number(day, 2, last)
}

/// Splits `because … until=2026-12-31` into reason and day.
fn reason(text: &str) -> (String, Option<String>) {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let until = words.iter().position(|word| word.starts_with("until="));
    let until =
        until.map(|at| words.remove(at)["until=".len()..].trim_end_matches(['.', ',', ')']).to_owned());
    (words.join(" ").trim_start_matches([':', '-', '–', '—', ' ']).trim().to_owned(), until)
}

/// The comments that suppress something, or mean to.
pub(crate) fn marked(comments: &[Comment]) -> Vec<&Comment> {
    comments.iter().filter(|comment| comment.text.starts_with(MARK) || is_nearly(&comment.text)).collect()
}

/// Words for it in other tools.
const WORDS: [&str; 5] = ["ignore", "disable", "suppress", "allow", "skip"];

/// Whether a comment is meant as a suppression and is none: `callgate:ignore[…]`, `Callgate: disable`.
fn is_nearly(text: &str) -> bool {
    let Some(name) = text.get(..8).filter(|head| head.eq_ignore_ascii_case("callgate")) else { return false };
    let rest = &text[name.len()..];
    let word = rest.trim_start_matches([' ', ':', '-', '_']);
    let end = word.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(word.len());
    let is_word = WORDS.iter().any(|known| known.eq_ignore_ascii_case(&word[..end]));
    is_word && (rest.starts_with(':') || word[end..].trim_start().starts_with(['[', '(', ':', '=']))
}

/// The suppressions of comments. One behind a value is about that line; one on a line of its own about what begins on the next
/// line, with all that is indented below it.
pub(crate) fn comments(text: &str, positions: &Positions<'_>, marked: &[&Comment]) -> Vec<Suppression> {
    // Of comments above each other all are about the same block, whose end is looked for once.
    let mut last = (0, 0..0);
    let found = marked.iter().map(|comment| {
        let rest = comment.text.strip_prefix(MARK).unwrap_or_default();
        let (codes, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((codes, rest)) => (codes.split(',').map(|c| c.trim().to_owned()).collect(), rest),
            None => (Vec::new(), rest),
        };
        let (reason, until) = reason(rest);
        let line = positions.line(comment.span.start);
        let before = &text[positions.line_range(line).start..comment.span.start];
        let own_line = before.trim().is_empty();
        let covers = if own_line {
            if last.0 <= line {
                last = block(text, positions, line);
            }
            last.1.clone()
        } else {
            positions.line_range(line)
        };
        Suppression { codes, reason, until, span: comment.span.clone(), covers, pointer: String::new() }
    });
    found.collect()
}

/// The lines from the next one that says something, on to the first that is not indented below it; and which line that next one is.
fn block(text: &str, positions: &Positions<'_>, comment: usize) -> (usize, Range<usize>) {
    let line = |number: usize| text.get(positions.line_range(number)).unwrap_or_default();
    let says = |number: &usize| {
        let shown = line(*number).trim_start();
        !shown.is_empty() && !shown.starts_with('#')
    };
    let Some(first) = (comment + 1..=positions.lines()).find(says) else { return (usize::MAX, 0..0) };
    let indent = |number: usize| line(number).len() - line(number).trim_start().len();
    let own = indent(first);
    // A list may stand as deep as the key it belongs to; its dash may stand alone.
    let is_item = |number: usize| {
        let shown = line(number).trim();
        shown == "-" || shown.starts_with("- ") || shown.starts_with("-\t")
    };
    let key = !is_item(first);
    let inside = |number: usize| {
        !says(&number) || indent(number) > own || (key && indent(number) == own && is_item(number))
    };
    let last = (first + 1..=positions.lines()).take_while(|number| inside(*number)).last().unwrap_or(first);
    (first, positions.line_range(first).start..positions.line_range(last).end)
}

/// The suppressions of an object's annotations, which are about all of it.
pub(crate) fn annotations(object: &Object<'_>) -> Vec<Suppression> {
    let ours =
        object.annotations().filter_map(|(key, value)| Some((key, value, key.name.strip_prefix(DOMAIN)?)));
    let found = ours.map(|(key, value, code)| {
        let (reason, until) = reason(value.text().unwrap_or_default());
        let covers = object.node.span.clone();
        let codes = vec![code.to_owned()];
        Suppression { codes, reason, until, span: key.span.clone(), covers, pointer: String::new() }
    });
    found.collect()
}

/// Takes out what is suppressed. Returns how many findings were, and what is wrong with the suppressions.
pub(crate) fn apply(
    found: &mut Vec<Finding>,
    suppressions: &[Suppression],
    options: &Options,
) -> (usize, Vec<Finding>) {
    let mut used = vec![false; suppressions.len()];
    let before = found.len();
    if !suppressions.is_empty() {
        found.sort_by_key(|finding| finding.span.start);
        let mut sweep = Sweep::of(suppressions, &options.today);
        found.retain(|finding| {
            let by = sweep.of_finding(finding);
            if let Some(by) = by {
                used[by] = true;
            }
            by.is_none()
        });
    }
    let suppressed = before - found.len();
    let mut said = Vec::new();
    for (suppression, used) in suppressions.iter().zip(used) {
        wrong(suppression, used, options, &mut said);
    }
    (suppressed, said)
}

/// The suppressions around findings that come in ascending order: not all of them are asked for each.
struct Sweep<'s> {
    suppressions: &'s [Suppression],
    /// By where they begin to cover; those that come later.
    later: std::iter::Peekable<std::vec::IntoIter<usize>>,
    /// By code, where the others end to cover, the last one first.
    around: BTreeMap<&'s str, BinaryHeap<(usize, Reverse<usize>)>>,
}

impl<'s> Sweep<'s> {
    fn of(suppressions: &'s [Suppression], today: &str) -> Self {
        let mut order: Vec<usize> =
            (0..suppressions.len()).filter(|at| suppressions[*at].holds(today)).collect();
        order.sort_by_key(|at| suppressions[*at].covers.start);
        Self { suppressions, later: order.into_iter().peekable(), around: BTreeMap::new() }
    }

    /// The one that reaches furthest of those that keep a finding quiet.
    fn of_finding(&mut self, finding: &Finding) -> Option<usize> {
        let (all, place) = (self.suppressions, finding.span.start);
        while let Some(at) = self.later.next_if(|at| all[*at].covers.start <= place) {
            for code in &all[at].codes {
                self.around.entry(code).or_default().push((all[at].covers.end, Reverse(at)));
            }
        }
        let around = self.around.get_mut(finding.code)?;
        let (_, Reverse(at)) = around.peek().filter(|(end, _)| *end > place).copied().or_else(|| {
            around.clear();
            None
        })?;
        Some(at)
    }
}

fn wrong(suppression: &Suppression, used: bool, options: &Options, found: &mut Vec<Finding>) {
    let span = || suppression.span.clone();
    let mut report = |rule: &'static super::rule::Rule, message: String, hint: String| {
        let mut sink = Sink::of(rule, options, found);
        let finding = sink.report(span(), message);
        finding.hint(hint);
        finding.pointer.clone_from(&suppression.pointer);
    };
    let unknown: Vec<&String> = suppression.codes.iter().filter(|code| rules::find(code).is_none()).collect();
    for code in &unknown {
        let near = callgate_core::suggest::nearest(code, rules::all().map(|rule| rule.code));
        let hint = near.map_or_else(
            || "`callgate rule` lists the codes".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        report(&rules::suppression::UNKNOWN_RULE, format!("there is no rule `{code}`"), hint);
    }
    if suppression.codes.is_empty() || suppression.reason.is_empty() {
        let message = "a suppression without a code and a reason suppresses nothing".to_owned();
        let hint = format!("write `# {MARK}[CODE] why it is so`");
        report(&rules::suppression::SUPPRESSION_WITHOUT_REASON, message, hint);
    } else if suppression.is_expired(&options.today) {
        let until = suppression.until.as_deref().unwrap_or_default();
        let message = if is_day(until) {
            format!("this suppression held until {until}")
        } else {
            format!("`until={until}` is no day: the suppression does not hold")
        };
        let hint = "mend what it was for, or give it a new day, as until=2027-01-31".to_owned();
        report(&rules::suppression::EXPIRED_SUPPRESSION, message, hint);
    } else if !used && unknown.is_empty() {
        let message = format!("there is nothing here for `{}` to suppress", suppression.codes.join("`, `"));
        report(&rules::suppression::UNUSED_SUPPRESSION, message, "take it out".to_owned());
    }
}

/// The pointer of a place, for those who have the tree: see [`super::pointer`].
pub(crate) fn locate(suppressions: &mut [Suppression], root: &Node, document: usize) {
    for suppression in suppressions {
        suppression.pointer = super::pointer::of(root, document, suppression.span.start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_and_days_are_told_apart() {
        assert_eq!(
            reason(" vendor's image until=2026-12-31"),
            ("vendor's image".to_owned(), Some("2026-12-31".to_owned()))
        );
        assert_eq!(reason(": – because"), ("because".to_owned(), None));
        assert_eq!(reason("").0, "");
        assert!(is_day("2028-02-29") && !is_day("2027-02-29") && !is_day("2026-04-31"));
        assert!(is_day("2026-02-28") && !is_day("2026-13-01") && !is_day("31.12.2026") && !is_day("26-1-1"));
    }

    #[test]
    fn what_is_meant_as_a_suppression_is_told_from_prose() {
        for text in [
            "callgate:ignore[unconfined] why",
            "Callgate: ignore",
            "callgate: disable[unconfined]",
            "callgate-ignore[unconfined] why",
            "CALLGATE ignore=unconfined",
        ] {
            assert!(is_nearly(text), "{text}");
        }
        for text in [
            "callgate ignores this file",
            "callgate allows it",
            "callgate",
            "callgated: ignore",
            "callgät: ignore",
        ] {
            assert!(!is_nearly(text), "{text}");
        }
    }

    #[test]
    fn the_dash_of_a_list_may_stand_alone() {
        let text = "spec:\n  # callgate: ignore[x] why\n  l:\n  -\n    a: 1\n  -\n    b: 2\n  m: 1\n";
        let documents: Vec<_> = crate::yaml::documents(text).map(Result::unwrap).collect();
        let found = comments(text, &Positions::of(text), &marked(&documents[0].comments));
        assert_eq!(text[found[0].covers.clone()].trim(), "l:\n  -\n    a: 1\n  -\n    b: 2");
    }

    #[test]
    fn a_comment_covers_its_line_or_the_block_below_it() {
        let text = "a:\n  # callgate: ignore[x] why\n  b: |\n    1\n\n    2\n  c: 3 # callgate: ignore[y] why\n# callgate: ignore[z] why\nl:\n- 1\n- 2\nm: 1\n";
        let documents: Vec<_> = crate::yaml::documents(text).map(Result::unwrap).collect();
        let found = comments(text, &Positions::of(text), &marked(&documents[0].comments));
        let covered: Vec<&str> = found.iter().map(|s| text[s.covers.clone()].trim()).collect();
        assert_eq!(covered, ["b: |\n    1\n\n    2", "c: 3 # callgate: ignore[y] why", "l:\n- 1\n- 2"]);
        assert_eq!((found[0].codes.clone(), found[0].reason.as_str()), (vec!["x".to_owned()], "why"));
    }
}
