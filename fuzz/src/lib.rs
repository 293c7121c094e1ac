//! Makes inputs of the fuzzer's bytes, in so plain a way that seeds can be written by hand, and that one changed byte
//! changes little else.

pub mod cut;
pub mod fields;
pub mod steps;
pub mod turns;

#[path = "../../tests/wire/drive.rs"]
pub mod drive;
#[path = "../../tests/wire/oracle.rs"]
pub mod oracle;
