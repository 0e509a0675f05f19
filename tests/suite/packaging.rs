//! The service and the settings that the Debian package installs. `.ci/run` installs the package itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::machine::file;

fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)
}

fn unit() -> String {
    fs::read_to_string(packaging("chatsock.service")).expect("the unit")
}

/// The values of a key in the unit, in order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

fn have_systemd_analyze() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join("systemd-analyze").is_file());
    if !found {
        println!("LEFT OUT: systemd-analyze is not installed");
    }
    found
}

#[test]
fn a_reload_checks_the_file_first_and_a_mistake_is_not_retried() {
    let unit = unit();
    assert_eq!(values(&unit, "Type"), ["notify"]);
    let reload = values(&unit, "ExecReload");
    assert_eq!(reload, ["/usr/bin/chatsock --check-config --config /etc/chatsock.toml", "/bin/kill -HUP $MAINPID"]);
    assert_eq!(values(&unit, "ExecStart"), ["/usr/bin/chatsock --config /etc/chatsock.toml"]);
    // The status of a user error.
    assert_eq!(values(&unit, "RestartPreventExitStatus"), ["2"]);
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    if !have_systemd_analyze() {
        return;
    }
    // The package installs the program there; this uses the built one.
    let text = unit().replace("/usr/bin/chatsock", env!("CARGO_BIN_EXE_chatsock"));
    let copy = file("chatsock.service", &text);
    let output =
        Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy).output().expect("systemd-analyze runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn the_exposure_of_the_service_is_at_most_three() {
    if !have_systemd_analyze() {
        return;
    }
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=yes", "--threshold=30", "--no-pager"])
        .arg(packaging("chatsock.service"))
        .output()
        .expect("systemd-analyze runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("Overall exposure level"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
}

#[cfg(all(feature = "tls", feature = "storage"))]
#[test]
fn the_settings_of_the_package_are_valid_and_keep_everything_in_its_directory() {
    let config = chatsock::config::load(&packaging("debian/chatsock.toml"));
    let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let storage = config.storage.expect("a database");
    for path in [&config.state_dir, &storage.path] {
        assert!(path.starts_with("/var/lib/chatsock"), "{}", path.display());
    }
    assert!(!config.exit_code, "the journal is read by others");
    assert!(!storage.history, "messages are stored only if the admin wants that");
    assert!(values(&unit(), "StateDirectory") == ["chatsock"] && !config.tls.listen.is_empty());
}

#[test]
fn the_maintainer_scripts_are_clean_shell() {
    for name in ["postinst", "prerm", "postrm"] {
        let path = packaging("debian").join(name);
        let text = fs::read_to_string(&path).expect("the script");
        assert!(text.starts_with("#!/bin/sh\n") && text.contains("\nset -e\n") && text.contains("\n#DEBHELPER#\n"));
        let output = Command::new("sh").arg("-n").arg(&path).output().expect("sh runs");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
