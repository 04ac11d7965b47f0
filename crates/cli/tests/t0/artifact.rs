//! Profiles as OCI artifacts.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::Lab;

const PROFILE: &str = r#"{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}"#;

#[test]
fn artifacts_are_packed_checked_and_unpacked() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    for layout in ["p.oci", "p.tar"] {
        lab.callgate(&format!("artifact pack p.json -o {layout}")).expect(0).says("sha256:");
        lab.callgate(&format!("artifact check {layout}")).expect(0).shows("a runtime takes it");
        lab.callgate(&format!("artifact unpack {layout}")).expect(0).prints(PROFILE);
        lab.callgate(&format!("artifact pack p.json -o {layout}")).expect(2).says("exist");
    }
    lab.callgate("artifact pack p.json -o again.tar").expect(0);
    assert_eq!(fs::read(lab.path("p.tar")).unwrap(), fs::read(lab.path("again.tar")).unwrap());
    let manifest = lab.callgate("artifact check p.oci --format json").expect(0).json();
    assert_eq!(manifest["takes"], true);
}

#[test]
fn hostile_layouts_are_refused() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    lab.callgate("artifact pack p.json -o p.oci").expect(0);
    let blobs = lab.path("p.oci/blobs/sha256");
    let profile = fs::read_dir(&blobs).unwrap().flatten().map(|e| e.path());
    let profile = profile.into_iter().find(|p| fs::read_to_string(p).unwrap() == PROFILE).unwrap();
    fs::write(&profile, PROFILE.replace("read", "bpf_")).unwrap();
    lab.callgate("artifact unpack p.oci -o q.json").expect(2).says("was changed");
    lab.callgate("artifact check p.oci").expect(1).shows("no runtime takes it");
    assert!(!lab.has("q.json"));
    fs::remove_file(&profile).unwrap();
    symlink("/etc/passwd", &profile).unwrap();
    lab.callgate("artifact unpack p.oci").expect(2).says("is no regular file");
    lab.write("junk.tar", vec![b'x'; 4096]);
    lab.callgate("artifact unpack junk.tar").expect(2).says("junk.tar");
    lab.callgate("artifact check nothing.oci").expect(3).says("nothing.oci");
    lab.write("n.json", PROFILE.replace("SCMP_ACT_ALLOW", "SCMP_ACT_NOTIFY"));
    lab.callgate("artifact pack n.json -o n.oci").expect(2).says("SCMP_ACT_NOTIFY");
}
