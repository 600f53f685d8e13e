//! Finding the job of someone who is on the telephone, whatever keyboard either of them has.

use crate::world::{Client, World};
use serde_json::{Value, json};

fn found(desk: &Client, text: &str) -> usize {
    let query: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let page = desk.get(&format!("/v1/jobs?text={query}")).ok(200);
    page["items"].as_array().map_or(0, Vec::len)
}

fn take(desk: &Client, caller: &str, phone: &str, plate: &str, address: &str) {
    let body = json!({"problem": "tow", "caller": caller, "phone": phone, "plate": plate, "address": address, "make": "Škoda"});
    desk.post("/v1/jobs", body).ok(201);
}

#[test]
fn a_job_is_found_by_whatever_is_typed_of_it() {
    for world in World::on_each_database() {
        let desk = world.admin();
        take(
            &desk,
            "Nguye\u{302}\u{303}n Thị Đào",
            "0912 345 678",
            "abc-1234",
            "中山北路２段ＡＢＣ大樓",
        );
        take(&desk, "İpek Işık", "+90 532 123 45 67", "34 IĞD 12", "Kadıköy, Bağdat Cad.");
        take(&desk, "Jürgen Groß", "+49 30 123456", "B-MW 42", "Königstraße 5");
        take(&desk, "山田 太郎", "+81 3 1234 5678", "品川 300 あ 12-34", "ｶﾞｿﾘﾝｽﾀﾝﾄﾞ東京");
        take(&desk, "王小明", "02-2720-8889#12", "?", "台北市 中山區");
        for (text, jobs) in [
            ("0912345678", 1),
            ("0912 345 678", 1),
            ("0912-345-678", 1),
            ("+886912345678", 1),
            ("886 912 345678", 1),
            ("00886912345678", 1),
            ("０９１２３４５６７８", 1),
            ("345 678", 2),
            ("(02) 2720-8889", 1),
            ("2720-8889#12", 1),
            ("05321234567", 1),
            ("0312345678", 1),
            ("Nguyễn", 1),
            ("nguyen thi dao", 1),
            ("DAO nguyen", 1),
            ("ĐÀO", 1),
            ("ABC大樓", 1),
            ("大樓", 1),
            ("中山", 2),
            ("中山北路2段", 1),
            ("北路 abc", 1),
            ("台北市中山區", 1),
            ("ABC1234", 1),
            ("ａｂｃ－１２３４", 1),
            ("34iğd12", 1),
            ("34 IGD 12", 1),
            ("bmw42", 1),
            ("ipek", 1),
            ("IPEK", 1),
            ("ışık", 1),
            ("ISIK", 1),
            ("KADIKÖY", 1),
            ("kadikoy", 1),
            ("grOSS", 1),
            ("Groß", 1),
            ("JURGEN", 1),
            ("konigstrasse", 1),
            ("KÖNIGSTRASSE", 1),
            ("太郎", 1),
            ("山田太郎", 1),
            ("ガソリン", 1),
            ("品川", 1),
            ("skoda", 5),
            ("grün", 0),
            ("0912345679", 0),
            ("大楼", 0),
            ("nguyen ipek", 0),
            ("%", 0),
            ("!", 0),
        ] {
            assert_eq!(found(&desk, text), jobs, "{text}");
        }
        desk.get(&format!("/v1/jobs?text={}", "a".repeat(201))).problem(400, "bad_query");
    }
}

#[test]
fn the_same_caller_is_a_likely_duplicate_however_the_number_is_said() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let call = |phone: &str| {
            let body = json!({"problem": "tow", "address": "x", "phone": phone});
            desk.post("/v1/jobs", body).ok(201)["likely_duplicates"].as_array().map_or(0, Vec::len)
        };
        assert_eq!((call("12 34/56"), call("123456"), call("0912345678")), (0, 1, 0));
        assert_eq!(call("+886 912 345 678"), 1);
    }
}

#[test]
fn a_nul_in_a_part_number_or_an_object_is_answered_clearly() {
    for world in World::on_each_database() {
        let desk = world.admin();
        desk.get("/v1/parts/a%00b").problem(404, "not_found");
        let part = json!({"description": "x", "unit_price": 1, "currency": "TWD"});
        let refused = desk.put("/v1/parts/a%00b", part).problem(422, "invalid");
        assert_eq!(
            (&refused["field"], &refused["reason"]),
            (&json!("part_no"), &json!("control_character"))
        );
        let refused = desk.get("/v1/audit?object=a%00b").problem(400, "bad_query");
        assert_eq!(refused["field"], "object");
        assert_eq!(desk.get("/v1/jobs?text=%00").ok(200)["items"], Value::Array(Vec::new()));
    }
}
