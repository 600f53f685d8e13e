//! The word lists of the schema as the API's document shows them.

use sync_core::schema::lists;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// A reason: usually one of these words.
pub fn reason() -> Object {
    let object =
        ObjectBuilder::new().schema_type(Type::String).examples(lists::REASONS.iter().copied());
    object.description(Some("Why; usually one of the examples.")).build()
}

/// A reason for taking something back: usually one of these words.
pub fn take_back_reason() -> Object {
    let words = lists::TAKE_BACK_REASONS.iter().copied();
    let object = ObjectBuilder::new().schema_type(Type::String).examples(words);
    object.description(Some("Why; usually one of the examples.")).build()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_api_document_lists_the_words_of_the_schema() {
        let api = serde_json::to_value(crate::router::openapi()).expect("it is JSON");
        let schemas = &api["components"]["schemas"];
        let listed = schemas["Priority"]["enum"].as_array();
        let listed: Vec<_> = listed.into_iter().flatten().filter_map(Value::as_str).collect();
        assert_eq!(listed, lists::PRIORITIES);
        let reasons = schemas["Cancel"]["properties"]["reason"]["examples"].as_array();
        assert_eq!(reasons.map(Vec::len), Some(lists::REASONS.len()));
    }
}
