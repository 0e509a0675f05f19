//! The section `[tls]` with its mistakes, and that a server keeps a way in.

#[cfg(feature = "tls")]
use crate::config::tests::said;
use crate::config::tests::{good, one};
use crate::config::{Config, Plain};

#[test]
fn plain_and_state_dir_reach_their_settings() {
    let config = good("plain = \"loopback\"\nstate_dir = \"/var/lib/chatsock\"");
    assert_eq!(config.plain, Plain::Loopback);
    assert_eq!(config.state_dir.to_str(), Some("/var/lib/chatsock"));
    assert_eq!(good("plain = \"anywhere\"").plain, Plain::Anywhere);
}

#[test]
fn plain_is_one_of_its_words_and_state_dir_names_a_directory() {
    one("plain = \"no\"", "1: plain must be one of \"off\", \"loopback\", \"anywhere\", not the string \"no\"");
    one("plain = false", "1: plain must be one of \"off\", \"loopback\", \"anywhere\", not false");
    one("state_dir = \"\"", "1: state_dir must name a directory; \".\" is the directory the server is started in");
    one("state_dir = 1", "1: state_dir must be a file name in quotes, not 1");
}

#[test]
fn without_plain_listeners_and_tls_nobody_could_connect() {
    let remedy = if cfg!(feature = "tls") {
        "add a section [tls]"
    } else {
        "TLS needs the feature tls, which is not in this build; build with: cargo run --release --features tls"
    };
    one("\nplain = \"off\"", &format!("2: plain is \"off\" and there is no TLS, so nobody could connect; {remedy}"));
}

#[test]
fn the_command_line_opens_no_plain_listener_if_the_file_forbids_them() {
    let address = ["127.0.0.1:0".parse().unwrap()];
    let mut config = Config::default();
    assert!(config.listen_instead(&address).is_ok());
    assert_eq!(config.listen, address);
    config.plain = Plain::Off;
    let refused = config.listen_instead(&address).unwrap_err().to_string();
    assert!(refused.starts_with("--listen: plain is \"off\" in the config file; leave out --listen"), "{refused}");
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_the_feature_the_section_is_refused_once() {
    let needs =
        "[tls] needs the feature tls, which is not in this build; build with: cargo run --release --features tls";
    one("[tls]\nlisten = 5\nfoo = 1", &format!("1: {needs}"));
    one("tls = 5", &format!("1: {needs}"));
    one("plain = \"off\"\n[tls]", &format!("2: {needs}"));
    one(
        "listen = []\n[tls]",
        &format!(
            "1: {}\nc.toml:2: {needs}",
            "listen and quick_listen are both empty, so nobody could connect; add an address, as in listen = [\"0.0.0.0:5555\"]"
        ),
    );
}

#[cfg(feature = "tls")]
mod with_the_feature {
    use super::*;
    use crate::config::Telnet;

    #[test]
    fn the_section_alone_opens_the_usual_port_with_a_certificate_of_our_own() {
        let config = good("[tls]");
        assert_eq!(config.tls.listen, ["0.0.0.0:5556".parse().unwrap()]);
        assert_eq!((&config.tls.certificate, &config.tls.key), (&None, &None));
        assert_eq!(config.listen, Config::default().listen);
        assert_eq!(good("").tls.listen, []);
    }

    #[test]
    fn every_key_of_the_section_reaches_its_setting() {
        let config = good("[tls]\nlisten = [\"127.0.0.1:1\", \"[::1]:2\"]\ncertificate = \"c.pem\"\nkey = \"k.pem\"");
        assert_eq!(config.tls.listen.len(), 2);
        assert_eq!(config.tls.certificate.as_deref().and_then(|path| path.to_str()), Some("c.pem"));
        assert_eq!(config.tls.key.as_deref().and_then(|path| path.to_str()), Some("k.pem"));
        assert_eq!(good("[tls]\nlisten = []").tls.listen, []);
    }

    #[test]
    fn the_encrypted_listeners_treat_telnet_as_the_others_unless_the_section_differs() {
        assert_eq!(good("[tls]").tls.telnet, Telnet::Auto);
        assert_eq!(good("telnet = \"never\"\n[tls]").tls.telnet, Telnet::Never);
        for (word, telnet) in [("auto", Telnet::Auto), ("never", Telnet::Never), ("always", Telnet::Always)] {
            let config = good(&format!("telnet = \"always\"\n[tls]\ntelnet = \"{word}\""));
            assert_eq!((config.telnet, config.tls.telnet), (Telnet::Always, telnet));
        }
        one(
            "[tls]\ntelnet = \"yes\"",
            "2: tls.telnet must be one of \"auto\", \"never\", \"always\", not the string \"yes\"",
        );
    }

    #[test]
    fn certificate_and_key_come_together() {
        let remedy = "set both, or neither for a self-signed certificate";
        one("[tls]\ncertificate = \"c.pem\"", &format!("2: tls.certificate is set without tls.key; {remedy}"));
        one("[tls]\n\nkey = \"k.pem\"", &format!("3: tls.key is set without tls.certificate; {remedy}"));
        one(
            "[tls]\ncertificate = \"\"\nkey = \"k.pem\"",
            &format!("3: tls.key is set without tls.certificate; {remedy}"),
        );
        one("[tls]\ncertificate = 5\nkey = \"k.pem\"", "2: tls.certificate must be a file name in quotes, not 5");
        assert_eq!(good("[tls]\ncertificate = \"\"\nkey = \"\"").tls.key, None);
    }

    #[test]
    fn addresses_clash_with_those_of_the_plain_listeners() {
        one(
            "listen = [\"0.0.0.0:5556\"]\n[tls]",
            "2: tls.listen contains 0.0.0.0:5556, but listen already contains 0.0.0.0:5556; remove one of them",
        );
        one(
            "quick_listen = [\"127.0.0.1:1\"]\n[tls]\nlisten = [\"0.0.0.0:1\"]",
            "3: tls.listen contains 0.0.0.0:1, but quick_listen already contains 127.0.0.1:1; remove one of them",
        );
        one(
            "[tls]\nlisten = [\"0.0.0.0:1\", \"0.0.0.0:1\"]",
            "2: tls.listen contains 0.0.0.0:1, but tls.listen already contains 0.0.0.0:1; remove one of them",
        );
    }

    #[test]
    fn unknown_keys_of_the_section_are_named() {
        one("[tls]\ncertificat = \"c.pem\"", "2: unknown key tls.certificat; did you mean certificate?");
        one(
            "[tls]\nplain = \"off\"",
            "2: plain does not belong here; move it to the top of the file, above the first section",
        );
        one("tls = 5", "1: tls must be a section, as in [tls], not a number");
        one("[tl]", "1: unknown section [tl]; did you mean [tls]?");
    }

    #[test]
    fn with_tls_there_need_be_no_plain_listener() {
        let config = good("plain = \"off\"\n[tls]");
        assert_eq!((config.plain, config.listen, config.quick_listen), (Plain::Off, vec![], vec![]));
        assert_eq!(good("plain = \"off\"\nlisten = []\nquick_listen = []\n[tls]").listen, []);
        assert_eq!(good("listen = []\n[tls]").listen, []);
    }

    #[test]
    fn plain_off_beside_plain_listeners_is_a_contradiction() {
        for key in ["listen", "quick_listen"] {
            one(
                &format!("plain = \"off\"\n{key} = [\"127.0.0.1:1\"]\n[tls]"),
                &format!(
                    "2: plain is \"off\", which allows no addresses in {key}; remove {key}, or set plain to \"loopback\" or \"anywhere\""
                ),
            );
        }
    }

    #[test]
    fn an_empty_list_of_the_section_leaves_no_way_in() {
        one(
            "plain = \"off\"\n[tls]\nlisten = []",
            "3: tls.listen is empty and plain is \"off\", so nobody could connect; add an address",
        );
        assert!(said("listen = []\n[tls]\nlisten = []").contains("1: listen and quick_listen are both empty"));
        assert_eq!(said("listen = []\n[tls]\nlisten = [\"x\"]").lines().count(), 1);
    }
}
