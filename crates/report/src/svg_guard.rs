//! Holds a drawing of unknown origin to what Plumb draws with: HTML pages show drawings as they are.

/// Elements, of which each has letters, numbers and signs only in its attributes.
const ELEMENTS: [&str; 8] = ["svg", "title", "desc", "rect", "path", "circle", "text", "g"];
const ATTRIBUTES: [&str; 25] = [
    "xmlns",
    "width",
    "height",
    "viewBox",
    "role",
    "font-family",
    "class",
    "x",
    "y",
    "cx",
    "cy",
    "r",
    "d",
    "fill",
    "stroke",
    "stroke-width",
    "stroke-dasharray",
    "stroke-linejoin",
    "font-size",
    "font-weight",
    "text-anchor",
    "opacity",
    "rx",
    "transform",
    "fill-opacity",
];
const NAMESPACE: &str = "http://www.w3.org/2000/svg";

/// # Errors
/// Says what was found that Plumb does not draw.
pub(crate) fn check(svg: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    let mut elements = 0_usize;
    while let Some(at) = rest.find('<') {
        if open.is_empty() && !rest[..at].trim().is_empty() {
            return Err("expected one drawing, but found text beside it".into());
        }
        rest = &rest[at + 1..];
        let end = rest.find('>').ok_or("expected the end of an element, but found none")?;
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("expected elements in each other, but found the end of {name:?}"));
            }
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let name = tag.split(char::is_whitespace).next().unwrap_or_default();
        let is_first = elements == 0;
        elements += 1;
        if !ELEMENTS.contains(&name) || is_first != (name == "svg") || (open.is_empty() && !is_first) {
            return Err(format!("expected a drawing of plumb, but found the element {name:?}"));
        }
        attributes(&tag[name.len()..])?;
        if !closed {
            open.push(name);
        }
    }
    if elements == 0 || !open.is_empty() || !rest.trim().is_empty() {
        return Err("expected one whole drawing".into());
    }
    Ok(())
}

fn attributes(text: &str) -> Result<(), String> {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or("expected an attribute in double quotes")?;
        let (value, after) = after.split_once('"').ok_or("expected the end of an attribute")?;
        let is_known = ATTRIBUTES.contains(&name);
        let is_plain = value == NAMESPACE
            || value.chars().all(|c| c.is_ascii_alphanumeric() || " .,-#%'()&;".contains(c))
                && !value.contains("url");
        if !is_known || !is_plain {
            return Err(format!("expected what plumb draws with, but found the attribute {name:?}"));
        }
        rest = after.trim_start();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"640\" height=\"10\">";

    #[test]
    fn only_what_plumb_draws_passes() {
        check(&format!(
            "{HEAD}<title>a &lt; b</title><rect class=\"ink\" x=\"1\"/><text x=\"1\">x</text></svg>\n"
        ))
        .unwrap();
        for bad in [
            "<script>alert(1)</script>",
            "<rect onload=\"alert(1)\"/>",
            "<a href=\"x\"/>",
            "<image/>",
            "<foreignObject></foreignObject>",
            "<rect fill=\"url(#a)\"/>",
            "<!-- x -->",
            "<rect",
            "</svg><script>",
            "<rect x=1/>",
            "<style>*{}</style>",
        ] {
            assert!(check(&format!("{HEAD}{bad}</svg>")).is_err(), "{bad}");
        }
        assert!(check("").is_err() && check("x").is_err() && check(HEAD).is_err());
        assert!(check(&format!("{HEAD}</svg>{HEAD}</svg>")).is_err());
    }
}
