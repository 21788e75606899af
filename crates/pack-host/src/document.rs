//! Evidence as packs receive it: only the declared parts, each cut out once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use plumb_check_sdk::Text;
use plumb_evidence::{Evidence, Missing};
use serde_json::value::RawValue;

use crate::Error;

type Parts = BTreeMap<String, Box<RawValue>>;

/// The evidence of one bundle, ready to be sent to any number of packs.
#[derive(Debug)]
pub struct EvidenceDocument {
    sections: Parts,
    // By the pointers that it answers. Packs that declare the same needs, and all bundles' workers, share one text.
    payloads: Mutex<BTreeMap<Vec<Text>, Arc<[u8]>>>,
    /// Sent as it is, whatever is declared; for tests of packs.
    raw: Option<Arc<[u8]>>,
}

impl EvidenceDocument {
    /// Prepares the evidence of a bundle.
    ///
    /// # Errors
    /// Fails if the evidence cannot be written as JSON.
    pub fn new(evidence: &Evidence) -> Result<Self, Error> {
        Self::from_json(&serde_json::to_vec(evidence).map_err(Error::Evidence)?)
    }

    /// Prepares evidence that is already in JSON form.
    ///
    /// # Errors
    /// Fails if `json` is not a JSON object.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let sections = serde_json::from_slice(json).map_err(Error::Evidence)?;
        Ok(Self { sections, payloads: Mutex::default(), raw: None })
    }

    /// Bytes that need not even be JSON, sent as they are.
    pub(crate) fn raw(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { sections: Parts::new(), payloads: Mutex::default(), raw: Some(bytes.into()) }
    }

    /// The evidence reduced to what the pointers name, in the shape of the whole; `schema` and `policy` are always part of it.
    ///
    /// Where something that a pointer passes through is missing, the reason takes its place. What the evidence does not
    /// have at all is left out.
    pub(crate) fn payload(&self, needs: &[Text]) -> Arc<[u8]> {
        if let Some(raw) = &self.raw {
            return Arc::clone(raw);
        }
        let mut payloads = self.payloads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(payload) = payloads.get(needs) {
            return Arc::clone(payload);
        }
        let mut root = Tree::default();
        let mut opened = Opened::new();
        for need in ["/schema", "/policy"].into_iter().chain(needs.iter().map(AsRef::as_ref)) {
            self.insert(&mut root, &mut opened, need);
        }
        let mut json = String::new();
        root.write(&mut json);
        let payload: Arc<[u8]> = json.into_bytes().into();
        payloads.insert(needs.to_vec(), Arc::clone(&payload));
        payload
    }

    fn insert<'a>(&'a self, root: &mut Tree<'a>, opened: &mut Opened<'a>, pointer: &str) {
        let mut keys = pointer.strip_prefix('/').unwrap_or(pointer).split('/').map(unescape).peekable();
        let Some(first) = keys.next() else { return };
        let Some(mut value) = self.sections.get(first.as_ref()).map(|value| &**value) else { return };
        let mut at = root.child(&first);
        for key in keys {
            // Inside of a part that is there as a whole, or of one that is missing as a whole.
            if at.leaf.is_some() || is_missing(value) {
                break;
            }
            // A text stays where it is, so its place identifies it.
            let members = opened.entry(value.get().as_ptr().addr()).or_insert_with(|| {
                serde_json::from_str::<BTreeMap<Cow<'a, str>, &'a RawValue>>(value.get()).ok()
            });
            let Some(inner) = members.as_ref().and_then(|members| members.get(&key)).copied() else { return };
            value = inner;
            at = at.child(&key);
        }
        if at.leaf.is_none() {
            at.leaf = Some(value);
        }
    }
}

/// Objects that pointers led through, by their place in memory: packs ask for many members of the same ones.
type Opened<'a> = BTreeMap<usize, Option<BTreeMap<Cow<'a, str>, &'a RawValue>>>;

/// What is sent: a node with a leaf is sent as it is, whatever is below.
#[derive(Default)]
struct Tree<'a> {
    leaf: Option<&'a RawValue>,
    children: BTreeMap<String, Self>,
}

impl<'a> Tree<'a> {
    fn child(&mut self, key: &str) -> &mut Self {
        self.children.entry(key.to_owned()).or_default()
    }

    /// True where there is anything to write; a pointer that leads nowhere leaves empty nodes behind.
    fn is_used(&self) -> bool {
        self.leaf.is_some() || self.children.values().any(Self::is_used)
    }

    fn write(&self, json: &mut String) {
        if let Some(leaf) = self.leaf {
            json.push_str(leaf.get());
            return;
        }
        let mut separator = '{';
        for (key, child) in self.children.iter().filter(|(_, child)| child.is_used()) {
            let key = serde_json::Value::String(key.clone());
            // Writing to a `String` cannot fail.
            let _ = write!(json, "{separator}{key}:");
            child.write(json);
            separator = ',';
        }
        json.push_str(if separator == '{' { "{}" } else { "}" });
    }
}

fn is_missing(value: &RawValue) -> bool {
    let head = value.get().trim_start_matches(['{', ' ', '\n', '\r', '\t']);
    (head.starts_with(r#""missing""#) || head.starts_with(r#""reason""#))
        && serde_json::from_str::<Missing>(value.get()).is_ok()
}

fn unescape(key: &str) -> Cow<'_, str> {
    if key.contains('~') { Cow::Owned(key.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(key) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn reduced(json: &str, needs: &[&'static str]) -> String {
        let needs: Vec<Text> = needs.iter().map(|need| Text::Borrowed(*need)).collect();
        let document = EvidenceDocument::from_json(json.as_bytes()).unwrap();
        assert!(Arc::ptr_eq(&document.payload(&needs), &document.payload(&needs)));
        String::from_utf8(document.payload(&needs).to_vec()).unwrap()
    }

    const EVIDENCE: &str = r#"{"schema":1,"node":{"kernel":"6.18","os":"x"},"gpus":[1,2],
        "cpu":{"missing":"denied","reason":"no"},"sysctl":{"vm.swappiness":"60","a/b":"1"}}"#;

    #[test]
    fn only_declared_parts_are_sent() {
        assert_eq!(reduced(EVIDENCE, &["/gpus"]), r#"{"gpus":[1,2],"schema":1}"#);
        assert_eq!(reduced(EVIDENCE, &["/node/kernel"]), r#"{"node":{"kernel":"6.18"},"schema":1}"#);
        assert_eq!(
            reduced(EVIDENCE, &["/sysctl/vm.swappiness", "/sysctl/a~1b"]),
            r#"{"schema":1,"sysctl":{"a/b":"1","vm.swappiness":"60"}}"#
        );
        assert_eq!(reduced(EVIDENCE, &[]), r#"{"schema":1}"#);
    }

    #[test]
    fn a_part_and_its_whole_are_sent_once() {
        let whole = r#"{"node":{"kernel":"6.18","os":"x"},"schema":1}"#;
        assert_eq!(reduced(EVIDENCE, &["/node", "/node/kernel"]), whole);
        assert_eq!(reduced(EVIDENCE, &["/node/kernel", "/node"]), whole);
    }

    #[test]
    fn the_reason_of_a_missing_whole_is_sent_for_its_parts() {
        assert_eq!(
            reduced(EVIDENCE, &["/cpu/model", "/cpu/online"]),
            r#"{"cpu":{"missing":"denied","reason":"no"},"schema":1}"#
        );
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        assert_eq!(reduced(EVIDENCE, &["/nvml", "/node/nothing", "/gpus/0"]), r#"{"schema":1}"#);
        assert_eq!(reduced("{}", &["/x"]), "{}");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![any::<i64>().prop_map(Value::from), "[a-z~/\"\\\\]{0,4}".prop_map(Value::from)];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ab~/]{1,2}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// The member that a pointer names, if it leads through objects only.
    fn member<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
        pointer[1..].split('/').try_fold(value, |value, key| value.as_object()?.get(unescape(key).as_ref()))
    }

    proptest! {
        /// A pack finds under a declared pointer what the whole evidence has there, and nothing that is not declared.
        #[test]
        fn declared_parts_are_those_of_the_whole(
            sections in prop::collection::btree_map("[ab~/]{1,2}", value(), 0..4),
            pointers in prop::collection::vec("(/(a|b|~0|~1|ab|a~1)){1,3}", 0..4),
        ) {
            let whole = Value::Object(sections.into_iter().collect());
            let document = EvidenceDocument::from_json(whole.to_string().as_bytes()).unwrap();
            let needs: Vec<Text> = pointers.iter().cloned().map(Text::Owned).collect();
            let part: Value = serde_json::from_slice(&document.payload(&needs)).unwrap();
            for pointer in &pointers {
                prop_assert_eq!(member(&part, pointer), member(&whole, pointer), "{}", pointer);
            }
            let firsts: Vec<_> = pointers.iter().map(|pointer| unescape(pointer[1..].split('/').next().unwrap())).collect();
            for key in part.as_object().unwrap().keys() {
                prop_assert!(firsts.iter().any(|first| first == key), "{}", key);
            }
        }
    }
}
