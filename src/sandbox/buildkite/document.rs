//! Enough of a GraphQL parser to know what a document asks for: one operation, its variables, its selections.
//!
//! Fragments and directives are refused, as no client of ours needs them.

use std::collections::BTreeMap;

use serde_json::Value;

/// A parsed operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Whether it is a mutation.
    pub mutation: bool,
    /// Declared variables: name and type as written.
    pub variables: BTreeMap<String, String>,
    /// What it asks for.
    pub fields: Vec<Field>,
}

/// A field that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The name under which it is answered.
    pub alias: String,
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub arguments: BTreeMap<String, Argument>,
    /// What is asked for below it.
    pub fields: Vec<Field>,
}

/// An argument's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// Written out.
    Literal(Value),
    /// A variable.
    Variable(String),
    /// An object with further arguments.
    Object(BTreeMap<String, Argument>),
}

impl Argument {
    /// Its value, with variables filled in.
    pub fn value(&self, variables: &serde_json::Map<String, Value>) -> Value {
        match self {
            Self::Literal(value) => value.clone(),
            Self::Variable(name) => variables.get(name).cloned().unwrap_or(Value::Null),
            Self::Object(fields) => {
                Value::Object(fields.iter().map(|(name, field)| (name.clone(), field.value(variables))).collect())
            }
        }
    }
}

/// How deep a document may be.
const MAX_DEPTH: usize = 15;

/// Parses a document.
pub fn parse(text: &str) -> Result<Operation, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let mutation = match parser.next().as_deref() {
        Some("query") => false,
        Some("mutation") => true,
        Some("{") => {
            parser.at = 0;
            false
        }
        other => return Err(format!("Parse error on {other:?}")),
    };
    if parser.peek().is_some_and(is_name) {
        parser.at += 1;
    }
    let variables = parser.variables()?;
    let fields = parser.selection(1)?;
    if parser.peek().is_some() {
        return Err("Only one operation is expected".to_owned());
    }
    Ok(Operation { mutation, variables, fields })
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() || c == ',' => {}
            '#' => while chars.next().is_some_and(|c| c != '\n') {},
            '"' => {
                let mut token = String::from('"');
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => token.extend(['\\'].into_iter().chain(chars.next())),
                        Some(c) => token.push(c),
                        None => return Err("Unterminated string".to_owned()),
                    }
                }
                token.push('"');
                tokens.push(token);
            }
            c if c.is_ascii_alphanumeric() || c == '_' || c == '-' => {
                let mut token = String::from(c);
                while let Some(&c) = chars.peek().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')) {
                    token.push(c);
                    chars.next();
                }
                tokens.push(token);
            }
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '!' | '$' | '=' => tokens.push(c.to_string()),
            c => return Err(format!("Unexpected {c:?}")),
        }
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn next(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        if self.take(wanted) { Ok(()) } else { Err(format!("Expected {wanted:?}, found {:?}", self.peek())) }
    }

    fn name(&mut self) -> Result<String, String> {
        self.next().filter(|token| is_name(token)).ok_or_else(|| "Expected a name".to_owned())
    }

    fn variables(&mut self) -> Result<BTreeMap<String, String>, String> {
        let mut variables = BTreeMap::new();
        if !self.take("(") {
            return Ok(variables);
        }
        while !self.take(")") {
            self.expect("$")?;
            let name = self.name()?;
            self.expect(":")?;
            let mut kind = String::new();
            while let Some(token) = self.peek().filter(|token| is_name(token) || matches!(*token, "[" | "]" | "!")) {
                if kind.ends_with(|c: char| c.is_ascii_alphanumeric()) && is_name(token) {
                    return Err("Expected a variable".to_owned());
                }
                kind.push_str(token);
                self.at += 1;
            }
            if self.take("=") {
                self.argument(1)?;
            }
            variables.insert(name, kind);
        }
        Ok(variables)
    }

    fn selection(&mut self, depth: usize) -> Result<Vec<Field>, String> {
        if depth > MAX_DEPTH {
            return Err(format!("Query has depth of {depth}, which exceeds max depth of {MAX_DEPTH}"));
        }
        self.expect("{")?;
        let mut fields = Vec::new();
        while !self.take("}") {
            let mut name = self.name()?;
            let alias = name.clone();
            if self.take(":") {
                name = self.name()?;
            }
            let mut arguments = BTreeMap::new();
            if self.take("(") {
                while !self.take(")") {
                    let argument = self.name()?;
                    self.expect(":")?;
                    arguments.insert(argument, self.argument(1)?);
                }
            }
            let below = if self.peek() == Some("{") { self.selection(depth + 1)? } else { Vec::new() };
            fields.push(Field { alias, name, arguments, fields: below });
        }
        if fields.is_empty() { Err("A selection cannot be empty".to_owned()) } else { Ok(fields) }
    }

    fn argument(&mut self, depth: usize) -> Result<Argument, String> {
        if depth > MAX_DEPTH {
            return Err("An argument is nested too deeply".to_owned());
        }
        if self.take("$") {
            return Ok(Argument::Variable(self.name()?));
        }
        if self.take("{") {
            let mut fields = BTreeMap::new();
            while !self.take("}") {
                let name = self.name()?;
                self.expect(":")?;
                fields.insert(name, self.argument(depth + 1)?);
            }
            return Ok(Argument::Object(fields));
        }
        let token = self.next().ok_or("Unexpected end of document")?;
        // Strings, numbers, true, false and null are spelled as in JSON; any other name is a value of an enum.
        let literal = serde_json::from_str(&token).or_else(|_| {
            if is_name(&token) { Ok(Value::String(token.clone())) } else { Err(format!("Unexpected {token:?}")) }
        })?;
        Ok(Argument::Literal(literal))
    }
}
