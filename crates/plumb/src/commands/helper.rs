//! `plumb helper`: a process that asks one library, for the collector.

use anyhow::{Context, bail};
use plumb_collect::{Answer, helper_main};

use crate::exit::{Outcome, UsageError};

pub(crate) fn run(word: &str) -> anyhow::Result<Outcome> {
    if word == "paths" {
        return super::paths::helper();
    }
    let Some(answer) = Answer::from_word(word) else {
        bail!(UsageError(format!("`{word}` is no library that can be asked")));
    };
    helper_main(answer).context("cannot pass the answer on")?;
    Ok(Outcome::Done)
}
