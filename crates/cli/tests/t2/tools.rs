//! Compilers and interpreters: many processes, threads, and libraries that look around.

use crate::harness::{Lab, hold_five_times, learn_and_hold};

/// ssl, sqlite3, threads and subprocesses in one program.
const PYTHON: &str = r#"
import hashlib, sqlite3, ssl, subprocess, tempfile, threading, multiprocessing, os
context = ssl.create_default_context()
context.load_default_certs()
a, b = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(a, b, server_hostname="localhost")
try:
    tls.do_handshake()
except ssl.SSLWantReadError:
    pass
with tempfile.TemporaryDirectory() as where:
    base = sqlite3.connect(os.path.join(where, "base"))
    base.execute("pragma journal_mode = wal")
    base.execute("create table t (x)")
    base.executemany("insert into t values (?)", [(i,) for i in range(100)])
    base.commit()
    total = base.execute("select sum(x) from t").fetchone()[0]
    base.close()
done = []
threads = [threading.Thread(target=lambda i=i: done.append(hashlib.sha256(b"x" * i).digest())) for i in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
out = subprocess.run(["sh", "-c", "echo sub | cat"], capture_output=True, text=True, check=True).stdout.strip()
print(total, len(done), out)
"#;

#[test]
fn python_with_ssl_sqlite_threads_and_subprocesses() {
    let Some(lab) = Lab::root(&["python3"]) else { return };
    lab.write("p.py", PYTHON);
    let command = ["/usr/bin/python3", "p.py"];
    learn_and_hold(&lab, "", &command);
    lab.callgate("run --profile p.json --stage enforce").command(&command).expect(0).prints("4950 8 sub\n");
}

#[test]
fn python_without_privilege_under_a_profile_that_kills() {
    let Some(lab) = Lab::nobody_with("t2", &["python3"]) else { return };
    lab.write("p.py", PYTHON);
    learn_and_hold(&lab, "--default-action kill-process", &["/usr/bin/python3", "p.py"]);
}

/// A few files that share a header.
fn sources(lab: &Lab) {
    for i in 0..4 {
        lab.write(
            &format!("f{i}.c"),
            format!("#include <stdio.h>\nint f{i}(void) {{ return printf(\"{i}\"); }}\n"),
        );
    }
    lab.write("main.c", "int f0(void); int f3(void); int main(void) { return f0() + f3() == 2 ? 0 : 1; }\n");
}

#[test]
fn gcc_compiles_and_links() {
    let Some(lab) = Lab::root(&["gcc"]) else { return };
    sources(&lab);
    let command = ["gcc", "-O2", "-pipe", "-o", "program", "main.c", "f0.c", "f1.c", "f2.c", "f3.c"];
    lab.callgate("learn -o p.json --before").arg("rm -f program").command(&command).expect(0).says("proven:");
    hold_five_times(&lab, "rm -f program", 0, &command);
    lab.sh("./program").expect(0).prints("03");
}

#[test]
fn gcc_without_privilege_under_a_profile_that_kills() {
    let Some(lab) = Lab::nobody_with("t2", &["gcc"]) else { return };
    sources(&lab);
    let command = ["gcc", "-save-temps", "-o", "program", "main.c", "f0.c", "f3.c"];
    let reset = "rm -f program *.i *.s *.o";
    lab.callgate("learn --default-action kill-process -o p.json --before")
        .arg(reset)
        .command(&command)
        .expect(0);
    hold_five_times(&lab, reset, 0, &command);
    lab.sh("./program").expect(0).prints("03");
}
