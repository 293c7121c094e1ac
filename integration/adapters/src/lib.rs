//! This crate holds only tests: `tests/` has one file for each library or use. The examples of the README and of the guides
//! use these libraries too, so they are compiled and run here.

macro_rules! examples {
    ($($name:ident: $file:literal)*) => {$(
        #[cfg(doctest)]
        #[doc = include_str!(concat!("../../../", $file))]
        struct $name;
    )*};
}

examples! {
    Readme: "README.md"
    Llm: "src/guide/llm.md"
    Migrate: "src/guide/migrate.md"
    Relay: "src/guide/relay.md"
    Resume: "src/guide/resume.md"
    Server: "src/guide/server.md"
}
