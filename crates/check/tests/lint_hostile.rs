//! Input of any kind is looked at in time that grows with its size and not faster, and with a bound on memory.
#![expect(clippy::unwrap_used, reason = "a fixture that is not what it should be ends the test")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use callgate_check::lint::{FileReport, Input, Options, Policy, finish, join, look};
use callgate_check::report::{Format, Style, render};
use callgate_core::Arch;

fn options() -> Options {
    let mut options = Options::new(Arch::X86_64, "2026-11-26");
    options.pss = Some("restricted".parse().unwrap());
    options
}

/// What the command does with a file.
fn lint(name: &str, text: &str) -> FileReport {
    let options = options();
    let text: Arc<str> = text.into();
    let looked = vec![(name.to_owned(), look(Input { name, text: &text, named: true }, &options))];
    let joined = join(&looked, &[], &options, &|_| Some(text.to_string()));
    let more = joined.findings.into_iter().map(|(_, finding)| finding).collect();
    let (_, looked) = looked.into_iter().next().unwrap();
    let finished = finish((name, &text), (looked, more), &[], (&Policy::default(), &options));
    finished.report
}

fn shown(report: &FileReport) -> usize {
    let style = Style { color: false, width: 100 };
    let reports = [report.clone()];
    Format::ALL.iter().map(|format| render(*format, &reports, &|_| None, style).len()).sum()
}

fn many(count: usize, between: &str, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().join(between)
}

fn profile(syscalls: &str) -> String {
    format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{syscalls}]}}"#)
}

fn named(names: &str) -> String {
    profile(&format!(r#"{{"names": [{names}], "action": "SCMP_ACT_ALLOW"}}"#))
}

fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n{spec}\n")
}

type Make = fn(usize) -> String;

/// Name of a file, what it is of, how many of the smaller size.
const SHAPES: &[(&str, &str, usize, Make)] = &[
    ("p.json", "rules with conditions", 2000, |n| {
        profile(&many(n, ",\n", |i| {
            let action = if i % 2 == 0 { "ALLOW" } else { "LOG" };
            format!(
                r#"{{"names": ["ioctl", "x{i}"], "action": "SCMP_ACT_{action}", "args": [{{"index": 1, "value": {i}, "op": "SCMP_CMP_EQ"}}]}}"#
            )
        }))
    }),
    ("p.json", "rules that conflict", 5000, |n| {
        profile(&many(n, ", ", |i| {
            let action = ["ALLOW", "LOG", "KILL_PROCESS"][i % 3];
            format!(r#"{{"names": ["read", "write"], "action": "SCMP_ACT_{action}"}}"#)
        }))
    }),
    ("p.json", "rules that say what the default says", 5000, |n| {
        profile(&many(n, ", ", |_| r#"{"names": ["read"], "action": "SCMP_ACT_ERRNO"}"#.to_owned()))
    }),
    ("p.json", "rules of one call with conditions and one action", 3000, |n| {
        profile(&many(n, ",\n", |i| {
            format!(
                r#"{{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{{"index": 0, "value": {i}, "op": "SCMP_CMP_NE"}}]}}"#
            )
        }))
    }),
    ("p.json", "rules with masks", 3000, |n| {
        profile(&many(n, ",\n", |i| {
            format!(
                r#"{{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{{"index": 0, "value": {i}, "valueTwo": {}, "op": "SCMP_CMP_MASKED_EQ"}}]}}"#,
                i * 7
            )
        }))
    }),
    ("p.json", "conditions of a rule", 5000, |n| {
        let args = many(n, ", ", |i| format!(r#"{{"index": {}, "value": {i}, "op": "SCMP_CMP_GE"}}"#, i % 6));
        profile(&format!(r#"{{"names": ["openat"], "action": "SCMP_ACT_ALLOW", "args": [{args}]}}"#))
    }),
    ("p.json", "conditions of a rule with many names", 2000, |n| {
        let args = many(n, ", ", |i| format!(r#"{{"index": {}, "value": {i}, "op": "SCMP_CMP_GE"}}"#, i % 6));
        let names = many(n, ", ", |i| format!(r#""call{i}""#));
        profile(&format!(r#"{{"names": [{names}], "action": "SCMP_ACT_ALLOW", "args": [{args}]}}"#))
    }),
    ("p.json", "conditions that make a space of holes", 30, |n| {
        let args =
            many(n, ", ", |i| format!(r#"{{"index": {}, "value": {i}5, "op": "SCMP_CMP_NE"}}"#, i % 6));
        profile(&format!(r#"{{"names": ["openat"], "action": "SCMP_ACT_ALLOW", "args": [{args}]}}"#))
    }),
    ("s.yaml", "pods that use profiles beside them", 300, |n| {
        many(n, "---\n", |i| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{i}}}\ndata:\n  p{i}.json: '{{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": []}}'\n---\n{}",
                pod(&format!(
                    "  containers:\n  - name: a\n    securityContext: {{seccompProfile: {{type: Localhost, localhostProfile: p{i}.json}}}}"
                ))
            )
        })
    }),
    ("s.yaml", "pods that use profiles that are not there", 1000, |n| {
        many(n, "---\n", |i| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{i}}}\ndata:\n  p{i}.json: '{{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": []}}'\n---\n{}",
                pod(&format!(
                    "  containers:\n  - name: a\n    securityContext: {{seccompProfile: {{type: Localhost, localhostProfile: q{i}.json}}}}"
                ))
            )
        })
    }),
    ("s.yaml", "pods of many images with one profile", 200, |n| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  p.json: '{}'\n---\n{}",
            named(&many(200, ", ", |i| format!("\"name{i}\""))),
            many(n, "---\n", |i| pod(&format!(
                "  containers:\n  - name: a\n    image: python:{i}\n    securityContext: {{seccompProfile: {{type: Localhost, localhostProfile: p.json}}}}"
            )))
        )
    }),
    ("p.json", "unknown names", 20000, |n| named(&many(n, ", ", |i| format!("\"name{i}\"")))),
    ("p.json", "nearly known names", 5000, |n| named(&many(n, ", ", |i| format!("\"opneat{}\"", i % 7)))),
    ("p.json", "the same name", 20000, |n| named(&many(n, ", ", |_| "\"read\"".to_owned()))),
    ("p.json", "the same name, a line each", 20000, |n| named(&many(n, ",\n", |_| "\"read\"".to_owned()))),
    ("p.json", "empty names", 20000, |n| named(&many(n, ", ", |_| "\"\"".to_owned()))),
    ("p.json", "one long name", 200_000, |n| named(&format!("\"{}\"", "x".repeat(n)))),
    ("p.json", "numbers for names", 20000, |n| named(&many(n, ", ", |i| i.to_string()))),
    ("p.json", "things that are no rules", 20000, |n| profile(&many(n, ", ", |i| i.to_string()))),
    ("p.json", "rules without anything", 20000, |n| profile(&many(n, ", ", |_| "{}".to_owned()))),
    ("p.json", "unknown keys", 5000, |n| {
        format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", {}}}"#, many(n, ", ", |i| format!(r#""key{i}": 1"#)))
    }),
    ("p.json", "keys of one name", 5000, |n| {
        format!(
            r#"{{"syscalls": [], {}}}"#,
            many(n, ", ", |_| r#""defaultAction": "SCMP_ACT_ERRNO""#.to_owned())
        )
    }),
    ("p.json", "unknown keys of a rule", 5000, |n| {
        profile(&format!(
            r#"{{"names": ["read"], "action": "SCMP_ACT_ALLOW", {}}}"#,
            many(n, ", ", |i| format!(r#""key{i}": 1"#))
        ))
    }),
    ("p.json", "rules that lack keys", 5000, |n| {
        profile(&many(n, ", ", |_| r#"{"names": ["read"]}"#.to_owned()))
    }),
    ("p.json", "Docker's rules", 3000, |n| {
        profile(&many(n, ",\n", |i| {
            format!(
                r#"{{"names": ["mount", "n{i}"], "action": "SCMP_ACT_ALLOW", "includes": {{"caps": ["CAP_{i}"], "minKernel": "x"}}, "excludes": {{"arches": ["s{i}"]}}}}"#
            )
        }))
    }),
    ("p.json", "architectures", 5000, |n| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "architectures": [{}], "syscalls": []}}"#,
            many(n, ", ", |i| ["\"SCMP_ARCH_X86\"", "\"SCMP_ARCH_X86_64\"", "\"SCMP_ARCH_Y\""][i % 3]
                .to_owned())
        )
    }),
    ("p.json", "archMap entries", 5000, |n| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{}], "syscalls": []}}"#,
            many(n, ", ", |_| {
                r#"{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}"#.to_owned()
            })
        )
    }),
    ("p.json", "flags", 5000, |n| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "flags": [{}], "syscalls": []}}"#,
            many(n, ", ", |i| format!("\"F{}\"", i % 9))
        )
    }),
    ("p.json", "errnos of one line", 5000, |n| {
        profile(&many(n, ", ", |i| {
            format!(r#"{{"names": ["read{i}"], "action": "SCMP_ACT_ALLOW", "errnoRet": {i}}}"#)
        }))
    }),
    ("p.json", "notifying rules", 5000, |n| {
        profile(&many(n, ", ", |i| format!(r#"{{"names": ["x{i}"], "action": "SCMP_ACT_NOTIFY"}}"#)))
    }),
    ("p.json", "socket rules that should name a family", 3000, |n| {
        profile(&many(n, ", ", |_| {
            r#"{"names": ["socket", "execve", "clone3", "io_uring_setup", "openat"], "action": "SCMP_ACT_ALLOW"}"#.to_owned()
        }))
    }),
    ("list.json", "a list", 100_000, |n| format!("[{}]", many(n, ", ", |i| i.to_string()))),
    ("p.json", "an unclosed profile", 20000, |n| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{}"#,
            many(n, ",\n", |_| "{}".to_owned())
        )
    }),
    ("list.json", "objects of a list", 3000, |n| {
        format!(
            r#"{{"apiVersion": "v1", "kind": "List", "items": [{}]}}"#,
            many(n, ", ", |i| format!(
                r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "p{i}"}}, "spec": {{"containers": [{{"name": "a"}}]}}}}"#
            ))
        )
    }),
    ("c.json", "ConfigMap of one line", 1000, |n| {
        let value = r#"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"read\", \"raed\"], \"action\": \"SCMP_ACT_ALLOW\"}]}"#;
        format!(
            r#"{{"apiVersion": "v1", "kind": "ConfigMap", "data": {{{}}}}}"#,
            many(n, ", ", |i| format!(r#""p{i}.json": "{value}""#))
        )
    }),
    ("c.yaml", "profiles of a ConfigMap", 1000, |n| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n{}",
            many(n, "", |i| format!(
                "  p{i}.json: |\n    {{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n     \"syscalls\": [{{\"names\": [\"raed\"], \"action\": \"SCMP_ACT_ALLOW\"}}]}}\n"
            ))
        )
    }),
    ("c.yaml", "folded profiles of a ConfigMap", 1000, |n| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n{}",
            many(n, "", |i| format!(
                "  p{i}.json: >\n    {{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n     \"syscalls\": [{{\"names\": [\"raed\"], \"action\": \"SCMP_ACT_ALLOW\"}}]}}\n"
            ))
        )
    }),
    ("c.yaml", "broken profiles of a ConfigMap", 1000, |n| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n{}",
            many(n, "", |i| format!("  p{i}.json: '{{\"defaultAction\": SCMP_ACT_ERRNO}}'\n"))
        )
    }),
    ("c.yaml", "a large profile in a ConfigMap", 5000, |n| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  p.json: |\n    {}\n",
            named(&many(n, ",\n      ", |i| format!("\"name{i}\"")))
        )
    }),
    ("c.yaml", "a large profile in quotes", 5000, |n| {
        let value = named(&many(n, ", ", |i| format!("\"name{i}\""))).replace('"', "\\\"");
        format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  p.json: \"{value}\"\n")
    }),
    ("c.yaml", "a ConfigMap with a long key", 50_000, |n| {
        let value = named(&many(n / 100, ", ", |i| format!("\"name{i}\"")));
        format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  ? {}\n  : '{value}'\n", "k".repeat(n))
    }),
    ("s.yaml", "documents", 2000, |n| many(n, "---\n", |i| pod(&format!("  containers:\n  - name: c{i}")))),
    ("s.yaml", "documents that are no YAML", 2000, |n| {
        many(n, "---\n", |_| "apiVersion: v1\nkind: [\n".to_owned())
    }),
    ("s.yaml", "empty documents", 20000, |n| "---\n".repeat(n)),
    ("s.yaml", "containers", 3000, |n| {
        pod(&format!(
            "  containers:\n{}",
            many(n, "\n", |i| format!("  - name: c{i}\n    securityContext: {{privileged: true}}"))
        ))
    }),
    ("s.yaml", "containers of a line", 3000, |n| {
        pod(&format!(
            "  containers: [{}]",
            many(n, ", ", |i| format!(
                "{{name: c{i}, securityContext: {{seccompProfile: {{type: Localhost}}}}}}"
            ))
        ))
    }),
    ("s.yaml", "containers with the pod's profile", 3000, |n| {
        pod(&format!(
            "  securityContext:\n    seccompProfile:\n      type: Localhost\n      localhostProfile: {}\n  containers:\n{}",
            "p".repeat(n),
            many(n, "\n", |i| format!("  - name: c{i}"))
        ))
    }),
    ("s.yaml", "containers of a pod with a long name", 3000, |n| {
        pod("  containers:\n").replace("web", &"w".repeat(n)) + &many(n, "\n", |i| format!("  - name: c{i}"))
    }),
    ("s.yaml", "members of a mapping", 5000, |n| pod(&many(n, "\n", |i| format!("  key{i}: 1")))),
    ("s.yaml", "members of one name", 5000, |n| pod(&many(n, "\n", |_| "  hostPID: true".to_owned()))),
    ("s.yaml", "annotations", 5000, |n| {
        pod("  containers: [{name: a}]").replace(
            "  name: web\n",
            &format!(
                "  name: web\n  annotations:\n{}",
                many(n, "", |i| format!("    container.seccomp.security.alpha.kubernetes.io/c{i}: x\n"))
            ),
        )
    }),
    ("s.yaml", "annotations that suppress", 5000, |n| {
        pod("  containers: [{name: a}]").replace(
            "  name: web\n",
            &format!(
                "  name: web\n  annotations:\n{}",
                many(n, "", |i| format!("    ignore.callgate.dev/code{i}: because\n"))
            ),
        )
    }),
    ("s.yaml", "comments that suppress, above each other", 5000, |n| {
        pod(&format!(
            "{}  containers:\n{}",
            "  # callgate: ignore[no-profile] because\n".repeat(n),
            many(n, "\n", |i| format!("  - name: c{i}"))
        ))
    }),
    ("s.yaml", "comments that suppress, each its own", 3000, |n| {
        pod(&format!(
            "  containers:\n{}",
            many(n, "\n", |i| format!("  # callgate: ignore[no-profile, x{i}] because\n  - name: c{i}"))
        ))
    }),
    ("s.yaml", "comments that suppress one line", 3000, |n| {
        pod(&format!(
            "  containers:\n{}",
            many(n, "\n", |i| format!("  - name: c{i} # callgate: ignore[no-profile] because"))
        ))
    }),
    ("s.yaml", "comments", 20000, |n| pod(&"  # nothing\n".repeat(n))),
    ("s.yaml", "one long scalar", 500_000, |n| pod(&format!("  a: {}", "x".repeat(n)))),
    ("s.yaml", "one long block", 20000, |n| pod(&format!("  a: |\n{}", "    xxxx\n".repeat(n)))),
    ("s.yaml", "one long quoted scalar", 20000, |n| pod(&format!("  a: \"{}\"", "xxxx\n    ".repeat(n)))),
    ("s.yaml", "one long list in a line", 20000, |n| {
        pod(&format!("  a: [{}]", many(n, ", ", |i| i.to_string())))
    }),
    ("s.yaml", "merged mappings", 3000, |n| {
        format!("a: &a {{{}}}\nb:\n  <<: *a\n  c: d\n{}", many(n, ", ", |i| format!("k{i}: 1")), pod(""))
    }),
    ("s.yaml", "a list of merged mappings", 1000, |n| {
        format!(
            "{}\nb:\n  <<: [{}]\n{}",
            many(n, "\n", |i| format!("a{i}: &a{i} {{k{i}: 1}}")),
            many(n, ", ", |i| format!("*a{i}")),
            pod("")
        )
    }),
    ("s.yaml", "anchors", 5000, |n| pod(&many(n, "\n", |i| format!("  a{i}: &a{i} {{k: 1}}")))),
    ("s.yaml", "anchors inside of each other", 5000, |n| {
        format!("{}{}{}\n", "&a [ ".repeat(100), many(n, ", ", |i| i.to_string()), "]".repeat(100))
    }),
    ("s.yaml", "aliases", 5000, |n| format!("a: &a {{x: y}}\nb: [{}]\n{}", "*a, ".repeat(n), pod(""))),
    ("s.yaml", "aliases of a long text", 2000, |n| {
        format!("a: &a {}\nb: [{}]\n{}", "x".repeat(n), "*a, ".repeat(n), pod(""))
    }),
    (".gitlab-ci.yml", "jobs", 3000, |n| {
        many(n, "\n", |i| format!("job{i}:\n  script:\n  - strace -c true | grep seccomp\n  - jq . p.json"))
    }),
    (".gitlab-ci.yml", "lines of a script", 5000, |n| {
        format!(
            "job:\n  script: |\n{}",
            "    kubectl get pod x -o yaml | grep -i seccomp && jq empty p.json\n".repeat(n)
        )
    }),
    (".gitlab-ci.yml", "one line of a script", 5000, |n| {
        format!("job:\n  script:\n  - {}\n", "jq empty p.json; ".repeat(n))
    }),
    ("s.yaml", "volumes", 3000, |n| {
        pod(&format!(
            "  containers: [{{name: a}}]\n  volumes:\n{}",
            many(n, "\n", |i| format!("  - name: v{i}\n    hostPath: {{path: /var/lib/kubelet/seccomp}}"))
        ))
    }),
];

/// The best of three: others have the processor, too.
fn time(name: &str, text: &str) -> (Duration, usize) {
    let mut count = 0;
    let mut once = |_| {
        let start = Instant::now();
        let report = lint(name, text);
        count = report.findings.len();
        let found = start.elapsed();
        if std::env::var_os("SHOW").is_some() {
            shown(&report);
            return start.elapsed();
        }
        found
    };
    let best = (0..2).map(&mut once).min().unwrap();
    (best, count)
}

#[test]
fn four_times_the_input_takes_no_square_of_the_time() {
    for (name, what, size, make) in SHAPES {
        if std::env::var("ONLY").is_ok_and(|only| !what.contains(&only)) {
            continue;
        }
        let div: usize = std::env::var("DIV").map_or(1, |d| d.parse().unwrap());
        let size = &(size / div);
        let (a, b) = (make(*size), make(size * 4));
        let ((small, c1), (large, c2)) = (time(name, &a), time(name, &b));
        let ratio = large.as_secs_f64() / small.as_secs_f64();
        println!(
            "{} {what}: {}k {small:?} ({c1}), {}k {large:?} ({c2}): {ratio:.1}",
            if ratio > 6.0 {
                "!!!"
            } else if large.as_secs_f64() > 0.5 {
                "slow"
            } else {
                ""
            },
            a.len() / 1000,
            b.len() / 1000
        );
    }
}
