//! A server, and its databases.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use crate::{account::Account, program};

/// Whom the server knows, and lets in without a password: nobody else reaches its socket.
pub(crate) const USER: &str = "tester";

/// A user whom the server asks for a password. Tests make it, and its password.
pub const GUARDED: &str = "guarded";

/// Starts the server, says so, and stops it when standard input ends: when the process that writes to it is gone. Then
/// removes the folder. Nothing is to be durable here.
const WATCHER: &str = r#"
pg_ctl="$1/pg_ctl"
"$pg_ctl" -D "$2/data" -l "$2/log" -w -t 120 -o "$3" start >/dev/null || exit 1
echo ready
cat >/dev/null
kill -CONT $(head -n 1 "$2/data/postmaster.pid" 2>/dev/null) 2>/dev/null
"$pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1
rm -rf "$2"
"#;

/// The port where nobody asked for one: it only names the socket.
const PORT: u16 = 5432;

/// The password of the user of the tests, who needs one over TCP only.
pub const PASSWORD: &str = "not a secret";

/// A server that runs until it is dropped; the [shared] one as long as this process.
#[derive(Debug)]
pub struct Server {
    pub(crate) programs: PathBuf,
    pub(crate) account: Account,
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    /// What the server is started with.
    pub(crate) arguments: String,
    /// Its standard input is the pipe that the watcher reads.
    _watcher: Child,
}

/// A database of a [`Server`].
#[derive(Debug)]
pub struct Database<'s> {
    server: &'s Server,
    name: String,
}

/// The server of this process, started when it is first asked for.
///
/// # Panics
/// If PostgreSQL is not installed or does not start.
pub fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&Setup::default()))
}

/// How a server is to be, other than the [shared] one: which listens on its Unix socket only.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Listens on a port of 127.0.0.1 as well, and asks for [`PASSWORD`] there.
    pub tcp: bool,
    /// Speaks TLS on that port, with this certificate and key (PEM), and refuses whoever does not.
    pub tls: Option<(String, String)>,
    /// Further settings, by name.
    pub settings: Vec<(&'static str, String)>,
}

impl Server {
    /// Starts a server of its own.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start(setup: &Setup) -> Self {
        let (programs, account) = (program::folder(), Account::find());
        let folder = new_folder(account);
        let mut initdb = Command::new(programs.join("initdb"));
        initdb.arg("-D").arg(folder.join("data"));
        initdb.args([
            "-U",
            USER,
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--no-locale",
        ]);
        initdb.current_dir(&folder);
        let made = account.runs(&mut initdb).output().unwrap();
        assert!(made.status.success(), "initdb: {made:?}");
        // The first line that fits decides.
        let rules = folder.join("data/pg_hba.conf");
        let all = fs::read_to_string(&rules).unwrap();
        let over_tcp = match setup.tls {
            Some(_) => "hostssl all all 127.0.0.1/32 scram-sha-256\nhostnossl all all all reject",
            None => "host all all 127.0.0.1/32 scram-sha-256",
        };
        let guarded = format!("local all {GUARDED} scram-sha-256\n{over_tcp}\n{all}");
        fs::write(&rules, guarded).unwrap();
        let port = if setup.tcp { free_port() } else { PORT };
        let mut arguments = arguments(&folder, setup.tcp, port);
        if let Some((certificate, key)) = &setup.tls {
            arguments += " -c ssl=on";
            for (name, pem) in [("server.crt", certificate), ("server.key", key)] {
                let path = folder.join("data").join(name);
                fs::write(&path, pem).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
                account.owns(&path);
            }
        }
        for (name, value) in &setup.settings {
            arguments += &format!(" -c {name}={value}");
        }
        let server = Self::watched(programs, account, folder, port, arguments);
        if setup.tcp {
            let (made, output) = server.psql(
                "postgres",
                &format!("alter role {USER} password '{PASSWORD}'"),
            );
            assert!(made, "{output}");
        }
        server
    }

    /// Starts a server over the data that is in `folder`.
    pub(crate) fn watched(
        programs: PathBuf,
        account: Account,
        folder: PathBuf,
        port: u16,
        arguments: String,
    ) -> Self {
        let mut watcher = Command::new("sh");
        watcher.args(["-c", WATCHER, "watcher"]);
        watcher
            .arg(&programs)
            .arg(&folder)
            .arg(&arguments)
            .current_dir("/");
        // What ends the tests at a terminal is not to end the watcher.
        watcher
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0);
        let mut watcher = account.runs(&mut watcher).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(watcher.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        if line.trim() != "ready" {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            panic!("PostgreSQL does not start: {log}");
        }
        Self {
            programs,
            account,
            folder,
            port,
            arguments,
            _watcher: watcher,
        }
    }

    /// Makes a new database, empty. Names are lower case letters, digits and underscores.
    ///
    /// # Panics
    /// If there is one of this name already.
    pub fn create_database(&self, name: &str) -> Database<'_> {
        let (made, output) = self.psql("postgres", &format!("create database {name}"));
        assert!(made, "{output}");
        Database {
            server: self,
            name: name.to_owned(),
        }
    }

    /// The folder of the socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.folder
    }

    /// A database that is there.
    #[must_use]
    pub fn database(&self, name: &str) -> Database<'_> {
        Database {
            server: self,
            name: name.to_owned(),
        }
    }

    /// Its address over TCP, if it was asked for one.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.port)
    }

    pub(crate) fn psql(&self, database: &str, sql: &str) -> (bool, String) {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args([
            "-X",
            "-q",
            "-t",
            "-A",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            USER,
            "-d",
            database,
        ]);
        psql.arg("-h").arg(&self.folder);
        psql.arg("-p").arg(self.port.to_string());
        // Other servers may be named in the environment.
        for variable in [
            "PGPORT",
            "PGHOST",
            "PGHOSTADDR",
            "PGSERVICE",
            "PGOPTIONS",
            "PGSSLMODE",
        ] {
            psql.env_remove(variable);
        }
        psql.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = psql.spawn().unwrap();
        // A server that does not answer closes the pipe early; its exit status tells.
        let _ = process.stdin.take().unwrap().write_all(sql.as_bytes());
        let output = process.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }
}

impl Database<'_> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements. Returns what they print: a row per line, columns with bars between.
    ///
    /// # Panics
    /// If one fails.
    pub fn run(&self, sql: &str) -> String {
        let (done, output) = self.server.psql(&self.name, sql);
        assert!(done, "{output}");
        output
    }

    /// How to reach it over TCP, or by a proxy before it: without a password, which is [`PASSWORD`].
    #[must_use]
    pub fn tcp_url(&self, address: SocketAddr) -> String {
        format!("postgres://{USER}@{address}/{}", self.name)
    }

    /// How to reach it: `postgres://USER@/NAME?host=FOLDER`, without a password.
    #[must_use]
    pub fn url(&self) -> String {
        let folder = self.server.folder.display();
        format!(
            "postgres://{USER}@localhost/{}?host={folder}&port={}",
            self.name, self.server.port
        )
    }
}

/// A folder that only the server's account reads: whoever reaches the socket is let in. The watcher removes it, when this
/// process cannot any more.
pub(crate) fn new_folder(account: Account) -> PathBuf {
    let folder = tempfile::Builder::new()
        .prefix("pg")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir()
        .unwrap()
        .keep();
    account.owns(&folder);
    folder
}

/// Where the server listens, and that nothing is to be durable.
pub(crate) fn arguments(folder: &Path, tcp: bool, port: u16) -> String {
    let addresses = if tcp { "127.0.0.1" } else { "" };
    format!(
        "-k {} -p {port} -c listen_addresses={addresses} -c fsync=off",
        folder.display()
    )
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Bytes as PostgreSQL reads them: `'\x0102'`.
#[must_use]
pub fn bytes(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("'\\x{hex}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_of_one_server_know_nothing_of_each_other() {
        let server = shared();
        let (one, other) = (
            server.create_database("one"),
            server.create_database("other"),
        );
        one.run("create table t (a bytea); insert into t values ('\\x0102')");
        assert_eq!(one.run("select a from t"), "\\x0102\n");
        assert!(
            other
                .run("select count(*) from pg_tables where tablename = 't'")
                .starts_with('0')
        );
        assert!(
            one.url()
                .starts_with("postgres://tester@localhost/one?host=/")
        );
        let mode = fs::metadata(server.socket()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    /// What the watcher does when its process is gone.
    #[test]
    fn a_server_stops_and_leaves_nothing_when_the_pipe_ends() {
        let mut server = Server::start(&Setup::default());
        assert!(server.folder.join("data").is_dir());
        drop(server._watcher.stdin.take());
        assert!(server._watcher.wait().unwrap().code().is_some());
        assert!(!server.folder.exists());
    }
}
