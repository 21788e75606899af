//! The filters that Markdown and HTML templates may use besides the template engine's own.
#![expect(
    clippy::disallowed_types,
    reason = "the engine's filter signature asks for a hash map; it is only looked up"
)]

use std::collections::HashMap;

use tera::{Filter, Tera, Value};

use crate::escape::{code, code_cell, fence, html, markdown_line};
use crate::lines;
use crate::model::Span;

/// Registers them.
pub(crate) fn register(tera: &mut Tera) {
    tera.register_filter("code", Verbatim { name: "code", apply: |text, _| code(text) });
    tera.register_filter("code_cell", Verbatim { name: "code_cell", apply: |text, _| code_cell(text) });
    tera.register_filter("line", Verbatim { name: "line", apply: |text, _| markdown_line(text) });
    tera.register_filter("prose", Verbatim { name: "prose", apply: |text, _| html(text) });
    tera.register_filter("md", Spans { name: "md", apply: |own| lines::markdown(own, false) });
    tera.register_filter("md_cell", Spans { name: "md_cell", apply: |own| lines::markdown(own, true) });
    tera.register_filter("spans", Spans { name: "spans", apply: lines::html });
    tera.register_filter("fence", Verbatim { name: "fence", apply: fence });
}

/// A filter whose result is finished Markdown or HTML, which must not be escaped once more.
struct Verbatim {
    name: &'static str,
    apply: fn(&str, usize) -> String,
}

impl Filter for Verbatim {
    fn filter(&self, value: &Value, arguments: &HashMap<String, Value>) -> tera::Result<Value> {
        let Some(text) = value.as_str() else {
            return Err(tera::Error::msg(format!(
                "filter `{}` expects text, but found `{value}`",
                self.name
            )));
        };
        let indent = arguments.get("indent").and_then(Value::as_u64).unwrap_or(0).min(32);
        Ok(Value::String((self.apply)(text, usize::try_from(indent).unwrap_or(0))))
    }

    fn is_safe(&self) -> bool {
        true
    }
}

/// A filter of a line of the model.
struct Spans {
    name: &'static str,
    apply: fn(&[Span]) -> String,
}

impl Filter for Spans {
    fn filter(&self, value: &Value, _: &HashMap<String, Value>) -> tera::Result<Value> {
        let line: Vec<Span> = serde_json::from_value(value.clone()).map_err(|error| {
            tera::Error::msg(format!("filter `{}` expects a line, but found {error}", self.name))
        })?;
        Ok(Value::String((self.apply)(&line)))
    }

    fn is_safe(&self) -> bool {
        true
    }
}
