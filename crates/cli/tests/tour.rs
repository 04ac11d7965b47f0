//! docs/tour.md: what callgate looks like, executed. `CALLGATE_BLESS=1` writes the file anew.
//!
//! The workload is Debian's static busybox, whose system calls do not depend on the machine's libc. Times, process ids
//! and the kernel's release are redacted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod t2 {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    const CALLGATE: &str = env!("CARGO_BIN_EXE_callgate");

    /// Two terminals, with and without colour.
    const VARIANTS: [(&str, &str); 4] =
        [("80", "never"), ("120", "never"), ("80", "always"), ("120", "always")];

    /// One picture: title, and the commands that make it. The last one's output is shown.
    struct Scene {
        title: &'static str,
        prepare: &'static [&'static str],
        command: &'static str,
        /// On a pseudo-terminal, for what is shown only there.
        live: bool,
    }

    const PROFILE: &str = "callgate -q learn --force -o busy.json -- busybox echo hello";

    const SCENES: [Scene; 11] = [
        Scene {
            title: "`learn` while recording, on a terminal",
            prepare: &[],
            command: "callgate learn --force --no-prove -o busy.json -- busybox sleep 0.5",
            live: true,
        },
        Scene {
            title: "`learn` at its end",
            prepare: &[],
            command: "callgate learn --force -o busy.json -- busybox echo hello",
            live: false,
        },
        Scene {
            title: "`learn` with a miss",
            prepare: &["rm -f once"],
            command: "callgate learn --force -o busy.json -- busybox sh -c '[ -e once ] && cd /; true > once'",
            live: false,
        },
        Scene {
            title: "`learn` with a dangerous call withheld",
            prepare: &[],
            command: "callgate learn --force -o busy.json -- busybox chroot / /bin/true",
            live: false,
        },
        Scene { title: "`show`", prepare: &[PROFILE], command: "callgate show busy.json", live: false },
        Scene { title: "`doctor`", prepare: &[], command: "callgate doctor", live: false },
        Scene {
            title: "An error: the command is not there",
            prepare: &[],
            command: "callgate learn -o new.json -- busibox ls",
            live: false,
        },
        Scene {
            title: "An error: the profile exists",
            prepare: &[PROFILE],
            command: "callgate learn -o busy.json -- busybox ls",
            live: false,
        },
        Scene {
            title: "An error: a slip in a call's name",
            prepare: &[],
            command: "callgate learn -o new.json --allow opneat -- busybox ls",
            live: false,
        },
        Scene {
            title: "An error: a file that runtimes take for no profile at all",
            prepare: &["printf '{\\n  \"syscalls\": []\\n}\\n' > bad.json"],
            command: "callgate run --profile bad.json --stage enforce -- busybox ls",
            live: false,
        },
        Scene { title: "An error: an unknown verb", prepare: &[], command: "callgate lern", live: false },
    ];

    #[test]
    fn the_tour_shows_what_callgate_prints() {
        if let Some(missing) = ["busybox", "script"].into_iter().find(|tool| !installed(tool)) {
            assert!(!required(), "{missing} is not installed, and t2 is required");
            println!("skipped: {missing} is not installed");
            return;
        }
        let mut text = INTRODUCTION.to_owned();
        for scene in &SCENES {
            text += &format!("\n## {}\n", scene.title);
            let mut shown: Vec<(String, String)> = Vec::new();
            for (columns, color) in VARIANTS {
                let picture = take(scene, columns, color);
                let label =
                    format!("{columns} columns, {}", if color == "never" { "no colour" } else { "colour" });
                match shown.iter_mut().find(|(_, seen)| *seen == picture) {
                    Some((labels, _)) => *labels = format!("{labels}; {label}"),
                    None => shown.push((label, picture)),
                }
            }
            for (labels, picture) in shown {
                text += &format!("\n{labels}:\n\n```text\n$ {}\n{picture}```\n", scene.command);
            }
        }
        compare(&text);
    }

    #[test]
    fn the_end_of_learn_fits_a_terminal_of_24_lines() {
        if !installed("busybox") {
            assert!(!required(), "busybox is not installed, and t2 is required");
            println!("skipped: busybox is not installed");
            return;
        }
        let dir = Dir::new();
        let command = "callgate learn --force -o busy.json -- busybox sh -c 'ls | wc -l; sleep 0.1 & wait'";
        let text = run(&dir.0, command, "80", "never");
        let end: Vec<&str> = text.lines().skip_while(|l| !l.starts_with("proven:")).collect();
        assert!(!end.is_empty() && end.len() <= 24, "{} lines:\n{text}", end.len());
    }

    const INTRODUCTION: &str = "# A tour in pictures\n\nEvery picture is executed by a test \
        (`crates/cli/tests/tour.rs`), at 80 and 120 columns, with and without colour.\nEscape sequences are shown as \
        `␛`; times, process ids and the kernel's release are replaced by `N`.\n";

    fn required() -> bool {
        std::env::var("CALLGATE_REQUIRE").is_ok_and(|r| r.split(',').any(|rung| rung == "t2"))
    }

    fn installed(tool: &str) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|dir| dir.join(tool).is_file())
    }

    fn compare(text: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tour.md");
        if std::env::var_os("CALLGATE_BLESS").is_some() {
            fs::write(&path, text).unwrap();
            return;
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        let (old, new): (Vec<&str>, Vec<&str>) = (kept.lines().collect(), text.lines().collect());
        if let Some(at) = (0..old.len().max(new.len())).find(|i| old.get(*i) != new.get(*i)) {
            panic!(
                "docs/tour.md:{}:\n  kept: {:?}\n  now:  {:?}\nwith CALLGATE_BLESS=1 it is written anew",
                at + 1,
                old.get(at),
                new.get(at)
            );
        }
    }

    /// A directory that goes away with its owner.
    struct Dir(PathBuf);

    impl Dir {
        fn new() -> Self {
            static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
            let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let dir = std::env::temp_dir().join(format!("callgate-tour-{}-{number}", std::process::id()));
            fs::create_dir_all(&dir).unwrap();
            Self(dir)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn take(scene: &Scene, columns: &str, color: &str) -> String {
        let dir = Dir::new();
        for step in scene.prepare {
            run(&dir.0, step, columns, color);
        }
        let command = if scene.live {
            let colored = scene.command.replacen("callgate", &format!("callgate --color {color}"), 1);
            format!("script -qec \"stty cols {columns}; {colored}\" /dev/null")
        } else {
            scene.command.to_owned()
        };
        let text = run(&dir.0, &command, columns, color);
        let text = if scene.live { last_status_line(&text) } else { text };
        redact(&text)
    }

    /// Runs a shell command with `callgate` in it; stdout and stderr together.
    fn run(dir: &Path, command: &str, columns: &str, color: &str) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = Path::new(CALLGATE).parent().unwrap().display().to_string();
        let command = if command.starts_with("callgate") && !command.contains("--color") {
            command.replacen("callgate", &format!("callgate --color {color}"), 1)
        } else {
            command.to_owned()
        };
        let output = Command::new("/bin/sh")
            .args(["-c", &format!("({command}) 2>&1")])
            .current_dir(dir)
            .env_clear()
            .env("PATH", format!("{bin}:{path}"))
            .env("COLUMNS", columns)
            .env("TERM", "xterm")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// The status line as it stood last, before it was cleared.
    fn last_status_line(text: &str) -> String {
        let line = text
            .split("\r\x1b[K")
            .filter(|part| part.starts_with("learning:"))
            .last()
            .unwrap_or("no status line");
        format!("{}\n", line.trim_end())
    }

    /// Replaces what differs between runs: numbers of the status line, milliseconds, process ids, the kernel.
    fn redact(text: &str) -> String {
        let mut out = String::new();
        for line in text.replace('\x1b', "␛").lines() {
            let line = if line.starts_with("learning:") {
                all_numbers(line)
            } else {
                milliseconds(&process_ids(line))
            };
            let line = if line.contains("open files") { all_numbers(&line) } else { line };
            let line = match line.split_once("kernel ") {
                Some((before, after))
                    if before.starts_with("ok")
                        && after.trim_start().starts_with(|c: char| c.is_ascii_digit()) =>
                {
                    format!("{before}kernel{}N", " ".repeat(after.len() - after.trim_start().len() + 1))
                }
                _ => line,
            };
            out += line.trim_end();
            out.push('\n');
        }
        out
    }

    fn all_numbers(line: &str) -> String {
        let mut out = String::new();
        for c in line.chars() {
            match c {
                '0'..='9' if out.ends_with('N') => {}
                '0'..='9' => out.push('N'),
                c => out.push(c),
            }
        }
        out
    }

    /// `name[1234]` → `name[N]`.
    fn process_ids(line: &str) -> String {
        let mut parts = line.split('[');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if digits > 0 && part[digits..].starts_with(']') {
                out += &format!("[N{}", &part[digits..]);
            } else {
                out += &format!("[{part}");
            }
        }
        out
    }

    /// `after 12 ms` → `after N ms`.
    fn milliseconds(line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |i: usize| words[i].chars().all(|c| c.is_ascii_digit()) && !words[i].is_empty();
        let followed = |i: usize| words.get(i + 1).is_some_and(|next| next.starts_with("ms"));
        let shown: Vec<&str> =
            (0..words.len()).map(|i| if number(i) && followed(i) { "N" } else { words[i] }).collect();
        shown.join(" ")
    }
}
