//! What is written: whole or not at all, over nothing that was there, with the documented permissions.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use crate::harness::Lab;

/// The verbs that run something and write something, with the code of a failure.
const WRITERS: [(&str, i32); 2] = [("learn -o out -- touch ran", 2), ("record -o out -- touch ran", 125)];

#[test]
fn an_existing_file_is_kept_without_force() {
    let Some(lab) = Lab::nobody() else { return };
    lab.sh("echo mine > out").expect(0);
    for (verb, code) in WRITERS {
        lab.callgate(verb).expect(code).says("out").says("--force");
        assert_eq!(lab.read("out"), "mine\n");
        assert_eq!(lab.files(), ["out"], "{verb}");
    }
    lab.callgate("learn --force -o out -- true").expect(0);
    assert!(lab.read("out").contains("SCMP_ACT"));
}

#[test]
fn an_existing_evidence_file_is_kept_without_force() {
    let Some(lab) = Lab::nobody() else { return };
    lab.sh("echo mine > out.evidence").expect(0);
    lab.callgate("learn -o out -- touch ran").expect(2).says("out.evidence").says("--force");
    assert_eq!(lab.files(), ["out.evidence"]);
}

#[test]
fn a_symlink_is_never_followed() {
    let Some(lab) = Lab::nobody() else { return };
    lab.sh("echo mine > target").expect(0);
    symlink(lab.path("target"), lab.path("out")).unwrap();
    for (verb, code) in WRITERS {
        for flag in ["", "--force "] {
            lab.callgate(&verb.replace("-o", &format!("{flag}-o")))
                .expect(code)
                .says("out")
                .says("symbolic link");
        }
    }
    assert_eq!(lab.read("target"), "mine\n");
    assert_eq!(lab.files(), ["out", "target"]);
}

#[test]
fn a_directory_as_output_is_refused() {
    let Some(lab) = Lab::nobody() else { return };
    lab.sh("mkdir out").expect(0);
    for (verb, code) in WRITERS {
        lab.callgate(verb).expect(code).says("out");
        lab.callgate(&verb.replace("-o", "--force -o")).expect(code).says("out");
    }
    assert_eq!(lab.files(), ["out"]);
}

#[test]
fn a_directory_that_is_missing_or_closed_stops_before_the_program_runs() {
    let Some(lab) = Lab::nobody() else { return };
    lab.sh("mkdir closed; chmod a-w closed").expect(0);
    for (verb, code) in WRITERS {
        lab.callgate(&verb.replace("out", "no/out")).expect(code).says("no").says("No such file");
        lab.callgate(&verb.replace("out", "closed/out"))
            .expect(code)
            .says("closed")
            .says("Permission denied");
        lab.callgate(&verb.replace("out", "/proc/out")).expect(code).says("/proc");
    }
    lab.sh("chmod u+w closed").expect(0);
    assert_eq!(lab.files(), ["closed"], "the program ran");
}

#[test]
fn a_file_made_while_the_program_runs_is_not_overwritten() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn -o out")
        .script("test -e out || echo mine > out")
        .expect(2)
        .says("out")
        .says("--force");
    assert_eq!(lab.read("out"), "mine\n");
    assert_eq!(lab.files().iter().filter(|f| f.starts_with("out")).collect::<Vec<_>>(), ["out"]);
}

#[test]
fn traces_and_evidence_are_for_their_owner_only() {
    let Some(lab) = Lab::nobody() else { return };
    lab.sh("umask 0; \"$CALLGATE\" learn -o p.json -- true; \"$CALLGATE\" record -o t -- true").expect(0);
    for (name, mode) in [("p.json", 0o644), ("p.json.evidence", 0o600), ("t", 0o600)] {
        let found = std::fs::metadata(lab.path(name)).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, mode, "{name}");
        assert_eq!(found.uid(), std::fs::metadata(lab.path("t")).unwrap().uid());
    }
    lab.callgate("compile p.json --emit raw -o f.bpf").expect(0);
    assert_eq!(lab.files(), ["f.bpf", "p.json", "p.json.evidence", "t"], "something is left over");
}

#[test]
fn too_few_descriptors_are_said_with_the_way_out() {
    let Some(lab) = Lab::nobody() else { return };
    for limit in [4, 5, 6, 7] {
        for verb in ["learn -o out -- touch ran", "record -o out -- touch ran"] {
            let ended = lab.sh(&format!("ulimit -n {limit}; exec \"$CALLGATE\" {verb}")).run();
            assert!([2, 125].contains(&ended.code()), "{limit} {verb}: {} {}", ended.code(), ended.stderr);
            ended.says("error:").says("Too many open files").says("ulimit -n");
        }
    }
    assert!(lab.files().is_empty());
}

#[test]
fn a_file_size_limit_leaves_nothing_half_written() {
    let Some(lab) = Lab::nobody() else { return };
    for (verb, code) in [("learn -o out -- true", 2), ("record -o out -- true", 125)] {
        // One block of 512 bytes. Without the trap SIGXFSZ would end whoever writes more.
        for trap in ["", "trap '' XFSZ; "] {
            let script = format!("{trap}ulimit -f 1; exec \"$CALLGATE\" {verb}");
            lab.sh(&script).expect(code).says("out").says("File too large");
            assert!(lab.files().is_empty(), "{verb}: {:?}", lab.files());
        }
    }
}
