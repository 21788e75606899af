//! What several checks ask of an inference server: its name, its options, what starts it.

use plumb_check_sdk::model::{CgroupLevel, Container, Housing, InferenceServer, Unit};
use plumb_check_sdk::{Evidence, Fact, Finding, Intent, Missing, Object, ObjectKind, ServiceSetting};

pub(crate) fn server_object(server: &InferenceServer) -> Object {
    Object::new(ObjectKind::Server, server.pid.to_string()).named(server.subject())
}

/// One of several questions about a server.
pub(crate) fn part_of(server: &InferenceServer, what: &str) -> Object {
    server_object(server).named(format!("{}, {what}", server.subject()))
}

/// Says that one placement of the server would mend this finding and others.
pub(crate) fn misplaced(finding: Finding, server: &InferenceServer) -> Finding {
    // The name that the pack `affinity` gives it: a cause is the same only where its object is.
    finding.with_cause(
        "placement",
        server_object(server).named(format!("{} server {}", server.kind, server.pid)),
    )
}

/// Asks for a setting that whatever starts the server gives it.
pub(crate) fn service(
    server: &InferenceServer,
    setting: ServiceSetting,
    want: impl Into<String>,
    was: Option<String>,
) -> Intent {
    Intent::Service { server: server.pid, setting, want: want.into(), was }
}

/// True for the group that is the server's alone, or that of its unit or container, and not one that others share.
pub(crate) fn is_own(server: &InferenceServer, chain: &[CgroupLevel], group: &str) -> bool {
    let name = group.rsplit('/').next().unwrap_or(group);
    chain.first().is_some_and(|innermost| innermost.path == group)
        || server.unit.known().is_some_and(|unit| unit == name)
        || server.container.known().is_some_and(|id| name.contains(id.as_str()))
}

/// The first of `names` that the server was started with, and its value; words are separated by blanks or commas. Of an option
/// that is given twice the last counts.
///
/// # Errors
/// Says why the options are not known.
pub(crate) fn option(server: &InferenceServer, names: &[&str]) -> Result<Option<(String, String)>, Missing> {
    let options = server.options.require()?;
    let understood = names.iter().find_map(|name| options.get_key_value(*name));
    let arguments = match server.main_process().map(|process| process.cmdline.require()) {
        Some(Ok(arguments)) => arguments.as_slice(),
        Some(Err(why)) if understood.is_none() => return Err(why),
        Some(Err(_)) | None => &[],
    };
    let named = |argument: &String| {
        let name = argument.strip_prefix("--").map(|name| name.split('=').next().unwrap_or(name));
        name.is_some_and(|name| names.contains(&name))
    };
    let given = arguments.iter().rposition(named).map(|at| {
        let argument = arguments[at].trim_start_matches("--");
        if let Some((name, value)) = argument.split_once('=') {
            return (name.to_owned(), value.to_owned());
        }
        let values = arguments[at + 1..].iter().take_while(|argument| !argument.starts_with("--"));
        (argument.to_owned(), values.map(String::as_str).collect::<Vec<_>>().join(" "))
    });
    let given = given.or_else(|| understood.map(|(name, value)| (name.clone(), value.clone())));
    Ok(given.filter(|(_, value)| value != "false"))
}

/// What starts a server, and so holds its settings.
pub(crate) enum Home<'a> {
    /// A systemd unit that files describe.
    Unit(&'a Unit),
    /// A container of Docker or another engine.
    Container(&'a Container),
    /// A pod of Kubernetes.
    Pod(&'a Container),
    /// The container that the node is seen from within; what starts it is on the host.
    Inside,
    /// No unit and no container.
    Nothing(NoHome<'a>),
    /// A unit that the evidence does not describe.
    UnknownUnit(&'a str),
    /// A container that the evidence does not describe.
    UnknownContainer(&'a str),
}

/// Where a server runs that no unit and no container starts.
#[derive(Clone, Copy)]
pub(crate) enum NoHome<'a> {
    /// In a scope, which a program made that starts processes itself, such as a login.
    Scope(&'a str),
    /// In a unit that no file defines.
    NoFile(&'a str),
    NoUnit,
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

    /// The unit with the given name; `None` where the evidence does not describe it.
    ///
    /// # Errors
    /// Says why no unit is known.
    pub(crate) fn unit(&self, name: &str) -> Result<Option<&Unit>, Missing> {
        Ok(self.units.require()?.iter().find(|unit| unit.name == name))
    }

    /// What starts the server.
    ///
    /// # Errors
    /// Says why it is not known.
    pub(crate) fn find<'a>(
        &'a self,
        evidence: &Evidence<'_>,
        server: &'a InferenceServer,
    ) -> Result<Home<'a>, Missing> {
        Ok(match evidence.housing(server)? {
            Housing::Container(id) => {
                let found = self.containers.require()?.iter().find(|container| container.id == id);
                let Some(container) = found else { return Ok(Home::UnknownContainer(id)) };
                let is_pod = container.pod.optional()?.is_some();
                if is_pod { Home::Pod(container) } else { Home::Container(container) }
            }
            Housing::Inside(_) => Home::Inside,
            Housing::Open => Home::Nothing(NoHome::NoUnit),
            Housing::Unit(name) if name.ends_with(".scope") => Home::Nothing(NoHome::Scope(name)),
            Housing::Unit(name) => match self.unit(name)? {
                None => Home::UnknownUnit(name),
                Some(unit) if unit.fragment.optional()?.is_some() => Home::Unit(unit),
                Some(_) => Home::Nothing(NoHome::NoFile(name)),
            },
        })
    }
}
