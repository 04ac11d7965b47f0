//! Servers under load: learned with readiness and exercise under either default, then served five times.

use super::ACTIONS;
use crate::harness::{Lab, free_port, hold_five_times, skip};
use crate::t2::servers::Service;

/// Learned under either default and served five times under each profile.
fn serves(lab: &Lab, service: &Service<'_>) {
    for action in ACTIONS {
        lab.callgate(&format!("learn --force --default-action {action} -o p.json"))
            .arg(format!("--ready=tcp:127.0.0.1:{}", service.port))
            .args(["--before", service.reset, "--exercise", service.load])
            .command(service.command)
            .expect(0)
            .says("proven: p.json");
        service.serve_five_times(lab);
    }
}

/// Files, compression and a name to resolve: all of it done by the pool of threads.
const NODE: &str = r"
const http = require('http'), fs = require('fs'), zlib = require('zlib'), dns = require('dns');
const server = http.createServer((request, response) => {
    const done = (error, data) => { response.statusCode = error ? 500 : 200; response.end(data); };
    if (request.url === '/file') fs.readFile('/etc/hosts', done);
    else if (request.url === '/zip') zlib.gzip('x'.repeat(100000), done);
    else if (request.url === '/name') dns.lookup('localhost', done);
    else done(null, 'hello');
});
server.listen(Number(process.argv[2]), '127.0.0.1');
process.on('SIGTERM', () => { server.close(() => process.exit(0)); });
";

#[test]
fn node_serves_http_under_load() {
    let Some(lab) = Lab::nobody_with("t2", &["node", "curl"]) else { return };
    lab.write("server.js", NODE);
    let port = free_port();
    let base = format!("http://127.0.0.1:{port}");
    let load = format!(
        "for i in 1 2 3 4 5 6; do for path in / /file /zip /name; do curl -sf -o /dev/null {base}$path || exit 1; \
         done & done; wait; curl -sf {base}/ | grep -q hello"
    );
    let command = ["node", "server.js", &port.to_string()];
    serves(&lab, &Service { port, reset: ":", load: &load, command: &command, ends: 0 });
}

#[test]
fn openssl_serves_its_own_client() {
    let Some(lab) = Lab::nobody_with("t2", &["openssl"]) else { return };
    lab.sh("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=localhost 2>&1")
        .expect(0);
    let port = free_port();
    let (listen, here) = (format!("127.0.0.1:{port}"), format!("-connect 127.0.0.1:{port}"));
    let ask = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -quiet -CAfile cert.pem";
    let load = format!(
        "for version in -tls1_3 -tls1_2 -tls1_3; do {ask} $version {here} 2>/dev/null | grep -q '200 ok' || exit 1; done"
    );
    let command =
        ["openssl", "s_server", "-accept", &listen, "-cert", "cert.pem", "-key", "key.pem", "-quiet", "-www"];
    // It does not catch the signal that ends it.
    serves(&lab, &Service { port, reset: ":", load: &load, command: &command, ends: 143 });
}

/// Where postgresql's programs are: Debian puts them in no `PATH`.
fn postgresql() -> Option<(Lab, String)> {
    let lab = Lab::nobody_with("t2", &[])?;
    let found = lab.sh("ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1").run().stdout;
    if found.is_empty() {
        skip("t2", "postgresql is not installed");
        return None;
    }
    Some((lab, found.trim().to_owned()))
}

/// initdb's arguments. What it makes is thrown away, so that no disk has to have it.
const CLUSTER: [&str; 6] = ["-D", "made", "-U", "tester", "--auth=trust", "--no-sync"];

#[test]
fn initdb_makes_a_cluster() {
    let Some((lab, bin)) = postgresql() else { return };
    let initdb = format!("{bin}/initdb");
    let command: Vec<&str> = [initdb.as_str()].into_iter().chain(CLUSTER).collect();
    lab.callgate("learn --default-action kill-process -o p.json")
        .args(["--before", "rm -rf made"])
        .command(&command)
        .expect(0)
        .says("proven: p.json");
    hold_five_times(&lab, "rm -rf made", 0, &command);
}

#[test]
fn postgresql_serves_and_its_client_asks() {
    let Some((lab, bin)) = postgresql() else { return };
    lab.program(&format!("{bin}/initdb")).args(CLUSTER).expect(0);
    let (port, postgres) = (free_port(), format!("{bin}/postgres"));
    let client =
        format!("{bin}/psql -X -h 127.0.0.1 -p {port} -U tester -d postgres -q -v ON_ERROR_STOP=1 -At");
    // It takes connections before it answers them.
    let load = format!(
        "until {client} -c '' 2>/dev/null; do sleep 0.05; done; {client} -c 'create table t (x int primary key)' \
         -c 'insert into t select generate_series(1, 1000)' -c 'create index on t ((x + 1))' -c 'vacuum analyze t' \
         -c checkpoint -c 'select sum(x) from t' | grep -qx 500500"
    );
    let text = port.to_string();
    let sockets = format!("unix_socket_directories={}", lab.dir.display());
    let command = [&postgres, "-D", "run", "-p", &text, "-h", "127.0.0.1", "-c", &sockets];
    let reset = "rm -rf run && cp -a made run";
    serves(&lab, &Service { port, reset, load: &load, command: &command, ends: 0 });
    // The client, too.
    lab.sh(reset).expect(0);
    let server = lab.program(&postgres).args(&command[1..]).start();
    lab.sh(&format!("until {client} -c '' 2>/dev/null; do sleep 0.05; done")).expect(0);
    let ask: Vec<&str> = client.split(' ').chain(["-c", "select 6 * 7"]).collect();
    super::holds(&lab, "", &ask, "42\n");
    server.signal("TERM");
    server.end().expect(0);
}
