//! The library of functions as Redis has it: under a name that tells what is in it.
//!
//! Servers of two builds may run beside each other, as they do while one after the other is restarted, and each loads its own
//! library at every connection. Were the names the same, the one that connected last would change what the other calls. So each
//! calls the functions that it was built with, over the same keys; whether both understand these keys the same way is what
//! [`FORMAT`] is for. A library that nobody calls any more takes 100 KB of Redis until `FUNCTION DELETE`.
//!
//! *Owns* the name. *Knows nothing of* connections.

use std::sync::LazyLock;

use super::FORMAT;

/// The file, in which the library has this name.
const SOURCE: &str = include_str!("../functions.lua");
const NAME_IN_SOURCE: &str = "chatsock_1";

/// The library's name; each function's name begins with it.
pub(crate) static LIBRARY: LazyLock<String> = LazyLock::new(|| format!("chatsock_{FORMAT}_{:016x}", hash(SOURCE)));

/// The functions, in Lua.
pub(crate) static FUNCTIONS: LazyLock<String> = LazyLock::new(|| SOURCE.replace(NAME_IN_SOURCE, &LIBRARY));

/// FNV-1a, 64 bits (RFC 9923): nobody tries to make two of our own files alike.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_document() {
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn every_function_has_the_name_of_its_library() {
        assert!(FUNCTIONS.starts_with(&format!("#!lua name={}\n", *LIBRARY)), "{:.80}", *FUNCTIONS);
        let registered = |text: &str| text.matches("redis.register_function('").count();
        let own = FUNCTIONS.matches(&format!("redis.register_function('{}_", *LIBRARY)).count();
        assert!(own > 0 && own == registered(SOURCE), "{own}");
    }
}
