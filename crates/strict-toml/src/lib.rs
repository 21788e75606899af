//! Reads TOML that people write, strictly: a typing mistake in such a file must not change an outcome in silence.
//!
//! [`Document::read`] turns a file into any type that implements `Deserialize`. A key that the type does not have is an error,
//! whether or not the type says `deny_unknown_fields`, so that types which have to stay lenient elsewhere can be read strictly
//! here. Every [`Fault`] names the file, the line and the key, for tables, inline tables, dotted and quoted keys alike.
//!
//! What only several values together can tell is judged after reading: wrap a value in [`At`] to keep its place, or ask the
//! document for the place of a key with [`Document::fault`].
#![warn(missing_docs)]

mod at;
mod document;
mod error;
mod fault;
mod nearest;
mod reader;
#[cfg(feature = "schema")]
pub mod schema;
mod syntax;

pub use at::At;
pub use document::Document;
pub use fault::Fault;
pub use nearest::nearest;
