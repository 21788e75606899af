//! `plumb show`: the node in a terminal, with the servers' threads and pages where they are.

use plumb_evidence::views::{Charset, sketch};
use plumb_evidence::{Bundle, Missing, derive};

use crate::cli::{CollectFrom, ShowArgs};
use crate::commands::collect::{look, off_the_network, on_signals};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::input;

pub(crate) fn run(args: &ShowArgs, console: &Console) -> anyhow::Result<Outcome> {
    let charset = if args.ascii || !is_utf8() { Charset::Ascii } else { Charset::Unicode };
    if let Some(path) = &args.bundle {
        let drawn = draw(&input::bundle(path)?, charset)?;
        console.result(&drawn)?;
        return Ok(Outcome::Done);
    }
    off_the_network(console);
    let (interrupt, _signals) = on_signals(console);
    // At once, and then by what was seen at work in between.
    let mut from = CollectFrom::default();
    loop {
        let bundle = match look(&from, interrupt.clone()) {
            // To watch has no other end.
            _ if interrupt.is_asked() && args.watch.is_some() => return Ok(Outcome::Done),
            looked => looked?,
        };
        let drawn = draw(&bundle, charset)?;
        if args.watch.is_some() {
            console.clear()?;
        }
        console.result(&drawn)?;
        if args.watch.is_none() {
            return Ok(Outcome::Done);
        }
        from.sample = args.watch;
    }
}

fn draw(bundle: &Bundle, charset: Charset) -> anyhow::Result<String> {
    let why = |why: Missing| UsageError(format!("the node cannot be drawn: {why}"));
    Ok(sketch(&derive(bundle), charset).map_err(why)?)
}

/// Whether the terminal shows more than ASCII, by the variables that decide it, the first that is set.
fn is_utf8() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(crate::analyse::set);
    set.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_ascii_lowercase();
        locale.ends_with("utf-8") || locale.ends_with("utf8")
    })
}
