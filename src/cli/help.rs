//! The text of `chatsock --help`.
//!
//! *Owns* the text. The man page is made from it. *Knows nothing of* the parsing of arguments.

/// The output of `chatsock --help`, without the last newline.
pub const HELP: &str = "\
Usage: chatsock [serve] [--config FILE] [--listen ADDR]...
                [--check-config] [-v|-vv|-q]
       chatsock user add|passwd|remove NAME [--config FILE]
       chatsock user list [--config FILE]
       chatsock user import USERS [--skip-existing] [--config FILE]
       chatsock backup FILE [--config FILE]
       chatsock cluster import FILE [--config FILE]
       chatsock proxy --listen ADDR --to HOST:PORT [--send-proxy] [--max N]
                [--plain | --fingerprint SHA256 | --ca FILE] [-v|-vv|-q]
       chatsock find [--wait TIME] [--port N] [--json]
       chatsock connect [NAME@][HOST[:PORT]] [--room ROOM] [--bubbles | --lines]
                [--plain | --tls] [--fingerprint SHA256 | --ca FILE]
                [--download DIR]
       chatsock --avahi-service [--config FILE]
       chatsock --help | --version

A chat server for telnet and nc. Without a config it listens on 0.0.0.0:5555.
`chatsock user` adds, changes, removes and lists accounts; `chatsock backup`
copies the database; `chatsock proxy` connects telnet on this machine to a
server elsewhere; `chatsock connect` is a client.

  --config FILE    read FILE instead of ./chatsock.toml, which may be missing
  --listen ADDR    listen on ADDR instead of the config's `listen`; may be given
                   several times; port 0 picks a free port
  --check-config   report every mistake in the config and exit
  -v, -vv          log more: debug, trace
  -q               log errors only
  -h, --help       print this help
  -V, --version    print the version

The log goes to stderr at level info. RUST_LOG, if set, overrides -v and -q.
SIGINT and SIGTERM stop the server gracefully, a second one at once. SIGHUP
reloads the config; a file with a mistake changes nothing.

Accounts need a build with the feature storage, and [storage] or [cluster] in
the config; with [cluster], all servers share them. `chatsock user` also works
while the server is running: a user whose account is removed or gets another
password is disconnected within two seconds. A password is asked for twice and
not shown or, if stdin is not a terminal, read from the first line of stdin. It
is never an argument.
USERS is a file with a name, a space and a password on each line; lines that
begin with # are ignored. If any line is wrong, nothing is imported. With
--skip-existing, names that already have accounts are skipped.

`chatsock backup FILE` copies the database into FILE, whether or not the server
is running. FILE must not exist yet, and only its owner can read it. A backup
that fails leaves nothing behind.

`chatsock cluster import FILE` fills the Redis of [cluster], which must be
empty, from FILE: the database of a server that is not running, of an archive,
or a backup of either. It copies accounts, kept rooms, address bans, messages
for offline users and the last messages of each room, and does not change FILE.
It needs a build with the features storage and cluster.

`chatsock proxy` accepts telnet and nc at ADDR, and speaks TLS to the server at
HOST:PORT, so that nobody in between can read along. The server's certificate
must be known: on the first start the proxy shows it and asks, and keeps the
answer in $XDG_STATE_HOME/chatsock/known_servers. --fingerprint is the SHA-256
that the server prints at startup; --ca is a PEM file of authorities, one of
which must have signed the certificate; --plain does without TLS. --send-proxy
tells a [proxy] listener each person's address. --max N is how many people may
connect at once (64).

`chatsock find` asks the machines in this network for servers with [discovery],
and lists those that answer within --wait (1s): name, address and port, the port
for TLS with the SHA-256 of the certificate, the port of the page, and how many
people are online. It asks on UDP port 5555 unless --port says otherwise; --json
prints one object per line. With no answer the exit status is 1. --avahi-service
prints the file with which avahi announces the server, for /etc/avahi/services.

`chatsock connect` is a client for the terminal. It tries TLS on port 5556, and
plain text on 5555 only on this machine or with --plain; on a given PORT it does
the same. --tls never uses plain text. Certificates are checked as they are by
`chatsock proxy`. --room enters a room at once; --bubbles and --lines set how
messages look; files that you accept are saved in --download. If stdin is not a
terminal, its lines are sent, and the client ends when all of them are answered,
with status 1 if one was refused. With TERM=dumb or CHATSOCK_PLAIN=1 it writes
lines from top to bottom, which suits screen readers. Without HOST it uses the
server that `chatsock find` finds, if there is exactly one.

Exit status: 0 after a graceful stop; 2 for a user error, such as a wrong flag,
config, name or password, a port in use, an existing FILE or a server that is
not the known one; 1 for anything else, such as a failure to write everything at
shutdown.";
