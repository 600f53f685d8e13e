//! Reads values of a request strictly, and says what is wrong with them in words for people.
//!
//! A value of JSON, or of a form or query, where everything is a text. Objects are objects: the
//! derived readers would also take an array with the fields in their order.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    self, DeserializeOwned, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;
use serde_json::error::Category;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field concerned, as a path such as `points[2].place.lat`; empty for the whole.
    pub field: String,
    /// One or two sentences.
    pub sentence: String,
    /// The value is of the right type and breaks a rule, as a latitude of 91 does.
    pub is_rule: bool,
}

impl Wrong {
    fn new(field: impl Into<String>, sentence: &str) -> Self {
        Self { field: field.into(), sentence: sentence.to_owned(), is_rule: false }
    }
}

/// Reads a value of JSON.
///
/// # Errors
/// The first thing that is wrong.
pub fn json<T: DeserializeOwned>(value: Value) -> Result<T, Wrong> {
    read(Plain { value, texts: false })
}

/// Understands JSON in which no object has a field twice: of two values neither is meant.
///
/// # Errors
/// What is wrong with the JSON.
pub fn parse(bytes: &[u8]) -> Result<Value, Wrong> {
    serde_json::from_slice(bytes).map(|Once(value)| value).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what = match error.classify() {
            Category::Eof => "The JSON is cut off".to_owned(),
            Category::Data => format!("A field is given twice: {}", said(&error)),
            Category::Syntax | Category::Io => "This is not JSON".to_owned(),
        };
        Wrong::new("", &format!("{what}, at line {line}, column {column}."))
    })
}

/// What an error says, without the place that is appended to it.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// A value in which no object has a field twice.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OnceVisitor).map(Self)
    }
}

struct OnceVisitor;

impl<'de> Visitor<'de> for OnceVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Value, E> {
        Ok(yes.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = serde_json::Map::new();
        while let Some((name, Once(value))) = fields.next_entry::<String, _>()? {
            if object.contains_key(&name) {
                return Err(de::Error::custom(name));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

/// Reads names with their texts, as forms and queries have them.
///
/// # Errors
/// The first thing that is wrong.
pub fn texts<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, Wrong> {
    let mut object = serde_json::Map::new();
    for (name, text) in pairs {
        if object.contains_key(&name) {
            return Err(Wrong::new(name, "It is given twice."));
        }
        object.insert(name, Value::String(text));
    }
    read(Plain { value: Value::Object(object), texts: true })
}

fn read<T: DeserializeOwned>(plain: Plain) -> Result<T, Wrong> {
    serde_path_to_error::deserialize(plain).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        let Said { field, sentence, is_rule } = error.into_inner();
        let field = match field {
            // The path of something that is unknown has its name already.
            Some(name) if path != name && !path.ends_with(&format!(".{name}")) => {
                if path.is_empty() { name } else { format!("{path}.{name}") }
            }
            _ => path,
        };
        Wrong { field: field.trim_end_matches(".?").replace('?', ""), sentence, is_rule }
    })
}

struct Plain {
    value: Value,
    texts: bool,
}

impl<'de> IntoDeserializer<'de, Said> for Plain {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Plain {
    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        let texts = self.texts;
        let plain = |value| Plain { value, texts };
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(yes) => visitor.visit_bool(yes),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(whole), _, _) => visitor.visit_u64(whole),
                (_, Some(whole), _) => visitor.visit_i64(whole),
                (_, _, Some(number)) => visitor.visit_f64(number),
                _ => Err(Said::new("The number is too large.")),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(plain));
                visitor.visit_seq(&mut items)
            }
            Value::Object(pairs) => {
                let pairs = pairs.into_iter().map(|(name, value)| (name, plain(value)));
                visitor.visit_map(MapDeserializer::new(pairs))
            }
        }
    }

    fn whole(&self) -> Option<i64> {
        match &self.value {
            Value::String(text) if self.texts => text.parse().ok(),
            // 1.0 is a whole number to JSON Schema and to people.
            Value::Number(number) => number.as_i64().or_else(|| {
                let float = number.as_f64()?;
                let exact = float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0;
                exact.then_some(float as i64)
            }),
            _ => None,
        }
    }
}

macro_rules! whole_numbers {
    ($($name:ident)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
            match self.whole() {
                Some(whole) => visitor.visit_i64(whole),
                None => Err(Said::new("Send a whole number.")),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Plain {
    type Error = Said;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        self.visit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Said> {
        if !self.value.is_object() {
            return Err(Said::new("Send a JSON object."));
        }
        self.visit(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        if !self.value.is_object() {
            return Err(Said::new("Send a JSON object."));
        }
        self.visit(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        if !self.value.is_array() {
            return Err(Said::new("Send a JSON array."));
        }
        self.visit(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Said> {
        match self.value {
            Value::String(word) => visitor.visit_enum(word.into_deserializer()),
            _ => Err(Said::new("Send one of its words as a text.")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Said> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        match &self.value {
            Value::Bool(yes) => visitor.visit_bool(*yes),
            Value::String(text) if self.texts && text == "true" => visitor.visit_bool(true),
            Value::String(text) if self.texts && text == "false" => visitor.visit_bool(false),
            _ => Err(Said::new("Send true or false.")),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        let number = match &self.value {
            Value::String(text) if self.texts => {
                text.parse().ok().filter(|it: &f64| it.is_finite())
            }
            other => other.as_f64(),
        };
        match number {
            Some(number) => visitor.visit_f64(number),
            None => Err(Said::new("Send a number.")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        match self.value {
            Value::String(text) => visitor.visit_string(text),
            _ => Err(Said::new("Send a text.")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        self.deserialize_str(visitor)
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// What a reader says, before it is known of which field.
#[derive(Debug)]
struct Said {
    field: Option<String>,
    sentence: String,
    is_rule: bool,
}

impl Said {
    fn new(sentence: &str) -> Self {
        Self { field: None, sentence: sentence.to_owned(), is_rule: false }
    }

    fn of(field: &str, sentence: String) -> Self {
        Self { field: Some(field.to_owned()), sentence, is_rule: false }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Said {}

impl de::Error for Said {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        let mut chars = text.chars();
        let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
        let sentence = format!("{first}{}.", chars.as_str().trim_end_matches('.'));
        Self { field: None, sentence, is_rule: true }
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        let given = match unexpected {
            de::Unexpected::Unit | de::Unexpected::Option => "null",
            de::Unexpected::Bool(_) => "true or false",
            de::Unexpected::Str(_) => "a text",
            de::Unexpected::Seq => "an array",
            de::Unexpected::Map => "an object",
            _ => "a number",
        };
        Self::new(&format!("It cannot be {given}."))
    }

    fn invalid_value(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self::new("The value is out of range.")
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::new(&format!("{word:?} is none of its words: {}.", known.join(", ")))
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::of(name, format!("There is no field {name:?}. There are: {}.", known.join(", ")))
    }

    fn missing_field(name: &'static str) -> Self {
        Self::of(name, "It is missing.".to_owned())
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::of(name, "It is given twice.".to_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json as value;

    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Load,
        Unload,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        kind: Kind,
        quantity: i64,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Lines {
        lines: Vec<Line>,
        note: Option<String>,
    }

    #[track_caller]
    fn wrong(given: Value, field: &str, sentence: &str) {
        let wrong = json::<Lines>(given).unwrap_err();
        assert_eq!((wrong.field.as_str(), wrong.sentence.as_str()), (field, sentence));
    }

    #[test]
    fn an_array_is_no_object_at_any_depth() {
        wrong(value!([[], null]), "", "Send a JSON object.");
        wrong(value!({"lines": [["load", 1]]}), "lines[0]", "Send a JSON object.");
    }

    #[test]
    fn what_is_wrong_is_said_of_its_field_in_plain_words() {
        let line = |line: Value| value!({"lines": [line]});
        wrong(line(value!({"kind": "load"})), "lines[0].quantity", "It is missing.");
        let unknown = "There is no field \"qty\". There are: kind, quantity.";
        wrong(line(value!({"kind": "load", "qty": 1})), "lines[0].qty", unknown);
        let word = "\"move\" is none of its words: load, unload.";
        wrong(line(value!({"kind": "move", "quantity": 1})), "lines[0].kind", word);
        let whole = "Send a whole number.";
        wrong(line(value!({"kind": "load", "quantity": "1"})), "lines[0].quantity", whole);
        wrong(line(value!({"kind": "load", "quantity": 1.5})), "lines[0].quantity", whole);
        wrong(value!({"lines": null}), "lines", "Send a JSON array.");
        wrong(value!({"lines": [], "note": 1}), "note", "Send a text.");
    }

    #[test]
    fn a_field_that_is_given_twice_is_refused_at_any_depth() {
        assert_eq!(parse(br#"{"a": [{"b": 1}, 2.5, null, true]}"#).unwrap()["a"][0]["b"], 1);
        let wrong = parse(br#"{"a": [{"b": 1, "b": 2}]}"#).unwrap_err();
        assert_eq!(wrong.sentence, "A field is given twice: b, at line 1, column 23.");
        assert!(parse(b"{\"a\": ").unwrap_err().sentence.starts_with("The JSON is cut off"));
        assert!(parse(b"{} {}").unwrap_err().sentence.starts_with("This is not JSON"));
    }

    #[test]
    fn whole_numbers_may_be_written_with_a_fraction_of_zero() {
        let read: Lines = json(value!({"lines": [{"kind": "unload", "quantity": 2.0}]})).unwrap();
        assert_eq!(read.lines, [Line { kind: Kind::Unload, quantity: 2 }]);
    }

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Asked {
        limit: Option<i64>,
        waiting: Option<bool>,
        lat: Option<f64>,
    }

    #[test]
    fn texts_of_a_query_are_read_as_what_they_stand_for() {
        let pairs = |text: &str| vec![("limit".to_owned(), text.to_owned())];
        assert_eq!(texts::<Asked>(pairs("20")).unwrap().limit, Some(20));
        let wrong = texts::<Asked>(pairs("many")).unwrap_err();
        assert_eq!(
            (wrong.field.as_str(), wrong.sentence.as_str()),
            ("limit", "Send a whole number.")
        );
        let lat = |text: &str| texts::<Asked>(vec![("lat".to_owned(), text.to_owned())]);
        assert_eq!(lat("-24.5").unwrap().lat, Some(-24.5));
        for text in ["north", "NaN", "inf", ""] {
            assert_eq!(lat(text).unwrap_err().sentence, "Send a number.", "{text}");
        }
        let twice = [pairs("1"), pairs("2")].concat();
        assert_eq!(texts::<Asked>(twice).unwrap_err().sentence, "It is given twice.");
    }
}
