//! The model, without a server: lines go in, requests come out.
