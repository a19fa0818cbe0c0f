//! Rows in words: titles, YAML lines for the diff, reasons.

use crate::{
    access::{Cause, Entry, FieldRole, Shape, Text, Value, cut, key_fields, part, shown},
    policy::{Declaration, PolicyFile},
};

/// The longest reason that goes to a system, in bytes (AccessOwl's limit, whose unit is not documented).
pub const MAX_REASON_BYTES: usize = 255;

/// What people call a declaration that matches nothing.
pub fn declared_title(declaration: &Declaration) -> String {
    let parts: Vec<String> = key_fields(declaration.kind)
        .filter_map(|(position, _)| declaration.values.get(position).filter(|value| !value.is_absent()).map(shown))
        .collect();
    if parts.is_empty() { declaration.key.to_string() } else { parts.join(" / ") }
}

/// A live entry as YAML lines: every field that it has, and its times.
pub fn live_lines(entry: &Entry) -> String {
    let mut text = String::new();
    for (field, value) in entry.kind.fields.iter().zip(&entry.values) {
        lines(&mut text, field.name, &field.shape, value, 0);
    }
    for (name, at) in
        [("created_at", entry.created_at), ("expires_at", entry.expires_at), ("last_used_at", entry.last_used_at)]
    {
        if let Some(at) = at {
            text.push_str(&format!("{name}: {at}\n"));
        }
    }
    text
}

/// The content that a declaration sets, as YAML lines.
pub fn declared_lines(declaration: &Declaration) -> String {
    compared_lines(declaration, &declaration.values)
}

/// The content of an entry that a declaration sets, as YAML lines: the other side of the diff.
pub fn compared_lines(declaration: &Declaration, values: &[Value]) -> String {
    let mut text = String::new();
    for ((field, declared), value) in declaration.kind.fields.iter().zip(&declaration.values).zip(values) {
        if field.role == FieldRole::Content && !declared.is_absent() {
            lines(&mut text, field.name, &field.shape, value, 0);
        }
    }
    text
}

fn lines(text: &mut String, name: &str, shape: &Shape, value: &Value, indent: usize) {
    let pad = " ".repeat(indent);
    match (shape, value) {
        (_, Value::Absent) => {}
        (Shape::Record(fields), Value::Record(_)) => {
            text.push_str(&format!("{pad}{name}:\n"));
            for (position, field) in fields.iter().enumerate() {
                lines(text, field.name, &field.shape, part(value, position), indent + 2);
            }
        }
        (_, Value::Set(words)) => {
            text.push_str(&format!("{pad}{name}:\n"));
            words.iter().for_each(|word| text.push_str(&format!("{pad}- {word}\n")));
        }
        (_, Value::Objects(objects)) => {
            text.push_str(&format!("{pad}{name}:\n"));
            let mut names: Vec<&str> = objects.iter().map(|object| object.shown()).collect();
            names.sort_unstable();
            names.iter().for_each(|name| text.push_str(&format!("{pad}- {name}\n")));
        }
        (_, value) => text.push_str(&format!("{pad}{name}: {}\n", shown(value))),
    }
}

/// The reason of a removal: the file's template for the cause, else the default. Only text of policies goes in.
pub fn reason(cause: Cause, file: Option<&PolicyFile>, team: &str, justification: &str) -> String {
    let own = file.and_then(|file| file.reasons.get(&cause)).map(Text::as_str);
    let name = file.map_or("", |file| file.name.as_str());
    let text = match own {
        Some(template) => fill(template, cause, name, team, justification),
        None => default_reason(cause, name, team, justification),
    };
    cut(text.trim(), MAX_REASON_BYTES).to_owned()
}

fn fill(template: &str, cause: Cause, file: &str, team: &str, justification: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    // One pass, so that a placeholder inside a value is not filled again.
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            text.push('{');
            rest = after;
            continue;
        };
        match name {
            "cause" => text.push_str(cause.name()),
            "file" => text.push_str(file),
            "team" => text.push_str(team),
            "justification" => text.push_str(justification),
            other => text.push_str(&format!("{{{other}}}")),
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}

fn default_reason(cause: Cause, file: &str, team: &str, justification: &str) -> String {
    let what = match cause {
        Cause::Absent => "must not exist",
        Cause::Expired => "its declared end has passed",
        Cause::TooOld => "older than its policy allows",
        Cause::Idle => "not used for longer than its policy allows",
        Cause::Unused => "never used for longer than its policy allows",
        Cause::OverScoped => "holds more than declared",
        Cause::Undeclared => "not declared",
        Cause::Ordered => "ordered by a person",
    };
    let mut text = format!("{}: {what}", cause.name());
    for (lead, part) in [(", ", justification), (" (", file)] {
        if !part.is_empty() {
            text.push_str(lead);
            text.push_str(part);
        }
    }
    if !file.is_empty() {
        text.push(')');
    }
    if !team.is_empty() {
        text.push_str(", ask ");
        text.push_str(team);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{fill, reason};
    use crate::access::Cause;

    #[test]
    fn a_reason_is_cut_on_a_character_and_filled_once() {
        assert_eq!(fill("{cause} {team} {x}", Cause::Absent, "f", "{file}", ""), "absent {file} {x}");
        let long = reason(Cause::Undeclared, None, &"é".repeat(300), "");
        assert!(long.len() <= 255 && long.len() >= 254);
    }
}
