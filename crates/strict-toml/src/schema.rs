//! JSON schemas of the types that are read, for editors that check TOML by one.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

/// The schema of the files that are read as `T`: as strict as the reader is, and without `null`, which TOML does not have.
#[must_use]
pub fn schema<T: JsonSchema>(title: &str, description: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(as_read).transform(&mut schema);
    schema.insert("title".to_owned(), title.into());
    schema.insert("description".to_owned(), description.into());
    schema.to_value()
}

/// The schema of a map whose keys are the words of the enumeration `K`, each with its description.
#[must_use]
pub fn by_word<K: JsonSchema, V: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut properties = Map::new();
    let keys = generator.subschema_for::<K>().to_value();
    for word in words(&keys) {
        let mut value = generator.subschema_for::<V>();
        let described = keys["oneOf"].as_array().into_iter().flatten().find(|schema| schema["const"] == word);
        if let Some(description) = described.and_then(|schema| schema.get("description")) {
            value.insert("description".to_owned(), description.clone());
        }
        properties.insert(word, value.to_value());
    }
    json_schema!({ "type": "object", "properties": properties })
}

/// Makes of what serde would take what the reader takes.
fn as_read(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(any)) = object.get_mut("anyOf") {
        any.retain(|schema| schema["type"] != "null");
        if let [one] = any.as_mut_slice() {
            let one = one.take();
            object.remove("anyOf");
            for (key, value) in one.as_object().cloned().unwrap_or_default() {
                object.entry(key).or_insert(value);
            }
        }
    }
    if object.contains_key("properties") {
        object.insert("additionalProperties".to_owned(), false.into());
    }
    // Sizes of Rust's numbers, and what is taken where a key is left out, are not the format's: absent means not told.
    object
        .remove("format")
        .filter(|format| format == "date")
        .map(|date| object.insert("format".to_owned(), date));
    object.remove("default");
    // Words with a description each are told apart by `const`; editors list an `enum`.
    if object.contains_key("oneOf") {
        let words = words(&Value::Object(object.clone()));
        object.remove("oneOf");
        object.insert("type".to_owned(), "string".into());
        object.insert("enum".to_owned(), words.into());
    }
}

/// The words of an enumeration, those without a description of their own first.
fn words(schema: &Value) -> Vec<String> {
    let all = schema["oneOf"].as_array().map_or(std::slice::from_ref(schema), Vec::as_slice);
    let words = all
        .iter()
        .flat_map(|one| one.get("const").into_iter().chain(one["enum"].as_array().into_iter().flatten()));
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Compares a schema with the file in which it is published; with `PLUMB_BLESS` set, writes that file instead.
///
/// # Errors
/// If the file is not up to date, with the way to renew it.
pub fn published(schema: &Value, file: &Path) -> Result<(), String> {
    let text = format!("{:#}\n", sorted(schema));
    if std::fs::read_to_string(file).is_ok_and(|found| found == text) {
        return Ok(());
    }
    if std::env::var_os("PLUMB_BLESS").is_some() {
        return std::fs::write(file, text)
            .map_err(|error| format!("cannot write `{}`: {error}", file.display()));
    }
    Err(format!(
        "`{}` is not up to date: renew it with PLUMB_BLESS=1, and read the difference",
        file.display()
    ))
}

/// The same with the members of all objects in order: whether JSON keeps the order of insertion depends on what else is built.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<&String, &Value> = members.iter().collect();
            members.into_iter().map(|(key, member)| (key.clone(), sorted(member))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// Where a value is not as the schema has it; empty where it is. Knows what the schemas of this crate use, and no more of
/// JSON schema: `type`, `properties`, `required`, `additionalProperties`, `items`, `enum`, `const`, `minimum`,
/// `exclusiveMinimum`, `maximum`, `minLength`, `minItems`, `anyOf`.
#[must_use]
pub fn mismatches(schema: &Value, value: &toml::Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(schema, value, "", &mut found);
    found
}

fn compare(schema: &Value, value: &toml::Value, path: &str, found: &mut Vec<String>) {
    if let Some(any) = schema["anyOf"].as_array()
        && !any.iter().any(|schema| mismatches(schema, value).is_empty())
    {
        found.push(format!("{path}: none of `anyOf`"));
    }
    let is = |name: &Value| {
        let kind = match value {
            toml::Value::Table(_) => "object",
            toml::Value::Array(_) => "array",
            toml::Value::String(_) | toml::Value::Datetime(_) => "string",
            toml::Value::Integer(_) => return name == "integer" || name == "number",
            toml::Value::Float(_) => "number",
            toml::Value::Boolean(_) => "boolean",
        };
        name == kind
    };
    let types = &schema["type"];
    if !(types.is_null() || is(types) || types.as_array().is_some_and(|types| types.iter().any(is))) {
        found.push(format!("{path}: is no {types}"));
        return;
    }
    let fixed = serde_json::to_value(value).unwrap_or_default();
    if schema.get("const").is_some_and(|only| *only != fixed)
        || schema["enum"].as_array().is_some_and(|all| !all.contains(&fixed))
    {
        found.push(format!("{path}: {fixed} is none of the values"));
    }
    if let Some(number) = value.as_float().or(value.as_integer().map(|number| number as f64)) {
        let beyond = |key: &str, is_beyond: fn(f64, f64) -> bool| {
            schema[key].as_f64().is_some_and(|limit| is_beyond(number, limit))
        };
        if beyond("minimum", |number, limit| number < limit)
            || beyond("maximum", |number, limit| number > limit)
            || beyond("exclusiveMinimum", |number, limit| number <= limit)
        {
            found.push(format!("{path}: {number} is out of range"));
        }
    }
    let shortest = |key: &str| schema[key].as_u64().unwrap_or_default() as usize;
    if value.as_str().is_some_and(|text| text.chars().count() < shortest("minLength"))
        || value.as_array().is_some_and(|items| items.len() < shortest("minItems"))
    {
        found.push(format!("{path}: is too short"));
    }
    for item in value.as_array().into_iter().flatten() {
        compare(&schema["items"], item, path, found);
    }
    let Some(table) = value.as_table() else { return };
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !table.contains_key(key) {
            found.push(format!("{path}.{key}: is missing"));
        }
    }
    for (key, value) in table {
        let path = format!("{path}.{key}");
        match (properties.get(key), &schema["additionalProperties"]) {
            (Some(below), _) => compare(below, value, &path, found),
            (None, Value::Bool(false)) => found.push(format!("{path}: is unknown")),
            (None, below) => compare(below, value, &path, found),
        }
    }
}
