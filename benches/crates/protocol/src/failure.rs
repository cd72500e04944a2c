//! Why an engine gives no result.

use std::error::Error;
use std::fmt;

/// What an engine cannot do, or what went wrong.
pub type Failure = Box<dyn Error + Send + Sync>;

/// An engine does not offer a row, and says why.
#[derive(Debug)]
pub struct Unsupported(pub &'static str);

impl fmt::Display for Unsupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl Error for Unsupported {}
