#[test]
#[ignore = "measures"]
fn timing() {
    use crate::lint::embedded::SourceMap;
    use crate::lint::rule::*;
    use crate::lint::subject::Subject;
    use crate::lint::*;
    let text = std::fs::read_to_string("/work/shared/data/profiles/moby-default.json").unwrap();
    let options = Options::new(callgate_core::Arch::X86_64, "2026-11-26");
    let map = SourceMap::identity();
    let mut times: std::collections::BTreeMap<&str, std::time::Duration> = Default::default();
    let n = 200;
    for _ in 0..n {
        let t = std::time::Instant::now();
        let node = map.parse(&text).unwrap();
        *times.entry("0parse").or_default() += t.elapsed();
        let t = std::time::Instant::now();
        let subject = Subject::of(&text, (&node, &text, &map), &options);
        *times.entry("0read").or_default() += t.elapsed();
        let t = std::time::Instant::now();
        let _ = subject.resolved().count();
        *times.entry("0resolved").or_default() += t.elapsed();
        let t = std::time::Instant::now();
        if let Some(p) = subject.profile() {
            subject.permitted(p);
        }
        *times.entry("0permitted").or_default() += t.elapsed();
        let mut found = vec![];
        for rule in super::all() {
            let t = std::time::Instant::now();
            match (rule.check, subject.profile()) {
                (Check::Tree(c), _) => c(&subject, &mut Sink::of(rule, &options, &mut found)),
                (Check::Profile(c), Some(p)) => c(&subject, p, &mut Sink::of(rule, &options, &mut found)),
                _ => {}
            }
            *times.entry(rule.code).or_default() += t.elapsed();
        }
    }
    let mut v: Vec<_> = times.into_iter().collect();
    v.sort_by_key(|(_, t)| std::cmp::Reverse(*t));
    for (c, t) in v.iter().take(25) {
        println!("{c}: {:?}", *t / n);
    }
}
