//! Servers under load: learned with readiness and exercise, then served five times under the profile.

use std::net::TcpStream;

use crate::harness::{Lab, free_port, until};

/// Waits until a port takes connections.
pub(super) fn serving(port: u16) {
    until("the server serves", || TcpStream::connect(("127.0.0.1", port)).is_ok());
}

/// nginx with two workers, all its files in the directory.
pub(super) struct Nginx {
    pub(super) port: u16,
    pub(super) tls_port: u16,
    conf: String,
}

impl Nginx {
    pub(super) fn new(lab: &Lab) -> Self {
        let nginx = Self {
            port: free_port(),
            tls_port: free_port(),
            conf: lab.path("nginx.conf").display().to_string(),
        };
        nginx.write(lab, "");
        nginx
    }

    /// As a server of TLS, too.
    pub(super) fn with_tls(self, lab: &Lab) -> Self {
        lab.sh(
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=localhost \
             -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>&1",
        )
        .expect(0);
        let dir = lab.dir.display();
        self.write(
            lab,
            &format!(
                "listen 127.0.0.1:{} ssl; listen [::1]:{} ssl; ssl_certificate {dir}/cert.pem; \
                 ssl_certificate_key {dir}/key.pem;",
                self.tls_port, self.tls_port
            ),
        );
        self
    }

    fn write(&self, lab: &Lab, tls: &str) {
        let (dir, port) = (lab.dir.display(), self.port);
        let conf = format!(
            "worker_processes 2; daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log {dir}/access.log; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;\n\
             fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s; sendfile on;\n\
             server {{ listen 127.0.0.1:{port}; listen [::1]:{port}; {tls} root {dir}/www; }} }}\n"
        );
        lab.write("nginx.conf", conf);
        lab.sh("mkdir -p www && echo hello > www/index.html && head -c 100000 /dev/zero > www/big").expect(0);
    }

    pub(super) fn args(&self) -> Vec<&str> {
        vec!["-c", &self.conf]
    }

    fn load(&self) -> String {
        let base = format!("http://127.0.0.1:{}", self.port);
        format!(
            "for i in 1 2 3 4 5 6 7 8 9 10; do curl -sf -o /dev/null {base}/ -o /dev/null {base}/big \
             -o /dev/null {base}/?$i || exit 1; done; ! curl -sf -o /dev/null {base}/missing"
        )
    }
}

/// A server, how it is brought back to its beginning, its load, and how it ends when it is asked to.
pub(super) struct Service<'a> {
    pub(super) port: u16,
    pub(super) reset: &'a str,
    pub(super) load: &'a str,
    pub(super) command: &'a [&'a str],
    pub(super) ends: i32,
}

impl Service<'_> {
    /// Serves five times under `p.json`, under load each time.
    pub(super) fn serve_five_times(&self, lab: &Lab) {
        for via in ["notify", "log", "notify", "log", "log"] {
            let run = format!("run --profile p.json --stage enforce --via {via}");
            lab.sh(self.reset).expect(0);
            let server = lab.callgate(&run).command(self.command).start();
            serving(self.port);
            lab.sh(self.load).expect(0);
            server.signal("TERM");
            server.end().expect(self.ends).never_says("refused:").never_says("SIGSYS");
        }
    }
}

fn nginx_is_learned(lab: &Lab, flags: &str) {
    let nginx = Nginx::new(lab);
    let mut command = vec!["nginx"];
    command.extend(nginx.args());
    lab.callgate(&format!("learn {flags} -o p.json --ready tcp:127.0.0.1:{}", nginx.port))
        .args(["--exercise", &nginx.load()])
        .command(&command)
        .expect(0)
        .says("proven:")
        .never_says("readiness probe");
    let load = nginx.load();
    Service { port: nginx.port, reset: ":", load: &load, command: &command, ends: 0 }.serve_five_times(lab);
}

#[test]
fn nginx_with_two_workers_under_load() {
    let Some(lab) = Lab::root(&["nginx", "curl"]) else { return };
    nginx_is_learned(&lab, "");
}

#[test]
fn nginx_without_privilege_under_a_profile_that_kills() {
    let Some(lab) = Lab::nobody_with("t2", &["nginx", "curl"]) else { return };
    nginx_is_learned(&lab, "--default-action kill-process");
}

#[test]
fn nginx_as_a_daemon_is_followed_and_stopped() {
    let Some(lab) = Lab::nobody_with("t2", &["nginx", "curl"]) else { return };
    let nginx = Nginx::new(&lab);
    let conf = lab.read("nginx.conf").replace("daemon off;", "");
    lab.write("nginx.conf", conf);
    let mut command = vec!["nginx"];
    command.extend(nginx.args());
    lab.callgate(&format!("learn -o p.json --ready http://127.0.0.1:{}/", nginx.port))
        .args(["--exercise", &nginx.load()])
        .command(&command)
        .expect(0)
        .says("proven:");
    assert!(TcpStream::connect(("127.0.0.1", nginx.port)).is_err(), "it still serves");
}

fn redis_is_learned(lab: &Lab, flags: &str) {
    let port = free_port();
    let text = port.to_string();
    let socket = lab.path("redis.sock").display().to_string();
    let command =
        ["redis-server", "--port", &text, "--unixsocket", &socket, "--save", "", "--appendonly", "yes"];
    // The load ends once the child that saves is reaped: a shutdown that meets it is another path.
    let load = format!(
        "redis-benchmark -p {port} -n 500 -c 5 -q > /dev/null && redis-cli -s {socket} bgsave && \
         until redis-cli -p {port} info persistence | grep -q bgsave_in_progress:0; do :; done"
    );
    let reset = "rm -rf appendonlydir dump.rdb";
    lab.callgate(&format!("learn {flags} -o p.json --ready unix:{socket}"))
        .args(["--before", reset, "--exercise", &load])
        .command(&command)
        .expect(0)
        .says("proven:");
    Service { port, reset, load: &load, command: &command, ends: 0 }.serve_five_times(lab);
}

#[test]
fn redis_under_its_benchmark() {
    let Some(lab) = Lab::root(&["redis-server", "redis-benchmark"]) else { return };
    redis_is_learned(&lab, "");
}

#[test]
fn redis_without_privilege_under_a_profile_that_kills() {
    let Some(lab) = Lab::nobody_with("t2", &["redis-server", "redis-benchmark"]) else { return };
    redis_is_learned(&lab, "--default-action kill-process");
}
