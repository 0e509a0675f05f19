//! Tests of the whole module: lines from bytes, keys, editing, and what a terminal shows.

mod assembler;
mod comfort;
mod costs;
mod editing;
mod keys;
mod other_terminals;
mod paste;
pub(crate) mod reflowing;
mod screen;

/// Every way to hand over an input in at most two packets, and byte by byte.
fn cuts(input: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut cuts: Vec<Vec<&[u8]>> = (0..input.len()).map(|at| vec![&input[..at], &input[at..]]).collect();
    cuts.push(input.chunks(1).collect());
    cuts
}
