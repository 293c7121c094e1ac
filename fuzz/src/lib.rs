//! How the bytes of the fuzzer become inputs: in ways so plain that seeds can be written, and that a byte changed, put in
//! or taken out changes little else.

pub mod cut;
pub mod fields;
pub mod steps;

#[path = "../../tests/wire/drive.rs"]
pub mod drive;
#[path = "../../tests/wire/oracle.rs"]
pub mod oracle;
