//! How the bytes of the fuzzer become inputs: in ways so plain that seeds can be written by hand, and that one byte
//! changed, added or removed changes little else.

pub mod cut;
pub mod fields;
pub mod steps;
pub mod turns;

#[path = "../../tests/wire/drive.rs"]
pub mod drive;
#[path = "../../tests/wire/oracle.rs"]
pub mod oracle;
