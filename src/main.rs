//! The `chatsock` program: command line, logging and signals around the library's server.

use std::ffi::OsString;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

#[cfg(feature = "storage")]
use chatsock::cli::backup;
#[cfg(all(feature = "cluster", feature = "storage"))]
use chatsock::cli::cluster_import;
#[cfg(feature = "client")]
use chatsock::cli::connect::ConnectFailure;
#[cfg(feature = "discovery")]
use chatsock::cli::find;
use chatsock::cli::proxy::{Asks, Proxy, ProxyError, Stopper};
#[cfg(feature = "storage")]
use chatsock::cli::user_admin;
use chatsock::cli::{
    self, BackupOptions, ClusterImportOptions, ConnectOptions, FindOptions, Invocation, ProxyOptions, ServeOptions,
    UserOptions, Verbosity,
};
use chatsock::config::{self, Config, ConfigError};
use chatsock::hub::{Hub, ServerRequest};
use chatsock::server::{self, Capacity, StartError};
use jiff::Timestamp;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

/// Exit status for an error that the user can fix.
const USER_ERROR: u8 = 2;
/// Longest answer read from the terminal, in bytes.
const LONGEST_ANSWER: u64 = 1024;
/// Exit status for any other error, and for a signal during the stop.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    // Without a handler, a write beyond the file-size limit (setrlimit(2)) ends the process. With one, the write fails,
    // which is handled like a full disk. A failure to register hardly matters: most systems set no such limit.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let invocation = match cli::parse(arguments.iter().cloned()) {
        Ok(invocation) => invocation,
        Err(error) => return fail(USER_ERROR, &error),
    };
    match invocation {
        Invocation::Help => print(cli::HELP),
        Invocation::Version => print(cli::VERSION),
        Invocation::CheckConfig(options) => match read_config(&options) {
            Ok(config) => match server::check(&config, Timestamp::now()) {
                Ok(warnings) => {
                    for warning in warnings {
                        warn(&warning);
                    }
                    print("The configuration is fine.")
                }
                Err(error) => fail(status(&error), &error),
            },
            Err(mistakes) => fail(USER_ERROR, &mistakes),
        },
        Invocation::AvahiService(options) => match read_config(&options) {
            Ok(config) => avahi_service(&config),
            Err(mistakes) => fail(USER_ERROR, &mistakes),
        },
        Invocation::Find(options) => find(&options),
        Invocation::User(options) => manage_accounts(options),
        Invocation::Backup(options) => back_up(options),
        Invocation::ClusterImport(options) => import_cluster(options),
        Invocation::Proxy(options) => proxy(&options),
        Invocation::Connect(options) => connect(&options),
        Invocation::Serve(options) => serve(options, &arguments),
    }
}

#[cfg(feature = "discovery")]
fn avahi_service(config: &Config) -> ExitCode {
    match server::avahi_service(config) {
        Ok(file) => print(&file),
        Err(error) => fail(USER_ERROR, &error),
    }
}

#[cfg(not(feature = "discovery"))]
fn avahi_service(_: &Config) -> ExitCode {
    fail(USER_ERROR, &format_args!("chatsock --avahi-service {}", config::lacking("discovery")))
}

#[cfg(feature = "discovery")]
fn find(options: &FindOptions) -> ExitCode {
    match find::find(options) {
        Ok(found) if found.is_empty() && options.json => {
            // A program's output consists of objects only. If stderr is closed, there is nobody to tell.
            let _ = writeln!(io::stderr(), "{}", find::NONE_FOUND);
            ExitCode::from(FAILED)
        }
        Ok(found) if found.is_empty() => {
            print(find::NONE_FOUND);
            ExitCode::from(FAILED)
        }
        Ok(found) if options.json => print(&find::objects(&found)),
        Ok(found) => print(&find::table(&found)),
        Err(error) => fail(FAILED, &error),
    }
}

#[cfg(not(feature = "discovery"))]
fn find(_: &FindOptions) -> ExitCode {
    fail(USER_ERROR, &format_args!("chatsock find {}", config::lacking("discovery")))
}

#[cfg(feature = "storage")]
fn manage_accounts(UserOptions { config: named, action }: UserOptions) -> ExitCode {
    let file = Config::file(named.as_deref());
    let config = match read_config(&ServeOptions { config: named, ..ServeOptions::default() }) {
        Ok(config) => config,
        Err(mistakes) => return fail(USER_ERROR, &mistakes),
    };
    match user_admin::run(&action, &config, file.as_deref(), user_admin::ask) {
        Ok(said) if said.is_empty() => ExitCode::SUCCESS,
        Ok(said) => print(&said),
        Err(error) => fail(if error.is_users() { USER_ERROR } else { FAILED }, &error),
    }
}

#[cfg(not(feature = "storage"))]
fn manage_accounts(_: UserOptions) -> ExitCode {
    fail(USER_ERROR, &format_args!("chatsock user {}", config::lacking("storage")))
}

#[cfg(feature = "storage")]
fn back_up(BackupOptions { config: named, file: to }: BackupOptions) -> ExitCode {
    let config_file = Config::file(named.as_deref());
    let config = match read_config(&ServeOptions { config: named, ..ServeOptions::default() }) {
        Ok(config) => config,
        Err(mistakes) => return fail(USER_ERROR, &mistakes),
    };
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Without a handler, the signal ends the process and leaves a partial copy behind.
        let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
    }
    match backup::run(&config, config_file.as_deref(), &to, &stop) {
        Ok(said) => print(&said),
        Err(error) => fail(if error.is_users() { USER_ERROR } else { FAILED }, &error),
    }
}

#[cfg(not(feature = "storage"))]
fn back_up(_: BackupOptions) -> ExitCode {
    fail(USER_ERROR, &format_args!("chatsock backup {}", config::lacking("storage")))
}

#[cfg(all(feature = "cluster", feature = "storage"))]
fn import_cluster(ClusterImportOptions { config: named, file }: ClusterImportOptions) -> ExitCode {
    begin_log(Verbosity::Quiet);
    let config_file = Config::file(named.as_deref());
    let config = match read_config(&ServeOptions { config: named, ..ServeOptions::default() }) {
        Ok(config) => config,
        Err(mistakes) => return fail(USER_ERROR, &mistakes),
    };
    match cluster_import::run(config, config_file.as_deref(), &file) {
        Ok(said) => print(&said),
        Err(error) => fail(if error.is_users() { USER_ERROR } else { FAILED }, &error),
    }
}

#[cfg(not(all(feature = "cluster", feature = "storage")))]
fn import_cluster(_: ClusterImportOptions) -> ExitCode {
    let missing = if cfg!(feature = "cluster") { "storage" } else { "cluster" };
    fail(USER_ERROR, &format_args!("chatsock cluster {}", config::lacking(missing)))
}

fn proxy(options: &ProxyOptions) -> ExitCode {
    begin_log(options.verbosity);
    match run_proxy(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let status = if error.is_users() { USER_ERROR } else { FAILED };
            let text = error.to_string();
            if !text.starts_with("! ") {
                return fail(status, &text);
            }
            // Lines for the user, as the server writes them. If stderr is closed, there is nobody to tell.
            let _ = writeln!(io::stderr(), "{text}");
            ExitCode::from(status)
        }
    }
}

fn run_proxy(options: &ProxyOptions) -> Result<(), ProxyError> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(StartError::Signals)?;
    // Each client takes two file descriptors; without enough of them, the next client waits.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let stopper = Arc::new(OnceLock::<Stopper>::new());
    let to_stop = Arc::clone(&stopper);
    // Never joined: it waits for a signal that may never come, and ends with the process.
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for _ in signals.forever() {
                // Exits at once before there is anything to stop, and at a second signal.
                if !to_stop.get().is_some_and(Stopper::stop) {
                    std::process::exit(FAILED.into());
                }
            }
        })
        .map_err(StartError::Thread)?;
    let proxy = Proxy::bind(options, &mut TerminalPrompt)?;
    // This is the only place that sets it.
    let _ = stopper.set(proxy.stopper());
    proxy.warning().iter().for_each(|warning| warn(warning));
    print(&proxy.announcement());
    proxy.run();
    Ok(())
}

#[cfg(feature = "client")]
fn connect(options: &ConnectOptions) -> ExitCode {
    let (status, said) = match chatsock::cli::connect::run(options, &mut TerminalPrompt) {
        Ok((status, said)) => (status, said),
        Err(ConnectFailure::Users(why)) => (USER_ERROR, Some(why)),
        Err(ConnectFailure::Other(why)) => (FAILED, Some(why)),
    };
    match said {
        // Lines for the user, as the server writes them. If stderr is closed, there is nobody to tell.
        Some(said) if said.starts_with("! ") => _ = writeln!(io::stderr(), "{said}"),
        Some(said) => return fail(status, &said),
        None => {}
    }
    ExitCode::from(status)
}

#[cfg(not(feature = "client"))]
fn connect(_: &ConnectOptions) -> ExitCode {
    fail(USER_ERROR, &format_args!("chatsock connect {}", config::lacking("client")))
}

/// Asks the user at the terminal.
struct TerminalPrompt;

impl Asks for TerminalPrompt {
    fn is_there(&self) -> bool {
        io::stdin().is_terminal()
    }

    fn ask(&mut self, text: &str) -> io::Result<bool> {
        let mut stderr = io::stderr();
        stderr.write_all(text.as_bytes())?;
        stderr.flush()?;
        let mut answer = String::new();
        io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut answer)?;
        Ok(answer.trim().eq_ignore_ascii_case("yes"))
    }

    fn tell(&mut self, line: &str) {
        // If stderr is closed, there is nobody to tell.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

fn begin_log(verbosity: Verbosity) {
    let filter = env_logger::Env::default().default_filter_or(verbosity.filter());
    env_logger::Builder::from_env(filter).init();
}

fn serve(options: ServeOptions, arguments: &[OsString]) -> ExitCode {
    let config = match read_config(&options) {
        Ok(config) => config,
        Err(mistakes) => return fail(USER_ERROR, &mistakes),
    };
    // May start this program again with more room for threads; returns if that would gain nothing.
    server::make_room_for_threads(config.limits.max_connections, arguments);
    begin_log(options.verbosity);
    match run(options, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(status(&error), &error),
    }
}

fn status(error: &StartError) -> u8 {
    if error.is_users() { USER_ERROR } else { FAILED }
}

fn run(options: ServeOptions, config: Config) -> Result<(), StartError> {
    let stopping = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Registered first, so that it acts on the second signal and not on the one that sets the flag.
        signal_hook::flag::register_conditional_shutdown(signal, FAILED.into(), Arc::clone(&stopping))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stopping)))
            .map_err(StartError::Signals)?;
    }
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(StartError::Signals)?;
    let file = Config::file(options.config.as_deref());
    let capacity = Capacity::find(config.limits.max_connections);
    let server = server::bind(config, capacity)?;
    let hub = Arc::clone(server.hub());
    // Never joined: it waits for a signal that may never come, and ends with the process.
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || pass_on(signals, &options, file, &hub, &stopping))
        .map_err(StartError::Thread)?;
    let mut lines = vec![cli::VERSION.to_owned()];
    lines.extend(server.announcement());
    print(&lines.join("\n"));
    server.run()
}

/// The thread `signals`: turns signals into requests until the process ends.
fn pass_on(mut signals: Signals, options: &ServeOptions, mut file: Option<PathBuf>, hub: &Hub, stopping: &AtomicBool) {
    for signal in signals.forever() {
        if signal == SIGHUP {
            server::systemd::tell_reloading();
            // A file that existed and is now missing is a mistake: without it, all its rooms would be closed.
            file = file.or_else(|| Config::file(options.config.as_deref()));
            match read_config_of(file.as_deref(), options, config::load_again) {
                Ok(config) => hub.request(ServerRequest::Reconfigure(Box::new(config))),
                Err(mistakes) => {
                    log::error!("keeping the old configuration: {}", mistakes.to_string().replace('\n', "; "));
                    server::systemd::tell_ready("the configuration has mistakes; the old one stays in force");
                }
            }
        } else if hub.shutdown.is_draining() && !hub.shutdown.is_announced() {
            hub.shutdown.hurry();
        } else if hub.shutdown.is_announced() {
            // A second signal never gets here, because its handler ends the process. This is the first one, during a stop
            // that a user requested.
            std::process::exit(FAILED.into());
        } else {
            // A second signal ends the wait for users who move to other servers, but not the process.
            stopping.store(!hub.drains(), Ordering::Release);
            hub.request(ServerRequest::Stop);
        }
    }
}

fn read_config(options: &ServeOptions) -> Result<Config, ConfigError> {
    read_config_of(Config::file(options.config.as_deref()).as_deref(), options, config::load)
}

/// Reads the configuration from a file, or uses the built-in one, and applies the command line.
fn read_config_of(
    file: Option<&Path>,
    options: &ServeOptions,
    load: fn(&Path) -> Result<Config, ConfigError>,
) -> Result<Config, ConfigError> {
    let mut config = match file {
        Some(path) => load(path)?,
        None => Config::default(),
    };
    if !options.listen.is_empty() {
        config.listen_instead(&options.listen)?;
    }
    Ok(config)
}

/// Prints to stdout at once. A closed stdout does not stop the server.
fn print(text: &str) -> ExitCode {
    let mut stdout = io::stdout();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}

/// Prints a warning about something that does not prevent the server from running.
fn warn(warning: &str) {
    // If stderr is closed, there is nobody to tell.
    let _ = writeln!(io::stderr(), "chatsock: warning: {warning}");
}

fn fail(status: u8, error: &dyn std::fmt::Display) -> ExitCode {
    // If stderr is closed, there is nobody to tell.
    let _ = writeln!(io::stderr(), "chatsock: {error}");
    ExitCode::from(status)
}
