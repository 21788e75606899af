//! The kubelet of the node, and inference servers in its pods.

use plumb_check_sdk::model::{Container, InferenceServer, Kubelet};
use plumb_check_sdk::{
    Evidence, Fact, Intent, KubeletSetting, Missing, NoVerdict, Object, ObjectKind, if_any,
};

use crate::pages::k8s_cpu_manager::words;
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

/// The kubelet.
///
/// # Errors
/// Does not apply to a node without one; inside a container, which does not show the processes of the node, and where it is not
/// known for another reason, says so. The sentences are those that the pages of all checks of Kubernetes have.
pub(crate) fn kubelet(evidence: &Evidence<'_>) -> Result<Kubelet, NoVerdict> {
    if let Some(kubelet) = if_any(evidence.get("/containers/kubelet"))? {
        return Ok(kubelet);
    }
    match evidence.container_runtime()? {
        Some(container) => Err(words::HiddenKubelet { container: container.into() }.into()),
        None => Err(NoVerdict::not_applicable(words::NoKubelet {})),
    }
}

/// Asks for a setting of the kubelet.
pub(crate) fn setting(setting: KubeletSetting, want: &str, was: Option<&str>) -> Intent {
    Intent::Kubelet { setting, want: want.to_owned(), was: was.map(str::to_owned) }
}

/// The pods that inference servers run in.
///
/// # Errors
/// Says of which server it is not known whether it runs in a pod.
pub(crate) fn in_pods<'a>(evidence: &Evidence<'a>) -> Result<Vec<Pod<'a>>, Missing> {
    let containers: Fact<Vec<Container>> = evidence.get("/containers/containers").into();
    let mut pods = Vec::new();
    for server in evidence.servers()? {
        let Some(id) = server.container.optional()? else { continue };
        let container = container(&containers, id)?;
        let Some(uid) = container.pod.optional()?.cloned() else { continue };
        let (qos, cgroup) = (container.qos.clone(), container.cgroup.clone());
        pods.push(Pod { uid, qos, cgroup, server });
    }
    Ok(pods)
}
