//! What lint says of scripts in pipelines, and what it leaves alone.

use callgate_check::lint::{Input, Options, look};
use callgate_core::Arch;

/// The codes about pipelines with the lines they are at, in order.
fn found(name: &str, text: &str) -> Vec<(usize, &'static str)> {
    let ours = ["syntax-only-check", "pod-status-grep", "strace-summary", "violation-grep"];
    let findings =
        look(Input { name, text, named: true }, &Options::new(Arch::X86_64, "2026-11-26")).findings;
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let mut found: Vec<_> = findings.iter().map(|finding| (line(finding.span.start), finding.code)).collect();
    found.retain(|(_, code)| ours.contains(code));
    found.sort_unstable();
    found
}

/// Lines of a script; a line that ends with `#! CODE` is to have that finding, at that line and once.
const SCRIPTS: [&str; 5] = [SYNTAX, PODS, SUMMARIES, VIOLATIONS, SHELL];

const SYNTAX: &str = r#"
jq empty seccomp/web.json #! syntax-only-check
jq . seccomp/web.json > /dev/null #! syntax-only-check
jq -e . "profiles/web.json" #! syntax-only-check
jq type <profiles/web.json #! syntax-only-check
cat seccomp.json | jq -e '.' #! syntax-only-check
sudo /usr/bin/jq empty profiles/*.json || exit 1 #! syntax-only-check
for f in seccomp/*.json; do jq empty "$f"; done #! syntax-only-check
for f in deploy/*.json; do jq empty "$f"; done
find seccomp -name '*.json' -exec jq empty {} \; #! syntax-only-check
find seccomp -name '*.json' | xargs -n1 jq empty #! syntax-only-check
dir=infra/seccomp
jq empty "${dir}"/web.json #! syntax-only-check
python3 -m json.tool seccomp/web.json #! syntax-only-check
python -m json.tool < seccomp/web.json >/dev/null #! syntax-only-check
jsonlint -q seccomp/web.json #! syntax-only-check
yamllint seccomp/ #! syntax-only-check
jq .defaultAction seccomp/web.json
jq '.syscalls | length' seccomp/web.json
jq . seccomp/web.json > pretty.json
jq . seccomp/web.json | tee pretty.json
aws ec2 describe-instances --profile prod | jq .
curl https://api.example/user/profile | jq .
jq empty package.json
echo "jq empty seccomp/web.json"
callgate lint seccomp/
"#;

const PODS: &str = r#"
kubectl get pods | grep Running #! pod-status-grep
kubectl -n test get pods --no-headers -l app=web | grep web | grep -q Running #! pod-status-grep
kubectl get po -A | awk '/Running/' #! pod-status-grep
if [ "$(kubectl get pods | grep Running)" ]; then echo fine; fi #! pod-status-grep
until oc get pod | grep -i running; do sleep 1; done #! pod-status-grep
kubectl get pods | grep -v Running && exit 1
test "$(kubectl get pods | grep -c Running)" = 3
kubectl get pods | grep Running | wc -l
kubectl get pod web -o wide | grep Running
kubectl get pod/web | grep Running
kubectl get pods; grep Running log.txt
kubectl get nodes | grep Running
kubectl get pods | grep web # not Running
kubectl rollout status deployment/web; kubectl get pods | grep Running
kubectl get pods | grep Running
kubectl wait --for=condition=Ready pod --all
"#;

const SUMMARIES: &str = r#"
strace -c -f -o a.log ./app #! strace-summary
grep -oP '^\s*\K[a-z_0-9]+(?=\()' a.log | sort -u > names
strace -fco b.log ./app #! strace-summary
sed 's/(.*//' < b.log
strace --summary-only -o c.log ./app #! strace-summary
cut -d'(' -f1 c.log
strace -c ./app 2>&1 | grep -o '^[a-z]*(' #! strace-summary
strace -c ./app |& grep -o '^[a-z]*(' #! strace-summary
strace -c ./app 2> i.log #! strace-summary
grep -o '^[a-z]*(' i.log
strace -c ./app &>j.log #! strace-summary
grep -o '^[a-z]*(' j.log
strace -c ./app > k.log
grep -o '^[a-z]*(' k.log
strace -c ./app | grep -o '^[a-z]*('
strace -c -o d.log ./app
echo "$(tail -n 1 d.log)"
strace -f -o e.log sh -c 'ls'
grep -o '[a-z_0-9]*(' e.log
strace -e trace=connect -o/tmp/calls f ./app
grep -o '[a-z_0-9]*(' /tmp/calls
strace -etrace=connect -o g.log ./app -c
grep -o '[a-z_0-9]*(' g.log
strace -C -o h.log ./app
grep -o '[a-z_0-9]*(' h.log
apt-get install -y strace -c x
"#;

const VIOLATIONS: &str = r#"
journalctl -k | grep seccomp #! violation-grep
dmesg | grep -c seccomp #! violation-grep
journalctl -kf --since today | grep -i "seccomp" #! violation-grep
journalctl --dmesg -g seccomp #! violation-grep
! sudo dmesg -T | grep SECCOMP #! violation-grep
dmesg | egrep 'seccomp' | tail #! violation-grep
dmesg | awk '/seccomp/ {print $1}' #! violation-grep
grep seccomp /var/log/kern.log #! violation-grep
tail -f /var/log/kern.log | grep --line-buffered seccomp #! violation-grep
kubectl exec node -- dmesg | grep seccomp #! violation-grep
dmesg |
  grep seccomp
journalctl -k | grep -E 'seccomp|type=1326'
journalctl -k | grep -e seccomp -e audit
journalctl -k | grep 'type=1326' > seccomp.log
journalctl -u kubelet | grep seccomp
journalctl | grep SECCOMP
grep SECCOMP /var/log/audit/audit.log
dmesg | grep -v seccomp
dmesg > seccomp.log
ausearch -m SECCOMP
"#;

/// What the shell does not take for a command is not taken for one here, and what it does, is.
const SHELL: &str = r#"
# jq empty seccomp/web.json
true # ; jq empty seccomp/web.json
cat <<END
jq empty seccomp/web.json
END
jq \
  empty seccomp/web.json
echo ${x:-(} $((1 + 2)) "a 'b" && jq empty seccomp/c.json #! syntax-only-check
x=`jq empty seccomp/c.json` #! syntax-only-check
"#;

/// What stands behind `#!` is taken out; where it was is what is expected.
fn expected(script: &str) -> (String, Vec<(usize, &str)>) {
    let mut expected = Vec::new();
    let lines = script.lines().enumerate().map(|(at, line)| match line.split_once(" #! ") {
        Some((line, code)) => {
            expected.push((at, code));
            line
        }
        None => line,
    });
    (lines.collect::<Vec<_>>().join("\n"), expected)
}

#[test]
fn scripts_have_the_findings_that_are_written_beside_them() {
    for script in SCRIPTS {
        let (text, mut codes) = expected(script.trim_start());
        // A pipeline over two lines has its finding where it begins.
        for (start, code) in [("dmesg |\n", "violation-grep"), ("jq \\\n", "syntax-only-check")] {
            codes.extend(text.find(start).map(|at| (text[..at].matches('\n').count(), code)));
        }
        codes.sort_unstable();
        for (name, head) in [
            (".gitlab-ci.yml", "job:\n  script:\n    - |\n"),
            (".github/workflows/test.yml", "on: push\njobs:\n  job:\n    steps:\n      - run: |\n"),
        ] {
            let indented = text.replace('\n', "\n          ");
            let file = format!("{head}          {indented}\n");
            let offset = head.matches('\n').count() + 1;
            let codes: Vec<_> = codes.iter().map(|(at, code)| (at + offset, *code)).collect();
            assert_eq!(found(name, &file), codes, "{name}:\n{file}");
        }
    }
}

/// Each step is a scalar of its own, plain or quoted; what a step writes, a later one reads.
#[test]
fn steps_of_a_line_each_are_read_in_every_style_of_yaml() {
    let text = r#"
before_script: [true]
job:
  script:
    - jq empty seccomp/web.json
    - "for f in seccomp/*.json; do jq empty \"$f\"; done"
    - 'kubectl get pods | grep ''Running'''
    - >-
      dmesg | grep
      seccomp
    - strace -c -o a.log ./app
    - grep -o '[a-z]*(' a.log
    - "jq empty \
       seccomp/web.json"
"#;
    let expected = [
        (5, "syntax-only-check"),
        (6, "syntax-only-check"),
        (7, "pod-status-grep"),
        (9, "violation-grep"),
        (11, "strace-summary"),
        (13, "syntax-only-check"),
    ];
    assert_eq!(found(".gitlab-ci.yml", text), expected);
}

#[test]
fn nothing_that_a_script_may_be_cut_off_in_ends_lint() {
    let whole: String = SCRIPTS.concat();
    let pieces = ["'", "\"", "`", "$(", "${", "\\", "<<", "<<-'", "|", "é", "$", "#", ")", "}", "&>"];
    for at in (0..whole.len()).step_by(7) {
        for piece in pieces {
            let script = whole[..at].lines().last().unwrap_or_default();
            let text = format!("job:\n  script:\n    - |\n      {script}{piece}\n      {piece}{script}\n");
            for (line, _) in found(".gitlab-ci.yml", &text) {
                assert!(line <= 5, "{text}");
            }
        }
    }
}
