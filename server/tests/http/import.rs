//! Files as spreadsheets write them become technicians, vans, parts and users, row by row.

use std::time::Duration;

use serde_json::{Value, json};
use server::auth::Role;

use crate::world::{Answer, Client, World};

fn send(client: &Client, path: &str, file: impl Into<Vec<u8>>) -> Answer {
    client.send("POST", &format!("/v1/import/{path}"), Some(file.into()), "text/csv")
}

/// Row number, status, and the code of what is wrong first.
fn rows(report: &Value) -> Vec<(u64, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |row: &Value| {
        (row["row"].as_u64().unwrap(), text(&row["status"]), text(&row["issues"][0]["code"]))
    };
    report["rows"].as_array().unwrap().iter().map(row).collect()
}

fn row(number: u64, status: &str, code: &str) -> (u64, String, String) {
    (number, status.to_owned(), code.to_owned())
}

fn utf_16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

#[test]
fn the_same_file_twice_makes_everybody_once_and_a_dry_run_nobody() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let branch =
            json!({"name": "北區", "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"});
        let branch = desk.post("/v1/branches", branch).ok(201)["id"].clone();
        let file = utf_16(
            "工號\t姓名\t行動電話\t門市\t備註\r\nT01\t王小明\t0912-345-678\t北區\t\r\nT02\t林美\t\t\t新\r\n",
        );
        let dry = send(&desk, "technicians?dry_run=true", file.clone()).ok(200);
        assert_eq!((&dry["dry_run"], &dry["counts"]["created"]), (&json!(true), &json!(2)));
        assert_eq!(desk.get("/v1/technicians").ok(200)["items"], json!([]));

        let report = send(&desk, "technicians", file.clone()).ok(200);
        assert_eq!(rows(&report), [row(2, "created", ""), row(3, "created", "")]);
        assert_eq!(
            (&report["encoding"], &report["separator"]),
            (&json!("UTF-16LE"), &json!("tab"))
        );
        assert_eq!(report["unknown_columns"], json!(["備註"]));
        let again = send(&desk, "technicians", file).ok(200);
        assert_eq!(again["counts"]["unchanged"], 2, "{again}");
        let made = desk.get("/v1/technicians").ok(200)["items"].clone();
        let wang = made.as_array().unwrap().iter().find(|it| it["login"] == "t01").unwrap();
        assert_eq!((&wang["name"], &wang["phone"]), (&json!("王小明"), &json!("+886912345678")));
        assert_eq!(wang["branch"], branch);

        let change =
            send(&desk, "technicians", "login,phone,name\nt01,,Wang\nt02,0922333444,\n").ok(200);
        assert_eq!(change["counts"]["updated"], 2, "{change}");
        let made = desk.get("/v1/technicians").ok(200)["items"].clone();
        let wang = made.as_array().unwrap().iter().find(|it| it["login"] == "t01").unwrap();
        assert_eq!((&wang["name"], &wang["phone"]), (&json!("Wang"), &json!("+886912345678")));
        let audit = desk.get("/v1/audit").ok(200);
        let ran =
            audit["items"].as_array().unwrap().iter().filter(|it| it["action"] == "import.run");
        assert_eq!(ran.count(), 3, "a dry run leaves none");
    }
}

#[test]
fn what_a_spreadsheet_spoilt_is_refused_in_its_row_and_stops_no_other() {
    let world = World::new();
    let desk = world.admin();
    let file = "\u{feff}Part No.;Description;Price;Currency;Tax\r\n\
        =\"0012\";\"Fuse\nred\";\"1,234.50\";TWD;5%\r\n\
        \r\n\
        9.12E+08;Battery;3200;TWD;5\r\n\
        2-Jan;Bulb;10;TWD;5\r\n\
        '2-Jan;Bulb;10;TWD;0.05\r\n\
        A1;Tyre;1,234;TWD;\r\n\
        A2;Tyre;10;NT;\r\n\
        A3;;10;TWD;\r\n\
        A4;Oil;10;JPY;;more\r\n\
        0012;Fuse;1;TWD;\r\n\
        A5;Oil;10;jpy;\r\n";
    let report = send(&desk, "parts", file).ok(200);
    assert_eq!(
        rows(&report),
        [
            row(2, "created", ""),
            row(4, "refused", "scientific"),
            row(5, "refused", "date"),
            row(6, "refused", "percent"),
            row(7, "refused", "amount"),
            row(8, "refused", "invalid"),
            row(9, "refused", "missing"),
            row(10, "refused", "row_length"),
            row(11, "refused", "twice"),
            row(12, "created", ""),
        ],
        "{report}"
    );
    let issue = &report["rows"][1]["issues"][0];
    assert_eq!((&issue["column"], &issue["value"]), (&json!("Part No."), &json!("9.12E+08")));
    assert_eq!(report["problem"], Value::Null);
    let fuse = desk.get("/v1/parts/0012").ok(200);
    assert_eq!((&fuse["unit_price"], &fuse["tax_millipercent"]), (&json!(123_450), &json!(5000)));
    assert_eq!(desk.get("/v1/parts/A5").ok(200)["unit_price"], 10, "yen have no decimals");
    // A price in another currency is another price.
    let moved = send(&desk, "parts", "part_no,currency\nA5,TWD\n").ok(200);
    assert_eq!(rows(&moved), [row(2, "refused", "missing")]);
}

#[test]
fn a_file_of_which_nothing_can_be_read_says_why_once() {
    let world = World::new();
    let desk = world.admin();
    for (file, reason) in [
        (b"PK\x03\x04".to_vec(), "workbook"),
        (b"a|b\n1|2\n".to_vec(), "header"),
        (b"login,name\n".to_vec(), "rows"),
        (b"login,name\nbo,\"Bo\n".to_vec(), "quote"),
        (b"".to_vec(), "empty"),
        (b"login,name\nbo,\x81\x8d\x8f\n".to_vec(), "encoding"),
    ] {
        let problem = send(&desk, "users", file).problem(422, "invalid");
        assert_eq!(problem["reason"], reason, "{problem}");
    }
    let named = send(&desk, "users?encoding=klingon", "login\nbo\n").problem(422, "invalid");
    assert_eq!(named["field"], "encoding");
    let same = send(&desk, "users", "login,name,role\na,A,boss\nb,B,boss\n").ok(200);
    assert_eq!(same["counts"]["refused"], 2);
    let problem = same["problem"].as_str().unwrap();
    assert!(problem.contains("same reason in the column role"), "{problem}");
    send(&desk, "planets", "login\nbo\n").problem(404, "not_found");
    desk.post("/v1/import/users", json!({})).problem(415, "wrong_media_type");
    let long = vec![b'a'; 4 * 1024 * 1024 + 1];
    send(&desk, "users", long).problem(413, "too_large");
}

#[test]
fn people_come_in_without_passwords_roles_stay_and_big5_is_told_from_gb18030() {
    let world = World::new();
    world.add_user(world.tenant, "mei", Role::Dispatcher);
    let desk = world.admin();
    let people = |table: &str, encoding: &'static encoding_rs::Encoding| {
        send(&desk, "users", encoding.encode(table).0.into_owned())
    };
    let taiwan =
        people("帳號,姓名,角色\na1,林小姐,派遣員\nmei,陳怡君,經理\n", encoding_rs::BIG5).ok(200);
    assert_eq!(taiwan["encoding"], "Big5");
    assert_eq!(rows(&taiwan), [row(2, "created", ""), row(3, "refused", "role_differs")]);
    let china =
        people("账号,姓名,角色,密码\na2,王建国,经理,\na3,李,经理,secret\n", encoding_rs::GB18030);
    let china = china.ok(200);
    assert_eq!(china["encoding"], "gb18030");
    assert_eq!(rows(&china), [row(2, "created", ""), row(3, "refused", "password")]);
    assert!(!china.to_string().contains("secret"), "what may be a password is not repeated");
    let users = desk.get("/v1/users").ok(200)["items"].clone();
    let lin = users.as_array().unwrap().iter().find(|it| it["login"] == "a1").unwrap();
    assert_eq!((&lin["name"], &lin["has_password"]), (&json!("林小姐"), &json!(false)));
}

#[test]
fn vans_are_found_by_their_plate_and_by_name_only_where_that_is_sure() {
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let file = "車輛,車牌,技師,設備\nVan 7,abc-1234,BO,絞盤、充電器\nVan 8,,nobody,\nVan 9,,,\n";
    let report = send(&desk, "vans", file).ok(200);
    assert_eq!(
        rows(&report),
        [row(2, "created", ""), row(3, "refused", "unknown_reference"), row(4, "created", "")]
    );
    let again = "name,plate,in use\nVan Seven,ABC 1234,no\nVan 9,XYZ-1,\nVan Seven,,\n";
    let report = send(&desk, "vans", again).ok(200);
    assert_eq!(rows(&report)[..2], [row(2, "updated", ""), row(3, "updated", "")], "{report}");
    let vans = desk.get("/v1/vans").ok(200)["items"].clone();
    assert_eq!(vans.as_array().unwrap().len(), 3, "{vans}");
    let seven = vans.as_array().unwrap().iter().find(|it| it["name"] == "Van Seven").unwrap();
    assert_eq!((&seven["active"], &seven["technician"]), (&json!(false), &json!(bo)));
    assert_eq!(seven["equipment"], json!(["絞盤", "充電器"]));
    let other = send(&desk, "vans", "name,plate\nVan Seven,QQ-77\n").ok(200);
    assert_eq!(rows(&other), [row(2, "refused", "several")]);
    let other = send(&desk, "vans", "name,plate\nVan 9,QQ-77\n").ok(200);
    assert_eq!(rows(&other), [row(2, "refused", "other_plate")]);
}

#[test]
fn an_import_is_for_those_who_may_write_what_it_writes() {
    let world = World::new();
    world.add_user(world.tenant, "boss", Role::Manager);
    world.add_user(world.tenant, "disp", Role::Dispatcher);
    let (boss, admin) = (world.desk("acme", "boss"), world.admin());
    send(&boss, "parts", "part_no\nA\n").ok(200);
    send(&boss, "users", "login\nbo\n").problem(403, "forbidden");
    send(&world.desk("acme", "disp"), "parts", "part_no\nA\n").problem(403, "forbidden");
    let token = |scopes: Value| {
        let made = admin.post("/v1/tokens", json!({"name": "HR", "scopes": scopes})).ok(201);
        world.anybody().bearer(made["token"].as_str().unwrap())
    };
    send(&token(json!(["users:write"])), "parts", "part_no\nA\n").problem(403, "forbidden");
    let people = "login,name,role\na1,A,administrator\na2,B,manager\n";
    let report = send(&token(json!(["users:write"])), "users", people).ok(200);
    assert_eq!(rows(&report), [row(2, "refused", "not_for_tokens"), row(3, "created", "")]);
    let audit = admin.get("/v1/audit").ok(200);
    let made = audit["items"].as_array().unwrap().iter().find(|it| it["action"] == "user.create");
    assert_eq!(made.unwrap()["detail"], json!({"import": true, "role": "manager", "token": "HR"}));
}

#[test]
fn thousands_of_rows_are_taken_and_nobody_else_waits_for_all_of_them() {
    let world = World::new();
    let desk = world.admin();
    let part = |n: usize| format!("P{n},Part {n},{n},TWD\n");
    let file: String = (0..3000).map(part).collect();
    let report = send(&desk, "parts", format!("part_no,name,price,currency\n{file}")).ok(200);
    assert_eq!(report["counts"]["created"], 3000);
    let more = "A,b,1,TWD\n".repeat(10_001);
    let problem = send(&desk, "parts", format!("part_no,name,price,currency\n{more}"));
    assert_eq!(problem.problem(422, "invalid")["reason"], "rows");
}

#[test]
fn imports_of_one_tenant_wait_for_each_other_and_keep_nobody_else_from_importing() {
    let world = World::with(|config| config.net.request_timeout = Duration::from_secs(6));
    let other = world.add_tenant("other");
    world.add_user(other, "admin", Role::Administrator);
    let (ours, theirs) = (world.admin(), world.desk("other", "admin"));
    let app = world.running().app();
    let share = world.block_on(app.importers.enter(world.tenant)).unwrap();
    let permit = app.imports.try_acquire().unwrap();
    send(&ours, "parts", "part_no\nA\n").problem(503, "overloaded");
    send(&theirs, "parts", "part_no\nA\n").ok(200);
    let next = std::thread::spawn(move || send(&ours, "parts", "part_no\nA\n"));
    drop((share, permit));
    next.join().unwrap().ok(200);
}
