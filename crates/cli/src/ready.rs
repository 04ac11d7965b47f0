//! Readiness: when a workload serves.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::digest::Digest;
use crate::exit::Failure;
use crate::output::foreign;
use crate::plan::shell;

/// One attempt may take this long.
const PATIENCE: Duration = Duration::from_millis(500);

/// How readiness is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// A TCP connection is accepted.
    Tcp(String),
    /// An HTTP request is answered with 2xx or 3xx: host and port, path.
    Http(String, String),
    /// A unix stream socket accepts.
    Unix(String),
    /// The text stands in the output.
    Log(String),
    /// A shell command succeeds.
    Cmd(String),
}

impl std::fmt::Display for Probe {
    /// As it is written on the command line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Self::Tcp(address) => format!("tcp:{address}"),
            Self::Http(address, path) => format!("http://{address}{path}"),
            Self::Unix(path) => format!("unix:{path}"),
            Self::Log(text) => format!("log:{text}"),
            Self::Cmd(command) => format!("cmd:{command}"),
        };
        f.write_str(&foreign(&text))
    }
}

impl Probe {
    /// Reads `tcp:HOST:PORT`, `http:URL`, `unix:PATH`, `log:TEXT`, `cmd:COMMAND`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::new(format!("`{text}` is not a readiness probe: {why}"))
                .hint("write tcp:HOST:PORT, http:URL, unix:PATH, log:TEXT or cmd:COMMAND")
        };
        let (kind, rest) = text.split_once(':').ok_or_else(|| wrong("no kind before a colon"))?;
        if rest.is_empty() {
            return Err(wrong("nothing after the colon"));
        }
        match kind {
            "tcp" => {
                let port = rest.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
                match port {
                    None => Err(wrong("it needs HOST:PORT")),
                    Some(0) => Err(wrong("nobody can connect to port 0")),
                    Some(_) => Ok(Self::Tcp(rest.to_owned())),
                }
            }
            "http" if other_scheme(rest) => {
                Err(wrong("it asks by HTTP only; for others use cmd:'curl -sf …'"))
            }
            "http" => Self::http(rest).ok_or_else(|| wrong("it needs HOST[:PORT][/PATH]")),
            "https" => Err(wrong("callgate speaks no TLS; use cmd:'curl -sf https://…'")),
            "unix" => Ok(Self::Unix(rest.to_owned())),
            "log" => Ok(Self::Log(rest.to_owned())),
            "cmd" => Ok(Self::Cmd(rest.to_owned())),
            _ => Err(wrong(&format!("unknown kind `{kind}`"))),
        }
    }

    /// `http:http://host/path`, `http://host/path` and `http:host/path` are all understood.
    fn http(rest: &str) -> Option<Self> {
        let rest = rest.strip_prefix("http:").unwrap_or(rest);
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = match host.rsplit_once(':') {
            // The colons of a bare IPv6 address are none of a port.
            Some((name, port)) if !port.ends_with(']') => {
                port.parse::<u16>().ok().filter(|port| *port > 0)?;
                if name.is_empty() { String::new() } else { host.to_owned() }
            }
            _ => format!("{host}:80"),
        };
        (!host.is_empty() && !host.starts_with(':')).then(|| Self::Http(host, format!("/{path}")))
    }

    /// The address, if something answers there although the workload does not run yet.
    pub(crate) fn answers_already(&self) -> Option<&str> {
        match self {
            Self::Tcp(address) => connect(address).map(|_| address.as_str()),
            Self::Http(address, path) => {
                http_answers(address, path).filter(|yes| *yes).map(|_| address.as_str())
            }
            Self::Unix(path) => UnixStream::connect(path).ok().map(|_| path.as_str()),
            Self::Log(_) | Self::Cmd(_) => None,
        }
    }

    /// Whether the output has to be read to answer.
    pub(crate) fn reads_output(&self) -> bool {
        matches!(self, Self::Log(_))
    }
}

/// A probe being asked again and again.
pub(crate) struct Asking {
    probe: Probe,
    running: Option<Child>,
}

impl Asking {
    /// Starts asking.
    pub(crate) fn new(probe: Probe) -> Self {
        Self { probe, running: None }
    }

    /// Asks once more.
    pub(crate) fn ready(&mut self, outputs: &[Digest; 2]) -> bool {
        match &self.probe {
            Probe::Tcp(address) => connect(address).is_some(),
            Probe::Http(address, path) => http_answers(address, path).unwrap_or(false),
            Probe::Unix(path) => UnixStream::connect(path).is_ok(),
            Probe::Log(text) => outputs.iter().any(|o| o.contains(text)),
            Probe::Cmd(command) => {
                let command = command.clone();
                self.command(&command)
            }
        }
    }

    /// Runs the command without waiting for it; its success counts once it has ended.
    fn command(&mut self, command: &str) -> bool {
        let Some(child) = &mut self.running else {
            let quiet = shell(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            self.running = quiet.ok();
            return false;
        };
        match child.try_wait() {
            Ok(Some(status)) => {
                self.running = None;
                status.success()
            }
            _ => false,
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(child) = &mut self.running {
            // Gone already is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether an URL of another kind follows.
fn other_scheme(rest: &str) -> bool {
    let scheme = rest.split_once("://").map_or("", |(scheme, _)| scheme);
    !scheme.is_empty()
        && scheme != "http"
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn connect(address: &str) -> Option<TcpStream> {
    let mut addresses = address.to_socket_addrs().ok()?;
    addresses.find_map(|a| TcpStream::connect_timeout(&a, PATIENCE).ok())
}

fn http_answers(address: &str, path: &str) -> Option<bool> {
    let mut stream = connect(address)?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    Some(head.starts_with(b"HTTP/1.") && matches!(head[9], b'2' | b'3'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_read_as_people_write_them() {
        let parse = |text| Probe::parse(text).ok();
        assert_eq!(parse("tcp:127.0.0.1:80"), Some(Probe::Tcp("127.0.0.1:80".to_owned())));
        let http = Some(Probe::Http("localhost:8080".to_owned(), "/x".to_owned()));
        assert_eq!(parse("http://localhost:8080/x"), http);
        assert_eq!(parse("http:localhost:8080/x"), http);
        let query = Probe::Http("h:80".to_owned(), "/?u=http://x".to_owned());
        assert_eq!(parse("http://h/?u=http://x"), Some(query));
        let [v6, plain] = ["[::1]:80", "host:80"].map(|h| Some(Probe::Http(h.to_owned(), "/".to_owned())));
        assert_eq!((parse("http://[::1]"), parse("http://host")), (v6, plain));
        let none = ["tcp:h:0", "http:ftp://h/x", "http://h:0/", "http://h:x", "http:///x", "http:https://h"];
        for wrong in ["", "tcp:", "tcp:host", "ftp:x", "https://x", "8080"].into_iter().chain(none) {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
