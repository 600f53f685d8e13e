//! What all schemas have in common: words with their meaning, numbers within their bounds.

use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Components, KnownFormat, OpenApi, Ref, RefOr, Schema};

use super::meanings::MEANINGS;

/// Whole numbers that every JSON reader keeps exactly.
const EXACT: i64 = 9_007_199_254_740_991;

/// Completes every schema of the document.
pub fn complete(api: &mut OpenApi) {
    let Some(components) = &mut api.components else { return };
    name_rows(components);
    for (name, schema) in &mut components.schemas {
        if let RefOr::T(Schema::Object(object)) = schema
            && object.enum_values.is_some()
        {
            let words = MEANINGS.iter().find(|(enumeration, _)| enumeration == name);
            let words = words.map_or(&[][..], |(_, words)| words);
            let lines = words.iter().map(|(word, meaning)| format!("- `{word}`: {meaning}"));
            let list = lines.collect::<Vec<_>>().join("\n");
            let about = object.description.take().unwrap_or_default();
            object.description = Some(format!("{about}\n\n{list}"));
        }
        visit(schema);
    }
    for item in api.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter
                    && let Some(schema) = &mut parameter.schema
                {
                    visit(schema);
                }
            }
        }
    }
}

/// The rows of each page by their own name, not written out again in the page.
fn name_rows(components: &mut Components) {
    let mut rows = Vec::new();
    for (name, schema) in &mut components.schemas {
        let Some(row) = name.strip_prefix("Page_") else { continue };
        if let RefOr::T(Schema::Object(page)) = schema
            && let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items")
            && let ArrayItems::RefOrSchema(items) = &mut items.items
        {
            let own = RefOr::Ref(Ref::from_schema_name(row));
            rows.push((row.to_owned(), std::mem::replace(&mut **items, own)));
        }
    }
    for (name, schema) in rows {
        components.schemas.entry(name).or_insert(schema);
    }
}

fn visit(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            // No field has a value of its own for being left out.
            object.default = object.default.take().filter(|value| !value.is_null());
            let is_whole = match &object.schema_type {
                SchemaType::Type(Type::Integer) => true,
                SchemaType::Array(types) => types.contains(&Type::Integer),
                _ => false,
            };
            let is_wide =
                matches!(object.format, Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
            if is_whole && is_wide {
                object.minimum.get_or_insert(utoipa::Number::Int(-(EXACT as isize)));
                object.maximum.get_or_insert(utoipa::Number::Int(EXACT as isize));
            }
            object.properties.values_mut().for_each(visit);
            if let Some(more) = &mut object.additional_properties
                && let AdditionalProperties::RefOr(schema) = &mut **more
            {
                visit(schema);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                visit(items);
            }
        }
        Schema::OneOf(one) => one.items.iter_mut().for_each(visit),
        Schema::AllOf(all) => all.items.iter_mut().for_each(visit),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(visit),
        _ => {}
    }
}
