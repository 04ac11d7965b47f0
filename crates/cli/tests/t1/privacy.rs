//! A secret in arguments, environment, paths and socket names is in no file callgate writes and in nothing it says.

use crate::harness::Lab;

const SECRET: &str = "hunter2swordfish";

/// No file in the directory holds the secret.
fn clean(lab: &Lab) {
    let mut read = 0;
    for name in lab.files() {
        let bytes = std::fs::read(lab.path(&name)).unwrap_or_default();
        let found = bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes());
        assert!(!found, "{name} holds the secret");
        read += 1;
    }
    assert!(read >= 2, "nothing was written");
}

#[test]
fn secrets_in_arguments_environment_and_paths_are_not_written() {
    let Some(lab) = Lab::nobody() else { return };
    let script =
        format!("cat /tmp/{SECRET} 2>&1 | wc -c; echo {SECRET} > /dev/null; env | wc -l; : {SECRET}");
    for verb in ["learn --args exact -o p.json", "learn --force --with-comments -o p.json", "record -o t"] {
        let mut call = lab.callgate(verb);
        call.command(&["sh", "-c", &script, SECRET, &format!("--password={SECRET}")]).env("TOKEN", SECRET);
        call.expect(0);
        clean(&lab);
    }
    lab.callgate("generate t -o q.json").expect(0).never_says(SECRET);
    lab.callgate("show t --why").expect(0);
    clean(&lab);
}

#[test]
fn secrets_are_not_in_a_miss() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn -o p.json -- true").expect(0);
    let script = format!("cat {SECRET}; mkdir {SECRET}; ls -l {SECRET}");
    for stage in ["audit", "enforce"] {
        let ended = lab.callgate(&format!("run --profile p.json --stage {stage}")).script(&script).run();
        let ours = ended.stderr.lines().filter(|l| l.contains("refused:"));
        let told: Vec<_> = ours.collect();
        assert!(!told.is_empty());
        assert!(told.iter().all(|l| !l.contains(SECRET)), "{told:?}");
    }
}

#[test]
fn secrets_in_socket_names_are_not_written() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    let script = format!(
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind('\\0{SECRET}')\ns.listen()\n\
         c = socket.socket(socket.AF_UNIX)\nc.connect('\\0{SECRET}')\nc.send(b'{SECRET}')\nprint(1)"
    );
    lab.callgate("learn --args exact -o p.json").command(&["/usr/bin/python3", "-c", &script]).expect(0);
    lab.callgate("record -o t").command(&["/usr/bin/python3", "-c", &script]).expect(0).prints("1\n");
    clean(&lab);
}

#[test]
fn the_executables_own_path_is_written_and_addresses_are_not() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("record -o t -- ls /etc").expect(0);
    let trace = lab.json("t");
    assert_eq!(trace["recordings"][0]["command"], "ls");
    for call in trace["calls"].as_array().unwrap() {
        // The execve that starts it is still made by callgate's own child.
        let by = if call["name"] == "execve" { "callgate" } else { "ls" };
        assert!(call["executables"][0].as_str().unwrap().ends_with(by), "{call}");
        for values in call["args"].as_object().unwrap().values() {
            for value in values["values"].as_array().unwrap() {
                let number = value["value"].as_u64().unwrap();
                assert!(!(1 << 40..1 << 47).contains(&number), "an address? {call}");
            }
        }
    }
}
