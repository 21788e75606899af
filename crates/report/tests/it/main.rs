//! Reports of hand-built assessments: golden Markdown, PDF by its text, and every way to fail.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, helpers of tests included")]

mod errors;
mod figures;
mod formats;
mod html;
mod machine;
mod observed;
mod office;
mod pdf;
mod sample;
mod sets;
