//! What several checks ask of an inference server: its unit, its container, its name.

use plumb_check_sdk::model::{Container, InferenceServer, Unit, no_server};
use plumb_check_sdk::{Absence, CheckMeta, Evidence, Fact, Finding, Missing};

/// The inference servers, or the finding that says that there are none.
///
/// # Errors
/// Says why they are not known.
pub(crate) fn servers<'a>(
    meta: &CheckMeta,
    evidence: &Evidence<'a>,
) -> Result<Result<&'a [InferenceServer], Vec<Finding>>, Missing> {
    let servers = evidence.servers()?;
    if servers.is_empty() {
        return Ok(Err(vec![meta.not_run("node", no_server().reason)]));
    }
    Ok(Ok(servers))
}

/// The first of `names` that the server was started with, and its value; words are separated by blanks or commas.
///
/// Options are what somebody understood of the command line, so the command line itself is looked at as well.
///
/// # Errors
/// Says why the options are not known.
pub(crate) fn option(server: &InferenceServer, names: &[&str]) -> Result<Option<(String, String)>, Missing> {
    let options = server.options.require()?;
    if let Some((name, value)) = names.iter().find_map(|name| options.get_key_value(*name)) {
        return Ok((value != "false").then(|| (name.clone(), value.clone())));
    }
    let root = server.processes.iter().find(|process| process.pid == server.pid);
    let arguments = match root.or_else(|| server.processes.first()) {
        Some(process) => process.cmdline.require()?,
        None => return Ok(None),
    };
    let mut rest = arguments.iter().skip_while(|argument| {
        let name = argument.strip_prefix("--").map(|name| name.split('=').next().unwrap_or(name));
        !name.is_some_and(|name| names.contains(&name))
    });
    let Some(argument) = rest.next() else { return Ok(None) };
    let name = argument.trim_start_matches("--");
    Ok(Some(match name.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => {
            let values: Vec<&str> =
                rest.take_while(|argument| !argument.starts_with("--")).map(String::as_str).collect();
            (name.to_owned(), values.join(" "))
        }
    }))
}

/// What starts a server, and so holds its settings.
pub(crate) enum Home<'a> {
    /// A systemd unit that files describe.
    Unit(&'a Unit),
    /// A container of Docker or another engine.
    Container(&'a Container),
    /// A pod of Kubernetes.
    Pod(&'a Container),
    /// Nothing: it was started by hand. The text says what is known instead.
    Nothing(String),
}

/// Units and containers of the node.
pub(crate) struct Homes {
    units: Fact<Vec<Unit>>,
    containers: Fact<Vec<Container>>,
}

impl Homes {
    pub(crate) fn of(evidence: &Evidence<'_>) -> Self {
        Self {
            units: evidence.get("/services/units").into(),
            containers: evidence.get("/containers/containers").into(),
        }
    }

    /// The unit with the given name.
    ///
    /// # Errors
    /// Says why nothing is known of it.
    pub(crate) fn unit(&self, name: &str) -> Result<&Unit, Missing> {
        let found = self.units.require()?.iter().find(|unit| unit.name == name);
        found.ok_or_else(|| {
            Missing::new(Absence::Failed, format!("the evidence does not describe the unit {name}"))
        })
    }

    /// What starts the server.
    ///
    /// # Errors
    /// Says why it is not known.
    pub(crate) fn find(&self, server: &InferenceServer) -> Result<Home<'_>, Missing> {
        match &server.container {
            Fact::Known(id) => {
                let found = self.containers.require()?.iter().find(|container| container.id == *id);
                let container = found.ok_or_else(|| {
                    Missing::new(Absence::Failed, format!("the evidence does not describe container {id}"))
                })?;
                return match &container.pod {
                    Fact::Known(_) => Ok(Home::Pod(container)),
                    Fact::Missing(why) if why.missing == Absence::Absent => Ok(Home::Container(container)),
                    Fact::Missing(why) => Err(why.clone()),
                };
            }
            Fact::Missing(why) if why.missing == Absence::Absent => {}
            Fact::Missing(why) => return Err(why.clone()),
        }
        match &server.unit {
            // A scope is made by a program that starts processes itself, such as a login: it starts nothing again.
            Fact::Known(name) if name.ends_with(".scope") => Ok(Home::Nothing(format!("it runs in {name}"))),
            Fact::Known(name) => {
                let unit = self.unit(name)?;
                match &unit.fragment {
                    Fact::Known(_) => Ok(Home::Unit(unit)),
                    Fact::Missing(why) if why.missing == Absence::Absent => {
                        Ok(Home::Nothing(format!("no file defines its unit {name}")))
                    }
                    Fact::Missing(why) => Err(why.clone()),
                }
            }
            Fact::Missing(why) if why.missing == Absence::Absent => {
                Ok(Home::Nothing("it runs in no unit".to_owned()))
            }
            Fact::Missing(why) => Err(why.clone()),
        }
    }
}
