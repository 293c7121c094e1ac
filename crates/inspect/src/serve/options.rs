//! Values of the options of `serve`.

use std::str::FromStr;

/// How fast time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was recorded.
    Times(f64),
    /// Nothing is waited for.
    Max,
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Speed, Self::Err> {
        if text == "max" {
            Ok(Speed::Max)
        } else {
            positive(text).map(Speed::Times).map_err(|_| "not a number above 0, or `max`")
        }
    }
}

/// What happens to the connection at a byte of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    pub at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It is reset.
    Reset,
    /// It stays open, and nothing more is sent.
    Stall,
    /// The response ends, as it would at its end.
    Half,
}

impl FromStr for Fault {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Fault, Self::Err> {
        let (kind, at) = text.split_once('@').ok_or("not reset@BYTE, stall@BYTE or half@BYTE")?;
        let kind = match kind {
            "reset" => FaultKind::Reset,
            "stall" => FaultKind::Stall,
            "half" => FaultKind::Half,
            _ => return Err("neither reset, stall nor half"),
        };
        Ok(Fault { kind, at: at.parse().map_err(|_| "the byte is not a number")? })
    }
}

/// A number above 0.
pub fn positive(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|number: &f64| number.is_normal() && *number > 0.0).ok_or("not a number above 0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("0.5".parse(), Ok(Speed::Times(0.5)));
        assert_eq!("stall@7".parse(), Ok(Fault { kind: FaultKind::Stall, at: 7 }));
        for wrong in ["0", "-1", "inf", "nan", "fast", ""] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
        for wrong in ["reset", "reset@", "reset@-1", "wait@1", "@1"] {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }
}
