//! Workloads in containers, by the runtimes themselves.

use std::path::Path;
use std::process::Command;

use crate::harness::{Call, Ended, Lab, find, until};

/// A runtime, and how this machine lets it run: crun wants to see cgroup v2 alone.
pub(super) struct Runtime {
    name: &'static str,
    wrapper: &'static [&'static str],
}

const V2: &str = "umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup; exec \"$@\"";
pub(super) const RUNTIMES: [Runtime; 2] = [
    Runtime { name: "runc", wrapper: &[] },
    Runtime { name: "crun", wrapper: &["unshare", "-m", "--propagation", "private", "sh", "-c", V2, "sh"] },
];

impl Runtime {
    /// Its name and version as `--runtime` takes them.
    pub(super) fn versioned(&self) -> String {
        let out = Command::new(self.name).arg("--version").output().expect("it says its version");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let word = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let version = word.expect("a version").split(['+', '-', '~']).next().unwrap_or_default();
        format!("{}@{version}", self.name)
    }

    /// Runs a bundle by the runtime alone, for as long as its program runs.
    pub(super) fn run_detached<'l>(&self, lab: &'l Lab, bundle: &str) -> Call<'l> {
        let id = lab.dir.parent().and_then(Path::file_name).expect("a laboratory").to_str().expect("UTF-8");
        let words = [self.name, "--root", "state", "run", "--bundle", bundle, id];
        let whole: Vec<&str> = self.wrapper.iter().copied().chain(words).collect();
        let mut call = lab.program(whole[0]);
        call.args(&whole[1..]);
        call
    }
}

/// A root file system of busybox.
pub(super) fn busybox(lab: &Lab, name: &str) {
    let path = find("busybox").expect("busybox was asked for");
    lab.sh(&format!(
        "mkdir -p {name}/bin {name}/etc {name}/proc {name}/sys {name}/dev && cp {} {name}/bin/busybox && \
         for a in sh ls cat id sleep mkdir touch wc sort head; do ln -s busybox {name}/bin/$a; done && \
         printf 'root:x:0:0::/:/bin/sh\nweb:x:33:44::/:/bin/sh\n' > {name}/etc/passwd && printf 'web:x:44:\n' > {name}/etc/group",
        path.display()
    ))
    .expect(0);
}

/// callgate with these words, within what the runtime needs around it.
fn callgate(lab: &Lab, runtime: &Runtime, words: &str, command: &[&str]) -> Ended {
    call(lab, runtime, words, command).run()
}

/// The same, to be started.
pub(super) fn call<'l>(lab: &'l Lab, runtime: &Runtime, words: &str, command: &[&str]) -> Call<'l> {
    let own = lab.callgate_path().to_str().unwrap().to_owned();
    let words: Vec<&str> = words.split_whitespace().chain(["--runtime", runtime.name]).collect();
    let mut whole: Vec<&str> = runtime.wrapper.to_vec();
    whole.push(&own);
    whole.extend(words);
    if !command.is_empty() {
        whole.push("--");
        whole.extend(command);
    }
    let mut call = lab.program(whole[0]);
    call.args(&whole[1..]);
    call
}

/// Runs a root file system under a profile, by the runtime alone; its exit status.
fn start(lab: &Lab, runtime: &Runtime, profile: &str, nnp: bool, command: &[&str]) -> i32 {
    lab.sh("rm -rf plain && mkdir plain && cd plain && runc spec").expect(0);
    let mut config: serde_json::Value = serde_json::from_str(&lab.read("plain/config.json")).unwrap();
    config["process"]["terminal"] = false.into();
    config["process"]["args"] = command.into();
    config["process"]["noNewPrivileges"] = nnp.into();
    config["root"]["path"] = lab.path("rootfs").to_str().unwrap().into();
    config["linux"]["resources"] = serde_json::json!({});
    config["linux"]["seccomp"] = lab.json(profile);
    lab.write("plain/config.json", config.to_string());
    run_bundle(lab, runtime, "plain", "").code()
}

/// Runs a bundle by the runtime alone, below a command that runs others if need be.
pub(super) fn run_bundle(lab: &Lab, runtime: &Runtime, bundle: &str, under: &str) -> Ended {
    // Of this test alone: others that run now have containers, too.
    let id = lab.dir.parent().and_then(Path::file_name).unwrap().display();
    let run = format!(
        "timeout -k 1 60 {under}{0} --root state run --bundle {bundle} {id}; s=$?; \
                       timeout -k 1 20 {0} --root state delete --force {id}; exit $s",
        runtime.name
    );
    let whole: Vec<&str> = runtime.wrapper.iter().copied().chain(["sh", "-c", &run]).collect();
    let mut call = lab.program(whole[0]);
    call.args(&whole[1..]);
    call.run()
}

/// What callgate left on the machine: named after a process of it that is no more.
fn leftovers() -> Vec<String> {
    let gone = |name: &str| {
        let rest = name.strip_prefix("callgate-").map(|r| r.strip_prefix("container-").unwrap_or(r));
        let pid = rest.and_then(|r| r.split('-').next()).filter(|p| p.parse::<u32>().is_ok());
        pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists())
    };
    let left = |dir: &str| {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
        names.filter(|n| gone(n)).collect::<Vec<_>>()
    };
    let temporary = std::env::temp_dir();
    let places = [
        "/run",
        "/run/runc",
        "/run/crun",
        "/sys/fs/cgroup",
        "/sys/fs/cgroup/pids",
        "/sys/fs/cgroup/memory",
        "/sys/fs/cgroup/unified",
    ];
    places.into_iter().chain(temporary.to_str()).flat_map(left).collect()
}

/// Nothing is left, or soon nothing will be: another test may just have killed one.
pub(super) fn nothing_is_left() {
    until("nothing is left of containers", || {
        let left = leftovers();
        if !left.is_empty() {
            println!("left: {left:?}");
        }
        left.is_empty()
    });
}

const SCRIPT: &str = "ls -l / | sort | wc -l; (id) & wait; mkdir -p /tmp/made; sleep 0.05; exit 3";

#[test]
fn what_is_learned_in_a_container_starts_it_ten_times_of_ten() {
    let Some(lab) = Lab::root(&["runc", "crun", "busybox", "unshare"]) else { return };
    busybox(&lab, "rootfs");
    let command = ["sh", "-c", SCRIPT];
    for runtime in &RUNTIMES {
        for (nnp, action) in
            [(false, "errno"), (true, "errno"), (false, "kill-process"), (true, "kill-process")]
        {
            let words =
                format!("learn --force --rootfs rootfs --nnp {nnp} --default-action {action} -o p.json");
            callgate(&lab, runtime, &words, &command).expect(0).says("proven:").says(runtime.name);
            // Nothing of what the runtime did before it loaded the filter.
            let shown = lab.callgate("show p.json --format json").expect(0).json();
            let rules = shown["rules"].as_array().unwrap().iter().filter(|r| r["action"] == "SCMP_ACT_ALLOW");
            let allowed: Vec<_> = rules.map(|r| r["names"].to_string()).collect();
            assert!(allowed.concat().contains("\"execve\""), "{allowed:?}");
            for call in ["\"mount\"", "\"pivot_root\"", "\"setns\"", "\"unshare\"", "\"sethostname\""] {
                assert!(!allowed.concat().contains(call), "{} {call}", runtime.name);
            }
            for attempt in 0..10 {
                let status = start(&lab, runtime, "p.json", nnp, &command);
                assert_eq!(status, 3, "{} nnp {nnp} {action}: start {attempt}", runtime.name);
            }
        }
    }
    nothing_is_left();
}

/// A root file system of Debian's own files: shell, tools and Python as their packages have them.
fn debian(lab: &Lab) {
    let packages = "bash dash coreutils libc6 libc-bin libtinfo6 libselinux1 libpcre2-8-0 libacl1 libattr1 libgmp10 \
                    python3 python3-minimal python3.11 python3.11-minimal libpython3-stdlib libpython3.11-minimal \
                    libpython3.11-stdlib libexpat1 zlib1g libssl3 libbz2-1.0 liblzma5 libffi8 libsqlite3-0 libuuid1 libdb5.3 \
                    libncursesw6 libreadline8 libcrypt1 libnsl2 libtirpc3 base-files media-types";
    lab.sh(&format!(
        "mkdir -p rootfs/usr/bin rootfs/usr/sbin rootfs/usr/lib rootfs/usr/lib64; for l in bin sbin lib lib64; do test -L /$l && cp -a /$l rootfs/; done; \
         for p in {packages}; do dpkg -L $p 2>/dev/null; done | sort -u | while read f; do \
         if test -f \"$f\" -o -L \"$f\"; then case $f in /usr/share/*) ;; *) echo .$f;; esac; fi; done >list; \
         tar -C / -cf - --no-recursion -T list | tar -C rootfs --keep-directory-symlink -xf -; \
         mkdir -p rootfs/proc rootfs/sys rootfs/dev rootfs/tmp rootfs/etc; \
         printf 'root:x:0:0::/:/bin/sh\n' >rootfs/etc/passwd; echo hello >rootfs/tmp/index.html; \
         cp -a /etc/ld.so.c* rootfs/etc/; test -x rootfs/usr/bin/python3"
    ))
    .expect(0);
}

#[test]
fn a_server_in_a_debian_container_is_learned_by_its_exercise_and_serves_under_its_profile() {
    let Some(lab) = Lab::root(&["runc", "crun", "unshare", "dpkg", "curl"]) else { return };
    debian(&lab);
    let port = crate::harness::free_port();
    let url =
        format!("curl -sf --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:{port}/index.html");
    let serve = format!(
        "import http.server, signal, sys\nsignal.signal(signal.SIGTERM, lambda *a: sys.exit(0))\n\
                         h = http.server.SimpleHTTPRequestHandler\n\
                         http.server.ThreadingHTTPServer(('127.0.0.1', {port}), lambda *a: h(*a, directory='/tmp')).serve_forever()"
    );
    for runtime in &RUNTIMES {
        let own = lab.callgate_path().display().to_string();
        let mut words: Vec<String> = runtime.wrapper.iter().map(|w| (*w).to_owned()).collect();
        let learn = ["learn", "--force", "-o", "p.json", "--rootfs", "rootfs", "--runtime", runtime.name];
        words.push(own);
        words.extend(learn.iter().map(|w| (*w).to_owned()));
        words.extend([
            "--ready".to_owned(),
            format!("tcp:127.0.0.1:{port}"),
            "--exercise".to_owned(),
            url.clone(),
        ]);
        words.extend(["--".to_owned(), "python3".to_owned(), "-c".to_owned(), serve.clone()]);
        let mut call = lab.program(&words[0]);
        call.args(&words[1..]);
        call.run().expect(0).says("proven:").says("host's network");
        let trace = lab.read("p.json");
        assert!(trace.contains("\"accept4\"") && trace.contains("\"capset\""), "{}", runtime.name);
        assert_eq!(start(&lab, runtime, "p.json", false, &["python3", "-c", "print(1)"]), 0);
    }
    nothing_is_left();
}

#[test]
fn a_trace_of_a_container_tells_the_floor_from_the_program() {
    let Some(lab) = Lab::root(&["runc", "busybox"]) else { return };
    busybox(&lab, "rootfs");
    callgate(&lab, &RUNTIMES[0], "record --rootfs rootfs -o t", &["sh", "-c", "id"]).expect(0);
    let trace = lab.json("t");
    let phase = |name: &str| {
        let call = trace["calls"].as_array().unwrap().iter().find(|c| c["name"] == name).cloned();
        call.map(|c| c["phases"].to_string()).unwrap_or_default()
    };
    assert_eq!(phase("capset"), "[\"floor\"]");
    assert_eq!(phase("getuid"), "[\"unphased\"]");
    assert!(trace["recordings"][0]["notes"].to_string().contains("runc@"));
    assert_eq!(trace["recordings"][0]["no_new_privs"], false);
}

#[test]
fn a_bundle_is_run_as_it_is_and_not_changed() {
    let Some(lab) = Lab::root(&["runc", "busybox"]) else { return };
    busybox(&lab, "rootfs");
    lab.sh("mkdir b && mv rootfs b && cd b && runc spec && sed -i 's/\"sh\"/\"id\"/' config.json").expect(0);
    let before = lab.read("b/config.json");
    callgate(&lab, &RUNTIMES[0], "learn --bundle b -o p.json", &[])
        .expect(0)
        .prints("uid=0(root) gid=0\n")
        .says("with no_new_privs")
        .says("docker run --security-opt seccomp=")
        .says("--security-opt no-new-privileges")
        .says("allowPrivilegeEscalation: false");
    assert_eq!(lab.read("b/config.json"), before);
    callgate(&lab, &RUNTIMES[0], "learn --force --bundle b --nnp false -o p.json", &["sh", "-c", "exit 4"])
        .expect(0)
        .says("exit status 4")
        .never_says("no-new-privileges");
}

#[test]
fn what_the_runtimes_make_to_mount_on_is_not_left_in_a_directory_of_somebodys() {
    let Some(lab) = Lab::root(&["runc", "crun", "busybox", "unshare"]) else { return };
    busybox(&lab, "rootfs");
    let list = |dir: &str| lab.sh(&format!("ls {dir}")).expect(0).stdout;
    for runtime in &RUNTIMES {
        lab.sh("rmdir rootfs/proc rootfs/sys; rmdir rootfs/dev; touch rootfs/kept").expect(0);
        callgate(&lab, runtime, "learn --force --rootfs rootfs -o p.json", &["sh", "-c", "mkdir -p /made"])
            .expect(0);
        assert_eq!(list("rootfs"), "bin\netc\nkept\nmade\n", "{}", runtime.name);
        // What was there before stays.
        lab.sh("mkdir rootfs/proc rootfs/sys rootfs/dev; rmdir rootfs/made").expect(0);
        callgate(&lab, runtime, "record --force --rootfs rootfs -o t", &["id"]).expect(0);
        assert_eq!(list("rootfs"), "bin\ndev\netc\nkept\nproc\nsys\n", "{}", runtime.name);
    }
}

#[test]
fn a_program_that_is_refused_something_in_its_container_is_not_proven() {
    let Some(lab) = Lab::root(&["runc", "busybox"]) else { return };
    busybox(&lab, "rootfs");
    let script = "test -e /once && umask 77; touch /once";
    callgate(&lab, &RUNTIMES[0], "learn --rootfs rootfs -o p.json", &["sh", "-c", script])
        .expect(1)
        .says("refused: umask(")
        .says("not proven: p.json");
}

/// Makes an image archive out of layers: `python3 image.py KIND LAYER…`, each layer a directory or a tar file.
pub(super) const IMAGE: &str = r#"
import gzip, hashlib, io, json, os, sys, tarfile
kind, arch, layers = sys.argv[1], sys.argv[2], sys.argv[3:]
def packed(layer):
    if layer.endswith('.tar'): return open(layer, 'rb').read()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as t: t.add(layer, arcname='.')
    return out.getvalue()
blobs = {}
def blob(data):
    digest = hashlib.sha256(data).hexdigest()
    blobs['blobs/sha256/' + digest] = data
    return 'sha256:' + digest
config = {'architecture': arch, 'os': 'linux',
          'config': {'Entrypoint': ['sh', '-c'], 'Cmd': ['id; echo $GREETING; cat /etc/motd; ls /gone'],
                     'Env': ['GREETING=hello'], 'User': 'web', 'WorkingDir': '/etc'}}
raw = [packed(l) for l in layers]
data = [gzip.compress(r) for r in raw] if kind == 'oci' else raw
ids = [blob(d) for d in data]
cfg = blob(json.dumps(config).encode())
if kind == 'oci':
    manifest = blob(json.dumps({'config': {'digest': cfg}, 'layers': [{'digest': d} for d in ids]}).encode())
    blobs['index.json'] = json.dumps({'manifests': [{'digest': manifest, 'platform': {'architecture': arch}}]}).encode()
    blobs['oci-layout'] = b'{"imageLayoutVersion": "1.0.0"}'
else:
    name = lambda d: 'blobs/sha256/' + d[7:]
    blobs['manifest.json'] = json.dumps([{'Config': name(cfg), 'Layers': [name(d) for d in ids]}]).encode()
with tarfile.open('image.tar', 'w') as t:
    for name, content in sorted(blobs.items()):
        info = tarfile.TarInfo(name); info.size = len(content)
        t.addfile(info, io.BytesIO(content))
"#;

/// Makes one layer with a single odd entry: `python3 evil.py HOW`.
pub(super) const EVIL: &str = r"
import io, os, sys, tarfile
how = sys.argv[1]
t = tarfile.open('evil.tar', 'w', format=tarfile.PAX_FORMAT)
def add(name, kind=tarfile.REGTYPE, link='', data=b'evil'):
    info = tarfile.TarInfo(name); info.type = kind; info.linkname = link; info.mode = 0o644
    if kind == tarfile.REGTYPE:
        info.size = len(data); t.addfile(info, io.BytesIO(data))
    else: t.addfile(info)
if how == 'traversal': add('../../escaped')
if how == 'hardlink': add('x', tarfile.LNKTYPE, '/etc/passwd')
if how == 'hardlink-up': add('x', tarfile.LNKTYPE, '../../../etc/passwd')
if how == 'device': add('dev/kmem', tarfile.CHRTYPE)
if how == 'through-link': add('out', tarfile.SYMTYPE, '/'); add('out/escaped'); add('out/tmp/escaped')
if how == 'hide-parent': add('etc/.wh...')
if how == 'fifo': add('etc/passwd', tarfile.FIFOTYPE)
if how == 'bomb': add('zeros', data=bytes(300 << 20))
if how == 'large': add('large', data=os.urandom(300 << 20))
if how == 'many': [add(f'{i}', data=b'') for i in range(60000)]
if how == 'long-name': add('x' * (8 << 20))
if how == 'long-gnu-name': t.format = tarfile.GNU_FORMAT; add('x' * (8 << 20))
t.close()
";

#[test]
fn images_of_both_forms_are_unpacked_with_their_whiteouts_and_run_as_they_say() {
    let Some(lab) = Lab::root(&["runc", "busybox", "python3"]) else { return };
    busybox(&lab, "base");
    lab.write("image.py", IMAGE);
    lab.sh("mkdir -p base/gone base/opaque upper/etc upper/opaque && echo old >base/etc/motd && touch base/gone/a base/opaque/a \
         && echo new >upper/etc/motd && touch upper/.wh.gone upper/opaque/.wh..wh..opq upper/opaque/b")
        .expect(0);
    for kind in ["oci", "docker"] {
        lab.sh(&format!("python3 image.py {kind} amd64 base upper")).expect(0);
        callgate(&lab, &RUNTIMES[0], "learn --force --image image.tar -o p.json", &[])
            .expect(0)
            .prints("uid=33(web) gid=44(web)\nhello\nnew\n")
            .says("No such file")
            .says("proven:");
        callgate(&lab, &RUNTIMES[0], "record --force --image image.tar -o t", &["ls", "/opaque"])
            .expect(0)
            .prints("b\n");
    }
    // A layout as a directory is the same thing.
    lab.sh("python3 image.py oci amd64 base upper && mkdir layout && tar xf image.tar -C layout").expect(0);
    callgate(&lab, &RUNTIMES[0], "record --force --image layout -o t", &["ls", "/opaque"])
        .expect(0)
        .prints("b\n");
}

#[test]
fn images_that_reach_out_of_their_root_or_are_no_images_are_refused() {
    let Some(lab) = Lab::root(&["runc", "busybox", "python3"]) else { return };
    busybox(&lab, "base");
    lab.write("image.py", IMAGE);
    lab.write("evil.py", EVIL);
    let refused = |how: &str, words: &str| {
        lab.sh(&format!("python3 evil.py {how} && python3 image.py oci amd64 base evil.tar")).expect(0);
        callgate(&lab, &RUNTIMES[0], "learn --image image.tar -o p.json", &["sh", "-c", "true"])
            .expect(2)
            .says(words)
            .says("image.tar");
        assert!(!lab.has("p.json"));
    };
    refused("traversal", "leaves the root file system");
    refused("hardlink", "absolute target");
    refused("hardlink-up", "leaves the root file system");
    refused("device", "device node");
    refused("bomb", "decompression bomb");
    refused("hide-parent", "hides no file");
    refused("long-name", "name and attributes are larger");
    refused("long-gnu-name", "name and attributes are larger");
    // A large file is none of these, although all of it is announced before any of it is read.
    lab.sh("python3 evil.py large && python3 image.py docker amd64 base evil.tar").expect(0);
    callgate(&lab, &RUNTIMES[0], "record --image image.tar -o large", &["wc", "-c", "/large"])
        .expect(0)
        .prints("314572800 /large\n");
    // A link to / is one within the root.
    lab.sh("python3 evil.py through-link && python3 image.py oci amd64 base evil.tar").expect(0);
    callgate(&lab, &RUNTIMES[0], "record --image image.tar -o t", &["ls", "/escaped"])
        .expect(0)
        .prints("/escaped\n");
    assert!(!Path::new("/escaped").exists() && !Path::new("/tmp/escaped").exists());
    // Another machine's, a damaged one, none at all.
    lab.sh("python3 image.py oci arm64 base").expect(0);
    let learn = "learn --image image.tar -o p.json";
    callgate(&lab, &RUNTIMES[0], learn, &["sh"]).expect(2).says("is an image for arm64").says("--platform");
    lab.sh("python3 image.py oci amd64 base && python3 -c \"d = bytearray(open('image.tar', 'rb').read()); \
         i = d.index(b'\\x1f\\x8b'); d[i + 400] ^= 1; open('image.tar', 'wb').write(d)\"")
        .expect(0);
    callgate(&lab, &RUNTIMES[0], learn, &["sh"]).expect(2).says("cannot unpack");
    lab.sh("head -c 3000 /dev/urandom > image.tar").expect(0);
    callgate(&lab, &RUNTIMES[0], learn, &["sh"]).expect(2).says("is no image archive").says("docker save");
    lab.sh("rm image.tar").expect(0);
    callgate(&lab, &RUNTIMES[0], learn, &["sh"]).expect(2).says("image.tar");
    assert!(!lab.has("p.json"));
}

#[test]
fn a_file_that_is_no_image_archive_is_called_what_it_is() {
    let Some(lab) = Lab::root(&["runc", "busybox", "python3", "gzip"]) else { return };
    busybox(&lab, "base");
    lab.write("image.py", IMAGE);
    lab.sh(
        "python3 image.py docker amd64 base && gzip -k image.tar && head -c 300000 image.tar >cut.tar && \
         head -c 1700 image.tar >short.tar && echo '[{\"Config\": 1}]' >manifest.json && seq 9999 >text",
    )
    .expect(0);
    for (file, what, way_out) in [
        ("image.tar.gz", "it is compressed with gzip", "gunzip -k"),
        ("cut.tar", "it is cut off", "docker save"),
        ("short.tar", "it is cut off", "docker save"),
        ("manifest.json", "it is a JSON text", "archive"),
        ("text", "it is no tar archive", "docker save"),
    ] {
        let words = format!("learn --image {file} -o p.json");
        let ended = callgate(&lab, &RUNTIMES[0], &words, &[]).expect(2);
        ended.says(&format!("`{file}` is no image archive: {what}")).says(way_out);
    }
    assert!(!lab.has("p.json"));
}

#[test]
fn an_image_with_a_fifo_for_its_users_is_refused_at_once() {
    let Some(lab) = Lab::root(&["runc", "busybox", "python3"]) else { return };
    busybox(&lab, "base");
    lab.write("image.py", IMAGE);
    lab.write("evil.py", EVIL);
    lab.sh("python3 evil.py fifo && python3 image.py docker amd64 base evil.tar").expect(0);
    // Opened to be read, it would wait for a writer for ever.
    callgate(&lab, &RUNTIMES[0], "learn --image image.tar -o p.json", &[])
        .expect(2)
        .says("cannot read /etc/passwd of the image, which says who `web` is: it is no regular file")
        .says("regular file there");
    assert!(!lab.has("p.json"));
    nothing_is_left();
}

#[test]
fn containers_that_cannot_be_started_are_said_and_nothing_is_written() {
    let Some(lab) = Lab::root(&["runc", "busybox"]) else { return };
    busybox(&lab, "rootfs");
    let learn = |words: &str, command: &[&str]| callgate(&lab, &RUNTIMES[0], words, command);
    // crun gives up before it loads a filter.
    if crate::harness::needs("t2", &["crun", "unshare"]) {
        callgate(&lab, &RUNTIMES[1], "learn --rootfs rootfs -o p.json", &["/bin/nosuch"])
            .expect(3)
            .says("never executed `/bin/nosuch`; what its runtime said stands above");
    }
    learn("learn --rootfs rootfs -o p.json", &["/bin/nosuch"]).expect(3).says("never executed `/bin/nosuch`");
    learn("learn --rootfs nowhere -o p.json", &["sh"]).expect(2).says("nowhere");
    learn("learn --bundle rootfs -o p.json", &[]).expect(2).says("config.json").says("runc spec");
    lab.sh("mkdir broken && echo '{\"root\": {}}' > broken/config.json").expect(0);
    learn("learn --bundle broken -o p.json", &[]).expect(2).says("root.path");
    learn("learn --backend ptrace --rootfs rootfs -o p.json", &["sh"]).expect(2).says("--backend");
    let own = lab.callgate_path().display().to_string();
    lab.sh(&format!("{own} learn --runtime nosuch --rootfs rootfs -o p.json -- sh"))
        .expect(2)
        .says("there is no container runtime `nosuch`")
        .says("--runtime takes runc, crun");
    lab.sh(&format!("{own} learn --runtime true --rootfs rootfs -o p.json -- sh"))
        .expect(2)
        .says("no container runtime");
    lab.sh(&format!("{own} learn --rootfs rootfs -o p.json")).expect(2);
    assert!(!lab.has("p.json"));
    nothing_is_left();
}

#[test]
fn a_container_needs_root_and_says_so() {
    let Some(lab) = Lab::nobody() else { return };
    if !crate::harness::is_root() {
        return println!("skipped: the tests do not run as root");
    }
    lab.callgate("learn --rootfs / -o p.json -- true").expect(2).says("needs root");
}
