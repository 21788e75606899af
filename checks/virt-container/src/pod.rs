//! The kubelet of the node, and inference servers in its pods.

use plumb_check_sdk::model::{Container, InferenceServer, Kubelet};
use plumb_check_sdk::{Absence, Evidence, Fact, Missing, Object, ObjectKind};

use crate::server::container;

/// A pod with an inference server.
pub(crate) struct Pod<'a> {
    /// UID.
    pub(crate) uid: String,
    /// Class: `guaranteed`, `burstable`, `besteffort`.
    pub(crate) qos: Fact<String>,
    /// File that says so.
    pub(crate) cgroup: String,
    /// The server itself.
    pub(crate) server: &'a InferenceServer,
}

/// The kubelet, as findings name it.
pub(crate) fn kubelet_object() -> Object {
    Object::new(ObjectKind::Other, "kubelet")
}

/// The kubelet; `None` on a node that is known to have none.
///
/// # Errors
/// Says why it is not known.
pub(crate) fn kubelet(evidence: &Evidence<'_>) -> Result<Option<Kubelet>, Missing> {
    match evidence.get("/containers/kubelet") {
        Ok(kubelet) => Ok(Some(kubelet)),
        Err(why) if why.missing == Absence::Absent => Ok(None),
        Err(why) => Err(why),
    }
}

/// The pods that inference servers run in.
///
/// # Errors
/// Says of which server it is not known whether it runs in a pod.
pub(crate) fn in_pods<'a>(evidence: &Evidence<'a>) -> Result<Vec<Pod<'a>>, Missing> {
    let containers: Fact<Vec<Container>> = evidence.get("/containers/containers").into();
    let mut pods = Vec::new();
    for server in evidence.servers()? {
        let id = match &server.container {
            Fact::Known(id) => id,
            Fact::Missing(why) if why.missing == Absence::Absent => continue,
            Fact::Missing(why) => return Err(why.clone()),
        };
        let container = container(&containers, id)?;
        let uid = match &container.pod {
            Fact::Known(uid) => uid.clone(),
            Fact::Missing(why) if why.missing == Absence::Absent => continue,
            Fact::Missing(why) => return Err(why.clone()),
        };
        let (qos, cgroup) = (container.qos.clone(), container.cgroup.clone());
        pods.push(Pod { uid, qos, cgroup, server });
    }
    Ok(pods)
}
