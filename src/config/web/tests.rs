//! The section `[web]` with its mistakes, and what it needs beside it.

use crate::config::Config;
use crate::config::tests::{good, one, said};

#[test]
fn every_key_of_the_section_reaches_its_setting() {
    let web = good(
        r#"
        [web]
        listen = ["0.0.0.0:8080", "[::]:8080"]
        hosts = ["Chat.Example.org.", "box"]
        origins = ["https://chat.example.org", "http://box:8080"]
        trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]
        "#,
    )
    .web;
    assert_eq!(web.listen.len(), 2);
    assert_eq!(web.hosts, ["chat.example.org", "box"]);
    assert_eq!((web.origins.len(), web.trusted_proxies.len()), (2, 2));
    assert_eq!(good("[web]").web, Config::default().web, "the section alone opens nothing");
}

#[cfg(feature = "tls")]
#[test]
fn the_encrypted_listeners_need_no_section_tls() {
    let config = good("plain = \"off\"\n[web]\ntls_listen = [\"0.0.0.0:8443\"]");
    assert_eq!((config.web.tls_listen.len(), config.tls.listen.len()), (1, 0));
}

#[cfg(not(feature = "tls"))]
#[test]
fn the_encrypted_listeners_need_the_feature_tls() {
    one(
        "[web]\ntls_listen = [\"0.0.0.0:8443\"]",
        "2: web.tls_listen needs the feature tls, which is not in this build; build with: cargo run --release --features tls",
    );
}

#[test]
fn mistakes_are_reported_with_their_lines() {
    one("[web]\nlisten = [\"0.0.0.0\"]", "2: web.listen contains \"0.0.0.0\": the port is missing; write 0.0.0.0:5555");
    one(
        "[web]\nlisten = [\"0.0.0.0:5555\"]",
        "2: web.listen contains 0.0.0.0:5555, but listen already contains 0.0.0.0:5555; remove one of them",
    );
    one("[web]\nhost = [\"a\"]", "2: unknown key web.host; did you mean hosts?");
    one("web = 5", "1: web must be a section, as in [web], not a number");
    let name = "write a name without a port, as in chat.example.org; addresses need not be listed";
    for text in ["box:8080", "192.0.2.1", "[::1]", "a/b", ""] {
        one(&format!("[web]\nhosts = [\"{text}\"]"), &format!("2: web.hosts contains \"{text}\": {name}"));
    }
    let origin = "write the beginning of the page's address, as in https://chat.example.org";
    for text in ["null", "chat.example.org", "https://chat.example.org/", "ws://a"] {
        one(&format!("[web]\norigins = [\"{text}\"]"), &format!("2: web.origins contains \"{text}\": {origin}"));
    }
    let proxies = said("[web]\ntrusted_proxies = [\"proxy\"]");
    assert!(proxies.starts_with("c.toml:2: web.trusted_proxies contains \"proxy\": "), "{proxies}");
}

#[test]
fn the_page_alone_is_a_way_in_and_an_unencrypted_one() {
    let config = good("listen = []\n[web]\nlisten = [\"0.0.0.0:8080\"]");
    assert_eq!((config.listen.len(), config.web.listen.len()), (0, 1));
    let nowhere = "listen and quick_listen are both empty, so nobody could connect";
    assert!(said("listen = []\n[web]\nlisten = []").contains(nowhere));
    let off = said("plain = \"off\"\n[web]\nlisten = [\"0.0.0.0:8080\"]");
    assert!(off.contains("plain is \"off\", which allows no addresses in web.listen"), "{off}");
}
