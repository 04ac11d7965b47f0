//! One call as a tree: on top the last argument that matters, then those before it, and actions as leaves.
//!
//! The values of an argument are sorted by what follows from them, so that there is one tree only, however the clauses
//! were written. Its paths are the rules: no two hold at once, and on no level do two tests hold at once. libseccomp, which
//! asks for the last argument first and does not come back (`src/db.c`, `src/gen_bpf.c`), then decides as OCI says.

use std::collections::BTreeMap;

use super::line::{self, Test};
use crate::action::Action;
use crate::meaning::Clause;
use crate::profile::Condition;
use crate::set::{ArgBox, ArgSet, Region};

/// More stretches of one argument are not told apart.
const MAX_PIECES: usize = 1 << 13;

/// More rules of one call are of no use: a filter has room for some hundreds, and KEP-6061 takes 256.
pub(super) const MAX_RULES: usize = 1024;

/// More clauses of one call are not looked at, so that a monstrous profile ends soon.
const MAX_CLAUSES: usize = 4 * MAX_RULES;

/// What happens to one call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tree {
    /// Always the same.
    Leaf(Action),
    /// It depends on this argument; for values that no test holds for, it is the default.
    Node(usize, Vec<(Vec<Test>, Tree)>),
}

/// What trees are built for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Bits of an argument.
    pub(super) width: u32,
    /// What needs no rule.
    pub(super) default: Action,
}

/// The tree of clauses that decide about all arguments, first match first. `None`: it has too many branches.
fn build(clauses: &[Clause], shape: Shape) -> Option<Tree> {
    let all: Vec<usize> = (0..clauses.len()).collect();
    below(clauses, &all, 6, shape)
}

/// The tree over the first `left` arguments, where only these clauses are left.
fn below(clauses: &[Clause], which: &[usize], left: usize, shape: Shape) -> Option<Tree> {
    let first = &clauses[*which.first()?];
    let Some(index) = (0..left).rev().find(|i| !first.args.arg(*i).is_any()) else {
        return Some(Tree::Leaf(first.action));
    };
    // The last argument that any of them speaks of; those behind the first that speaks of none do not count.
    let index = which
        .iter()
        .fold(index, |top, c| (top..left).rev().find(|i| !clauses[*c].args.arg(*i).is_any()).unwrap_or(top));
    let mut known: BTreeMap<Vec<usize>, Tree> = BTreeMap::new();
    let mut branches: BTreeMap<Tree, Vec<ArgSet>> = BTreeMap::new();
    for (values, members) in alike(clauses, which, index, shape.width)? {
        let members = decisive(clauses, members, index);
        let tree = match known.get(&members) {
            Some(tree) => tree.clone(),
            None => known.entry(members.clone()).or_insert(below(clauses, &members, index, shape)?).clone(),
        };
        branches.entry(tree).or_default().extend(values);
    }
    if branches.len() == 1 {
        return branches.into_keys().next();
    }
    let branches = branches.into_iter().filter(|(tree, _)| *tree != Tree::Leaf(shape.default));
    let tested = branches.map(|(tree, values)| Some((line::tests(&values, shape.width)?, tree)));
    let mut tested = tested.collect::<Option<Vec<_>>>()?;
    tested.sort_unstable();
    Some(Tree::Node(index, tested))
}

/// Clauses up to the first that holds whatever the arguments below `left` are.
fn decisive(clauses: &[Clause], mut which: Vec<usize>, left: usize) -> Vec<usize> {
    let any = |c: &usize| (0..left).all(|i| clauses[*c].args.arg(i).is_any());
    let end = which.iter().position(any).map_or(which.len(), |at| at + 1);
    which.truncate(end);
    which
}

/// Values of an argument that the same clauses hold for, with those.
fn alike(
    clauses: &[Clause],
    which: &[usize],
    index: usize,
    width: u32,
) -> Option<Vec<(Vec<ArgSet>, Vec<usize>)>> {
    let mut sides: BTreeMap<ArgSet, Vec<usize>> = BTreeMap::new();
    for clause in which {
        sides.entry(*clauses[*clause].args.arg(index)).or_default().push(*clause);
    }
    let mut found = vec![(vec![ArgSet::range(0, u64::MAX >> (64 - width))], Vec::new())];
    for (side, members) in sides {
        let mut next = Vec::with_capacity(found.len() + 1);
        for (values, mut with) in found {
            let inside: Vec<ArgSet> = values.iter().filter_map(|v| v.intersect(&side)).collect();
            if inside.is_empty() {
                next.push((values, with));
                continue;
            }
            let outside: Vec<ArgSet> = values.iter().flat_map(|v| v.subtract(&side)).collect();
            if !outside.is_empty() {
                next.push((outside, with.clone()));
            }
            with.extend(&members);
            next.push((inside, with));
        }
        found = next;
        if found.iter().map(|(values, _)| values.len()).sum::<usize>() > MAX_PIECES {
            return None;
        }
    }
    for (_, members) in &mut found {
        members.sort_unstable();
    }
    Some(found)
}

/// Conditions that must all hold, and the action.
pub(super) type Path = (Vec<Condition>, Action);

/// The rules of one call; none where it gets the default. `None`: there are too many.
///
/// Its tree, or, where that has too many paths, what the clauses say one by one: then rules of one action may overlap.
pub(super) fn paths(clauses: &[Clause], shape: Shape) -> Option<Vec<Path>> {
    if clauses.len() > MAX_CLAUSES {
        return None;
    }
    build(clauses, shape)
        .and_then(|tree| of_tree(&tree, shape.default))
        .or_else(|| of_clauses(clauses, shape))
}

fn of_tree(tree: &Tree, default: Action) -> Option<Vec<Path>> {
    let mut found = Vec::new();
    let mut open = vec![(tree, Vec::new())];
    while let Some((at, path)) = open.pop() {
        match at {
            Tree::Leaf(action) if *action == default => {}
            Tree::Leaf(action) => found.push((path, *action)),
            Tree::Node(index, branches) => {
                for (test, tree) in
                    branches.iter().flat_map(|(tests, tree)| tests.iter().map(move |t| (t, tree)))
                {
                    let mut path = path.clone();
                    path.insert(0, test.of(*index));
                    open.push((tree, path));
                }
            }
        }
        if found.len() + open.len() > MAX_RULES {
            return None;
        }
    }
    Some(in_order(found))
}

/// Each clause without what earlier ones of another action take of it.
fn of_clauses(clauses: &[Clause], shape: Shape) -> Option<Vec<Path>> {
    let mut found = Vec::new();
    for (at, clause) in clauses.iter().enumerate().filter(|(_, c)| c.action != shape.default) {
        let others = clauses[..at].iter().filter(|c| c.action != clause.action);
        let mut own = Region::from(clause.args);
        for other in others {
            own = own.difference(&other.args.into());
            if own.boxes().len() > MAX_RULES {
                return None;
            }
        }
        for side in own.boxes() {
            found.extend(
                product(side, shape.width)?.into_iter().map(|conditions| (conditions, clause.action)),
            );
            if found.len() > MAX_RULES {
                return None;
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    Some(in_order(found))
}

/// A box as conditions: several lists where a side takes several tests.
fn product(args: &ArgBox, width: u32) -> Option<Vec<Vec<Condition>>> {
    let mut lists = vec![Vec::new()];
    for index in (0..6).filter(|i| !args.arg(*i).is_any()) {
        let tests = line::tests(&[*args.arg(index)], width)?;
        if lists.len().saturating_mul(tests.len()) > MAX_RULES {
            return None;
        }
        let with = |list: &Vec<Condition>, test: &Test| [&list[..], &[test.of(index)]].concat();
        lists = lists.iter().flat_map(|list| tests.iter().map(move |test| with(list, test))).collect();
    }
    Some(lists)
}

/// What allows comes first.
fn in_order(mut found: Vec<Path>) -> Vec<Path> {
    found.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    found
}
