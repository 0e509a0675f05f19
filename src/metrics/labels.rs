//! The labels: fixed sets of words. No name of a user or a room gets into the metrics, and nobody can make them grow.
//!
//! *Owns* their words. *Knows nothing of* counts.

/// A label with a fixed set of values.
#[cfg(feature = "metrics")]
pub(crate) trait Label: Copy + 'static {
    /// The name of the label.
    const NAME: &'static str;
    /// All values of the set, with their words.
    const WORDS: &'static [(Self, &'static str)];
    /// The index in the set.
    fn index(self) -> usize;
}

/// Declares a set, with the word of each value.
macro_rules! label {
    ($(#[$about:meta])* $set:ident $name:literal { $($(#[$each:meta])* $value:ident $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $set { $($(#[$each])* $value,)+ }

        #[cfg(feature = "metrics")]
        impl Label for $set {
            const NAME: &'static str = $name;
            const WORDS: &'static [(Self, &'static str)] = &[$(($set::$value, $word),)+];
            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

label! {
    /// What a listener is for.
    #[cfg_attr(not(all(feature = "web", feature = "json", feature = "tls")), allow(dead_code, reason = "the same in every build"))]
    ListenerKind "listener" {
        /// Unencrypted, for telnet and nc.
        Telnet "telnet",
        /// For users who go straight into a room.
        Quick "quick",
        /// The same as `Telnet`, with TLS.
        Tls "tls",
        /// The page, and WebSocket.
        Web "web",
        /// For programs.
        Json "json",
        /// Behind proxies.
        Proxy "proxy",
        /// For files.
        Files "files",
    }
}

label! {
    /// Why a connection is not admitted.
    RefusalKind "reason" {
        /// The server is full.
        Full "full",
        /// Its address has too many connections.
        PerAddress "per_ip",
        /// Its address opens connections too fast.
        Rate "rate",
        /// Its address is banned.
        Banned "banned",
        /// The server is stopping.
        Stopping "stopping",
        /// It would be unencrypted.
        Plain "plain",
        /// It is not from a trusted proxy, or the proxy names an impossible address.
        Proxy "proxy",
    }
}

label! {
    /// Why the server has ended a connection.
    DropKind "reason" {
        /// Its client read too slowly.
        Slow "slow",
        /// Its client accepted no data, or did not answer, for too long.
        Stalled "stalled",
        /// Its user typed nothing for too long.
        Idle "idle",
        /// Nobody logged in, or finished the handshake, in time.
        Login "login",
        /// Its lines were too long, or were not requests.
        Line "line",
        /// A bug.
        Panic "panic",
    }
}

label! {
    /// The kind of a message: the last of these that fits.
    PostKind "kind" {
        /// Said in a room.
        Room "room",
        /// Said to one or several users.
        Direct "direct",
        /// An action (`:me`).
        Action "action",
        /// A temporary message.
        Temporary "temporary",
    }
}

impl PostKind {
    /// How many there are.
    pub(crate) const COUNT: usize = 4;
    /// All values.
    pub(crate) const ALL: [PostKind; PostKind::COUNT] =
        [PostKind::Room, PostKind::Direct, PostKind::Action, PostKind::Temporary];

    /// The kind under which a message counts: an action or a temporary message counts as that, any other as this kind.
    pub(crate) fn of(self, is_action: bool, is_temporary: bool) -> PostKind {
        match (is_action, is_temporary) {
            (_, true) => PostKind::Temporary,
            (true, false) => PostKind::Action,
            (false, false) => self,
        }
    }
}

#[cfg(feature = "cluster")]
label! {
    /// The outcome of a command to the cluster.
    CommitResult "result" {
        /// It is in the log.
        Accepted "ok",
        /// It had been sent before.
        Done "done",
        /// It was decided on an outdated version.
        Stale "stale",
        /// This server has lost its place in the cluster.
        Fenced "fenced",
        /// It cannot be executed.
        Refused "refused",
    }
}

#[cfg(feature = "cluster")]
label! {
    /// Why this server has read the state of the others again.
    ResyncCause "why" {
        /// Entries of a log were missing.
        Gap "gap",
        /// Another Redis had taken over.
        Redis "redis",
        /// The lease had ended.
        Lease "lease",
    }
}

label! {
    /// The result of an attempt to log in.
    LoginResult "result" {
        /// A user has a name now, with or without an account.
        Accepted "ok",
        /// The password was wrong.
        Wrong "wrong",
        /// The password was not checked, because there had been too many wrong ones.
        Waiting "wait",
        /// The password could not be checked.
        Failed "failed",
    }
}
