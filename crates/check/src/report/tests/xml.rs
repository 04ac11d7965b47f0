//! A reader of XML for tests: the elements of a document, which has to be well-formed.

/// Name, attributes and text.
pub(super) type Element = (String, Vec<(String, String)>, String);

/// The elements of a document of XML 1.0 with their attributes and text, checked for being well-formed.
pub(super) fn elements(xml: &str) -> Result<Vec<Element>, String> {
    let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if let Some(c) = xml.chars().find(|c| !legal(*c)) {
        return Err(format!("{c:?} is no character of XML"));
    }
    let mut rest =
        xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").ok_or("no declaration")?;
    let (mut open, mut all) = (Vec::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        let text = unescaped(&rest[..at])?;
        if let Some(top) = open.last() {
            let (_, _, inside): &mut Element = &mut all[*top];
            *inside += &text;
        } else if !text.trim().is_empty() {
            return Err(format!("text outside of an element: {text}"));
        }
        let tag = rest[at + 1..].split_once('>').ok_or("a tag without end")?;
        rest = tag.1;
        if let Some(name) = tag.0.strip_prefix('/') {
            let top: usize = open.pop().ok_or("an end without beginning")?;
            let begun: &Element = &all[top];
            if begun.0 != name {
                return Err(format!("</{name}> ends <{}>", begun.0));
            }
            continue;
        }
        let body = tag.0.trim_end_matches('/');
        let (name, attributes) = body.split_once(' ').unwrap_or((body, ""));
        all.push((name.to_owned(), attributes_of(attributes)?, String::new()));
        if !tag.0.ends_with('/') {
            open.push(all.len() - 1);
        }
    }
    if open.is_empty() { Ok(all) } else { Err("an element without end".to_owned()) }
}

fn attributes_of(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut rest = text.trim();
    let mut all: Vec<(String, String)> = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or("an attribute without value")?;
        let (value, after) = after.split_once('"').ok_or("a value without end")?;
        if value.contains('<')
            || !name.chars().all(char::is_alphanumeric)
            || all.iter().any(|(n, _)| n == name)
        {
            return Err(format!("bad attribute {name}={value}"));
        }
        all.push((name.to_owned(), unescaped(value)?));
        rest = after.trim_start();
    }
    Ok(all)
}

fn unescaped(text: &str) -> Result<String, String> {
    if text.contains("]]>") {
        return Err("`]]>` in text".to_owned());
    }
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part.split_once(';').ok_or("a bare ampersand")?;
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            "#10" => '\n',
            _ => return Err(format!("unknown reference &{name};")),
        });
        out += after;
    }
    Ok(out)
}

pub(super) fn attribute<'a>(element: &'a Element, name: &str) -> &'a str {
    let found = element.1.iter().find(|(n, _)| n == name);
    found.map_or_else(|| panic!("no {name} in {element:?}"), |(_, value)| value.as_str())
}
