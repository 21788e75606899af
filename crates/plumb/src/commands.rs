//! One module per command.

use plumb_bench::Control;
use plumb_collect::{Interrupt, Signals};

use crate::console::Console;

pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod bundle;
pub(crate) mod check;
pub(crate) mod collect;
pub(crate) mod compare;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod experiment;
pub(crate) mod fleet;
pub(crate) mod helper;
pub(crate) mod import;
pub(crate) mod noise;
pub(crate) mod observe;
pub(crate) mod packs;
pub(crate) mod paths;
pub(crate) mod remediate;
pub(crate) mod report;
pub(crate) mod shell;
pub(crate) mod show;
pub(crate) mod verify;

/// Ends a measurement on a signal; what is returned beside it has to live as long. `otherwise` says what Ctrl-C does where signals
/// cannot be taken.
fn until_signal(otherwise: &str, console: &Console) -> (Control, Option<Signals>) {
    match Interrupt::on_signals() {
        Ok((interrupt, signals)) => (Control::until(move || interrupt.is_asked()), Some(signals)),
        Err(reason) => {
            console.warn(&format!("Ctrl-C {otherwise}: {reason}"));
            (Control::default(), None)
        }
    }
}
