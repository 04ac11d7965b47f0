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

/// A rule of every call with a value of one argument.
fn about_six(number: usize, actions: usize) -> String {
    let names = callgate_core::sysno::names().join("\", \"");
    let action = ["ALLOW", "LOG"][number % actions];
    let (index, value) = (number % 6, 1000 + number);
    format!(
        r#"{{"names": ["{names}"], "action": "SCMP_ACT_{action}", "args": [{{"index": {index}, "value": {value}, "op": "SCMP_CMP_EQ"}}]}}"#
    )
}

type Make = fn(usize) -> String;

/// Name of a file, what it is of, how many of the smaller size.
const SHAPES: &[(&str, &str, usize, Make)] = &[
    ("p.json", "rules with conditions", 500, |n| {
        profile(&many(n, ",\n", |i| {
            let action = if i % 2 == 0 { "ALLOW" } else { "LOG" };
            format!(
                r#"{{"names": ["ioctl", "x{i}"], "action": "SCMP_ACT_{action}", "args": [{{"index": 1, "value": {i}, "op": "SCMP_CMP_EQ"}}]}}"#
            )
        }))
    }),
    ("p.json", "rules that conflict", 1250, |n| {
        profile(&many(n, ", ", |i| {
            let action = ["ALLOW", "LOG", "KILL_PROCESS"][i % 3];
            format!(r#"{{"names": ["read", "write"], "action": "SCMP_ACT_{action}"}}"#)
        }))
    }),
    ("p.json", "rules that say what the default says", 1250, |n| {
        profile(&many(n, ", ", |_| r#"{"names": ["read"], "action": "SCMP_ACT_ERRNO"}"#.to_owned()))
    }),
    ("p.json", "rules of one call with conditions and one action", 750, |n| {
        profile(&many(n, ",\n", |i| {
            format!(
                r#"{{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{{"index": 0, "value": {i}, "op": "SCMP_CMP_NE"}}]}}"#
            )
        }))
    }),
    ("p.json", "rules about six arguments of every call", 64, |n| {
        profile(&many(n, ",\n", |i| about_six(i, 1)))
    }),
    ("p.json", "rules about six arguments of every call, with two actions", 64, |n| {
        profile(&many(n, ",\n", |i| about_six(i, 2)))
    }),
    ("p.json", "rules with masks", 750, |n| {
        profile(&many(n, ",\n", |i| {
            format!(
                r#"{{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{{"index": 0, "value": {i}, "valueTwo": {}, "op": "SCMP_CMP_MASKED_EQ"}}]}}"#,
                i * 7
            )
        }))
    }),
    ("p.json", "conditions of a rule", 1250, |n| {
        let args = many(n, ", ", |i| format!(r#"{{"index": {}, "value": {i}, "op": "SCMP_CMP_GE"}}"#, i % 6));
        profile(&format!(r#"{{"names": ["openat"], "action": "SCMP_ACT_ALLOW", "args": [{args}]}}"#))
    }),
    ("p.json", "conditions of a rule, each for one value", 1250, |n| {
        let args = many(n, ", ", |i| format!(r#"{{"index": {}, "value": {i}, "op": "SCMP_CMP_EQ"}}"#, i % 6));
        profile(&format!(r#"{{"names": ["openat"], "action": "SCMP_ACT_ALLOW", "args": [{args}]}}"#))
    }),
    ("s.yaml", "documents that are broken", 1250, |n| {
        many(n, "---\n", |_| "apiVersion: v1\nkind: Pod\nx: [\n".to_owned())
    }),
    ("p.json", "conditions of a rule with many names", 500, |n| {
        let args = many(n, ", ", |i| format!(r#"{{"index": {}, "value": {i}, "op": "SCMP_CMP_GE"}}"#, i % 6));
        let names = many(n, ", ", |i| format!(r#""call{i}""#));
        profile(&format!(r#"{{"names": [{names}], "action": "SCMP_ACT_ALLOW", "args": [{args}]}}"#))
    }),
    ("p.json", "conditions that make a space of holes", 30, |n| {
        let args =
            many(n, ", ", |i| format!(r#"{{"index": {}, "value": {}, "op": "SCMP_CMP_NE"}}"#, i % 6, i + 5));
        profile(&format!(r#"{{"names": ["openat"], "action": "SCMP_ACT_ALLOW", "args": [{args}]}}"#))
    }),
    ("s.yaml", "pods that use profiles beside them", 75, |n| {
        many(n, "---\n", |i| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{i}}}\ndata:\n  p{i}.json: '{{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": []}}'\n---\n{}",
                pod(&format!(
                    "  containers:\n  - name: a\n    securityContext: {{seccompProfile: {{type: Localhost, localhostProfile: p{i}.json}}}}"
                ))
            )
        })
    }),
    ("s.yaml", "pods that use profiles that are not there", 250, |n| {
        many(n, "---\n", |i| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{i}}}\ndata:\n  p{i}.json: '{{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": []}}'\n---\n{}",
                pod(&format!(
                    "  containers:\n  - name: a\n    securityContext: {{seccompProfile: {{type: Localhost, localhostProfile: q{i}.json}}}}"
                ))
            )
        })
    }),
    ("s.yaml", "pods of many images with one profile", 50, |n| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  p.json: '{}'\n---\n{}",
            named(&many(200, ", ", |i| format!("\"name{i:06}\""))),
            many(n, "---\n", |i| pod(&format!(
                "  containers:\n  - name: a\n    image: python:{i}\n    securityContext: {{seccompProfile: {{type: Localhost, localhostProfile: p.json}}}}"
            )))
        )
    }),
    ("p.json", "unknown names", 5000, |n| named(&many(n, ", ", |i| format!("\"name{i:06}\"")))),
    ("p.json", "nearly known names", 1250, |n| named(&many(n, ", ", |i| format!("\"opneat{}\"", i % 7)))),
    ("p.json", "the same name", 5000, |n| named(&many(n, ", ", |_| "\"read\"".to_owned()))),
    ("p.json", "the same name, a line each", 5000, |n| named(&many(n, ",\n", |_| "\"read\"".to_owned()))),
    ("p.json", "empty names", 5000, |n| named(&many(n, ", ", |_| "\"\"".to_owned()))),
    ("p.json", "one long name", 50000, |n| named(&format!("\"{}\"", "x".repeat(n)))),
    ("p.json", "numbers for names", 5000, |n| named(&many(n, ", ", |i| i.to_string()))),
    ("p.json", "things that are no rules", 5000, |n| profile(&many(n, ", ", |i| i.to_string()))),
    ("p.json", "rules without anything", 5000, |n| profile(&many(n, ", ", |_| "{}".to_owned()))),
    ("p.json", "unknown keys", 1250, |n| {
        format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", {}}}"#, many(n, ", ", |i| format!(r#""key{i}": 1"#)))
    }),
    ("p.json", "keys of one name", 1250, |n| {
        format!(
            r#"{{"syscalls": [], {}}}"#,
            many(n, ", ", |_| r#""defaultAction": "SCMP_ACT_ERRNO""#.to_owned())
        )
    }),
    ("p.json", "unknown keys of a rule", 1250, |n| {
        profile(&format!(
            r#"{{"names": ["read"], "action": "SCMP_ACT_ALLOW", {}}}"#,
            many(n, ", ", |i| format!(r#""key{i}": 1"#))
        ))
    }),
    ("p.json", "rules that lack keys", 1250, |n| {
        profile(&many(n, ", ", |_| r#"{"names": ["read"]}"#.to_owned()))
    }),
    ("p.json", "Docker's rules", 750, |n| {
        profile(&many(n, ",\n", |i| {
            format!(
                r#"{{"names": ["mount", "n{i}"], "action": "SCMP_ACT_ALLOW", "includes": {{"caps": ["CAP_{i}"], "minKernel": "x"}}, "excludes": {{"arches": ["s{i}"]}}}}"#
            )
        }))
    }),
    ("p.json", "architectures", 1250, |n| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "architectures": [{}], "syscalls": []}}"#,
            many(n, ", ", |i| ["\"SCMP_ARCH_X86\"", "\"SCMP_ARCH_X86_64\"", "\"SCMP_ARCH_Y\""][i % 3]
                .to_owned())
        )
    }),
    ("p.json", "archMap entries", 1250, |n| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{}], "syscalls": []}}"#,
            many(n, ", ", |_| {
                r#"{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}"#.to_owned()
            })
        )
    }),
    ("p.json", "flags", 1250, |n| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "flags": [{}], "syscalls": []}}"#,
            many(n, ", ", |i| format!("\"F{}\"", i % 9))
        )
    }),
    ("p.json", "errnos of one line", 1250, |n| {
        profile(&many(n, ", ", |i| {
            format!(r#"{{"names": ["read{i}"], "action": "SCMP_ACT_ALLOW", "errnoRet": {i}}}"#)
        }))
    }),
    ("p.json", "notifying rules", 1250, |n| {
        profile(&many(n, ", ", |i| format!(r#"{{"names": ["x{i}"], "action": "SCMP_ACT_NOTIFY"}}"#)))
    }),
    ("p.json", "socket rules that should name a family", 750, |n| {
        profile(&many(n, ", ", |_| {
            r#"{"names": ["socket", "execve", "clone3", "io_uring_setup", "openat"], "action": "SCMP_ACT_ALLOW"}"#.to_owned()
        }))
    }),
    ("list.json", "a list", 25000, |n| format!("[{}]", many(n, ", ", |i| i.to_string()))),
    ("p.json", "an unclosed profile", 5000, |n| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{}"#,
            many(n, ",\n", |_| "{}".to_owned())
        )
    }),
    ("list.json", "objects of a list", 750, |n| {
        format!(
            r#"{{"apiVersion": "v1", "kind": "List", "items": [{}]}}"#,
            many(n, ", ", |i| format!(
                r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "p{i}"}}, "spec": {{"containers": [{{"name": "a"}}]}}}}"#
            ))
        )
    }),
    ("c.json", "ConfigMap of one line", 250, |n| {
        let value = r#"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"read\", \"raed\"], \"action\": \"SCMP_ACT_ALLOW\"}]}"#;
        format!(
            r#"{{"apiVersion": "v1", "kind": "ConfigMap", "data": {{{}}}}}"#,
            many(n, ", ", |i| format!(r#""p{i}.json": "{value}""#))
        )
    }),
    ("c.yaml", "profiles of a ConfigMap", 250, |n| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n{}",
            many(n, "", |i| format!(
                "  p{i}.json: |\n    {{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n     \"syscalls\": [{{\"names\": [\"raed\"], \"action\": \"SCMP_ACT_ALLOW\"}}]}}\n"
            ))
        )
    }),
    ("c.yaml", "folded profiles of a ConfigMap", 250, |n| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n{}",
            many(n, "", |i| format!(
                "  p{i}.json: >\n    {{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n     \"syscalls\": [{{\"names\": [\"raed\"], \"action\": \"SCMP_ACT_ALLOW\"}}]}}\n"
            ))
        )
    }),
    ("c.yaml", "broken profiles of a ConfigMap", 250, |n| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n{}",
            many(n, "", |i| format!("  p{i}.json: '{{\"defaultAction\": SCMP_ACT_ERRNO}}'\n"))
        )
    }),
    ("c.yaml", "a large profile in a ConfigMap", 1250, |n| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  p.json: |\n    {}\n",
            named(&many(n, ",\n      ", |i| format!("\"name{i:06}\"")))
        )
    }),
    ("c.yaml", "a large profile in quotes", 1250, |n| {
        let value = named(&many(n, ", ", |i| format!("\"name{i:06}\""))).replace('"', "\\\"");
        format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  p.json: \"{value}\"\n")
    }),
    ("c.yaml", "a ConfigMap with a long key", 12500, |n| {
        let value = named(&many(n / 100, ", ", |i| format!("\"name{i:06}\"")));
        format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  ? {}\n  : '{value}'\n", "k".repeat(n))
    }),
    ("s.yaml", "documents", 500, |n| many(n, "---\n", |i| pod(&format!("  containers:\n  - name: c{i}")))),
    ("s.yaml", "documents that are no YAML", 500, |n| {
        many(n, "---\n", |_| "apiVersion: v1\nkind: [\n".to_owned())
    }),
    ("s.yaml", "empty documents", 5000, |n| "---\n".repeat(n)),
    ("s.yaml", "containers", 750, |n| {
        pod(&format!(
            "  containers:\n{}",
            many(n, "\n", |i| format!("  - name: c{i}\n    securityContext: {{privileged: true}}"))
        ))
    }),
    ("s.yaml", "containers of a line", 750, |n| {
        pod(&format!(
            "  containers: [{}]",
            many(n, ", ", |i| format!(
                "{{name: c{i}, securityContext: {{seccompProfile: {{type: Localhost}}}}}}"
            ))
        ))
    }),
    ("s.yaml", "containers with the pod's profile", 750, |n| {
        pod(&format!(
            "  securityContext:\n    seccompProfile:\n      type: Localhost\n      localhostProfile: {}\n  containers:\n{}",
            "p".repeat(n),
            many(n, "\n", |i| format!("  - name: c{i}"))
        ))
    }),
    ("s.yaml", "containers of a pod with a long name", 750, |n| {
        pod("  containers:\n").replace("web", &"w".repeat(n)) + &many(n, "\n", |i| format!("  - name: c{i}"))
    }),
    ("s.yaml", "members of a mapping", 1250, |n| pod(&many(n, "\n", |i| format!("  key{i}: 1")))),
    ("s.yaml", "members of one name", 1250, |n| pod(&many(n, "\n", |_| "  hostPID: true".to_owned()))),
    ("s.yaml", "annotations", 1250, |n| {
        pod("  containers: [{name: a}]").replace(
            "  name: web\n",
            &format!(
                "  name: web\n  annotations:\n{}",
                many(n, "", |i| format!("    container.seccomp.security.alpha.kubernetes.io/c{i}: x\n"))
            ),
        )
    }),
    ("s.yaml", "annotations that suppress", 1250, |n| {
        pod("  containers: [{name: a}]").replace(
            "  name: web\n",
            &format!(
                "  name: web\n  annotations:\n{}",
                many(n, "", |i| format!("    ignore.callgate.dev/code{i:06}: because\n"))
            ),
        )
    }),
    ("s.yaml", "comments that suppress, above each other", 1250, |n| {
        pod(&format!(
            "{}  containers:\n{}",
            "  # callgate: ignore[no-profile] because\n".repeat(n),
            many(n, "\n", |i| format!("  - name: c{i}"))
        ))
    }),
    ("s.yaml", "comments that suppress, each its own", 750, |n| {
        pod(&format!(
            "  containers:\n{}",
            many(n, "\n", |i| format!("  # callgate: ignore[no-profile, x{i}] because\n  - name: c{i}"))
        ))
    }),
    ("s.yaml", "comments that suppress one line", 750, |n| {
        pod(&format!(
            "  containers:\n{}",
            many(n, "\n", |i| format!("  - name: c{i} # callgate: ignore[no-profile] because"))
        ))
    }),
    ("s.yaml", "comments", 5000, |n| pod(&"  # nothing\n".repeat(n))),
    ("s.yaml", "one long scalar", 125_000, |n| pod(&format!("  a: {}", "x".repeat(n)))),
    ("s.yaml", "one long block", 5000, |n| pod(&format!("  a: |\n{}", "    xxxx\n".repeat(n)))),
    ("s.yaml", "one long quoted scalar", 5000, |n| pod(&format!("  a: \"{}\"", "xxxx\n    ".repeat(n)))),
    ("s.yaml", "one long list in a line", 5000, |n| {
        pod(&format!("  a: [{}]", many(n, ", ", |i| i.to_string())))
    }),
    ("s.yaml", "merged mappings", 750, |n| {
        format!("a: &a {{{}}}\nb:\n  <<: *a\n  c: d\n{}", many(n, ", ", |i| format!("k{i}: 1")), pod(""))
    }),
    ("s.yaml", "a list of merged mappings", 250, |n| {
        format!(
            "{}\nb:\n  <<: [{}]\n{}",
            many(n, "\n", |i| format!("a{i}: &a{i} {{k{i}: 1}}")),
            many(n, ", ", |i| format!("*a{i}")),
            pod("")
        )
    }),
    ("s.yaml", "anchors", 1250, |n| pod(&many(n, "\n", |i| format!("  a{i}: &a{i} {{k: 1}}")))),
    ("s.yaml", "anchors inside of each other", 1250, |n| {
        format!("{}{}{}\n", "&a [ ".repeat(100), many(n, ", ", |i| i.to_string()), "]".repeat(100))
    }),
    ("s.yaml", "aliases", 1250, |n| format!("a: &a {{x: y}}\nb: [{}]\n{}", "*a, ".repeat(n), pod(""))),
    ("s.yaml", "aliases of a long text", 500, |n| {
        format!("a: &a {}\nb: [{}]\n{}", "x".repeat(n), "*a, ".repeat(n), pod(""))
    }),
    (".gitlab-ci.yml", "jobs", 750, |n| {
        many(n, "\n", |i| format!("job{i}:\n  script:\n  - strace -c true | grep seccomp\n  - jq . p.json"))
    }),
    (".gitlab-ci.yml", "lines of a script", 1250, |n| {
        format!(
            "job:\n  script: |\n{}",
            "    kubectl get pod x -o yaml | grep -i seccomp && jq empty p.json\n".repeat(n)
        )
    }),
    (".gitlab-ci.yml", "one line of a script", 1250, |n| {
        format!("job:\n  script:\n  - {}\n", "jq empty p.json; ".repeat(n))
    }),
    ("s.yaml", "volumes", 750, |n| {
        pod(&format!(
            "  containers: [{{name: a}}]\n  volumes:\n{}",
            many(n, "\n", |i| format!("  - name: v{i}\n    hostPath: {{path: /var/lib/kubelet/seccomp}}"))
        ))
    }),
];

/// The best of three: others have the processor, too.
fn time(name: &str, text: &str) -> Duration {
    let once = |_| {
        let start = Instant::now();
        drop(lint(name, text));
        start.elapsed()
    };
    (0..3).map(once).min().unwrap()
}

/// How long it takes to look at every byte once.
fn looked_at(text: &str) -> Duration {
    let start = Instant::now();
    assert!(text.bytes().fold(0_u8, |sum, byte| std::hint::black_box(sum ^ byte)) < u8::MAX);
    start.elapsed()
}

/// What is this quick depends on memory that was not touched before more than on anything else.
const QUICK: Duration = Duration::from_millis(60);

#[test]
fn four_times_the_input_takes_no_square_of_the_time() {
    for (name, what, size, make) in SHAPES {
        let (small, large) = (make(*size), make(size * 4));
        assert!(!lint(name, &small).findings.iter().any(|l| l.finding.code == "too-large"), "{what}");
        let (before, after) = (time(name, &small), time(name, &large));
        assert!(after < before * 8 || after < QUICK, "{what}: {before:?}, {after:?}");
    }
}

#[test]
fn every_shape_is_shown_in_every_format_in_time_that_grows_with_it() {
    for (name, what, size, make) in SHAPES {
        let [small, large] = [*size / 4, *size].map(|size| lint(name, &make(size)));
        let time = |report: &FileReport| {
            let once = |_| {
                let start = Instant::now();
                assert!(shown(report) > 0);
                start.elapsed()
            };
            (0..3).map(once).min().unwrap()
        };
        let (before, after) = (time(&small), time(&large));
        assert!(after < before * 8 || after < QUICK, "{what}: {before:?}, {after:?}");
    }
}

#[test]
fn what_is_too_large_is_said_and_not_read() {
    let names = named(&many(1_000_000, ", ", |i| format!("\"name{i:06}\"")));
    let list = format!("[{}0]", "0,".repeat(50 << 20));
    let scalar = format!("a: {}\n", "x".repeat(100 << 20));
    for (name, text) in [("p.json", names), ("l.json", list), ("s.yaml", scalar)] {
        let codes: Vec<_> = lint(name, &text).findings.iter().map(|located| located.finding.code).collect();
        assert_eq!(codes, ["too-large"], "{name}");
        // Five times what it takes to look at every byte.
        let looks = (0..3).map(|_| looked_at(&text)).min().unwrap();
        assert!(time(name, &text) < looks * 5, "{name}: {:?}, {looks:?}", time(name, &text));
    }
}

#[test]
fn bombs_of_yaml_are_findings() {
    let levels = |text: &str, times: usize| {
        many(9, "", |level| {
            let inner = if level == 0 { text.to_owned() } else { format!("*a{}", level - 1) };
            format!("a{level}: &a{level} [{}]\n", vec![inner; times].join(", "))
        })
    };
    let bombs = [
        levels("x", 9),
        levels(&"x".repeat(10_000), 9),
        format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(100_000)),
        format!("a: &a {{k: {}}}\nb: [{}]\n", "[".repeat(90) + &"]".repeat(90), "*a, ".repeat(100_000)),
        "&a ".repeat(1000) + &"[".repeat(100_000),
        "? ".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
    ];
    let harmless = many(100_000, "\n", |i| format!("key{i:06}: value"));
    let peace = time("peace.yaml", &harmless);
    for bomb in bombs {
        let report = lint("bomb.yaml", &bomb);
        assert_eq!(report.findings.first().map(|l| l.finding.code), Some("invalid-yaml"), "{bomb:.80}");
        let boom = time("bomb.yaml", &bomb);
        assert!(boom < peace * 4, "{bomb:.80}: {boom:?}, {peace:?}");
    }
}
