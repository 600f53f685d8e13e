//! The columns of each kind of file, and the names under which spreadsheets have them: English,
//! traditional and simplified Chinese. Case, spaces and punctuation of a header do not matter.

use super::Kind;

/// A column that is read.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Its own name, which is always known.
    pub key: &'static str,
    /// Other names of it.
    pub names: &'static [&'static str],
}

const fn column(key: &'static str, names: &'static [&'static str]) -> Column {
    Column { key, names }
}

const LOGIN: &[&str] =
    &["user", "username", "account", "帳號", "登入帳號", "使用者帳號", "账号", "登录名", "用户名"];
const CODE: &[&str] = &[
    "user",
    "username",
    "account",
    "code",
    "technician",
    "technician code",
    "employee no",
    "employee number",
    "staff no",
    "帳號",
    "登入帳號",
    "工號",
    "員工編號",
    "技師編號",
    "账号",
    "登录名",
    "用户名",
    "工号",
    "员工编号",
    "技师编号",
];
const NAME: &[&str] = &["full name", "姓名", "名字"];
const BRANCH: &[&str] =
    &["store", "dealer", "分店", "門市", "據點", "分公司", "门店", "网点", "所属门店"];
const LANGUAGE: &[&str] = &["lang", "語言", "语言"];
const ACTIVE: &[&str] = &["in use", "啟用", "使用中", "启用", "在用"];

const USERS: &[Column] = &[
    column("login", LOGIN),
    column("name", NAME),
    column("role", &["角色", "職務", "职务", "身分", "身份"]),
    column("branch", BRANCH),
    column("language", LANGUAGE),
    column("password", &["密碼", "密码"]),
];

const TECHNICIANS: &[Column] = &[
    column("login", CODE),
    column("name", NAME),
    column(
        "phone",
        &[
            "mobile",
            "telephone",
            "tel",
            "cell",
            "phone number",
            "電話",
            "手機",
            "行動電話",
            "聯絡電話",
            "連絡電話",
            "电话",
            "手机",
            "手机号",
            "联系电话",
        ],
    ),
    column("branch", BRANCH),
    column(
        "provider",
        &[
            "company",
            "contractor",
            "vendor",
            "協力廠商",
            "外包公司",
            "廠商",
            "服务商",
            "外包商",
            "供应商",
        ],
    ),
    column("language", LANGUAGE),
    column("password", &["密碼", "密码"]),
];

const VANS: &[Column] = &[
    column(
        "name",
        &["van", "van code", "code", "名稱", "車輛", "車輛編號", "名称", "车辆", "车辆编号"],
    ),
    column(
        "plate",
        &[
            "licence plate",
            "license plate",
            "registration",
            "車牌",
            "車號",
            "車牌號碼",
            "车牌",
            "车牌号",
            "车牌号码",
        ],
    ),
    column("branch", BRANCH),
    column("technician", &["driver", "login", "技師", "駕駛", "司機", "技师", "司机", "驾驶员"]),
    column("equipment", &["設備", "裝備", "设备", "装备"]),
    column("active", ACTIVE),
];

const PARTS: &[Column] = &[
    column(
        "part_no",
        &[
            "part number",
            "part",
            "item no",
            "sku",
            "料號",
            "零件編號",
            "零件號",
            "品號",
            "料号",
            "零件编号",
            "零件号",
            "配件编号",
            "配件号",
        ],
    ),
    column(
        "description",
        &[
            "name",
            "item",
            "part name",
            "品名",
            "名稱",
            "零件名稱",
            "說明",
            "名称",
            "零件名称",
            "配件名称",
            "说明",
            "描述",
        ],
    ),
    column("unit", &["uom", "單位", "单位"]),
    column("price", &["單價", "售價", "價格", "单价", "售价", "价格"]),
    column("price_minor", &[]),
    column("currency", &["幣別", "貨幣", "幣種", "币种", "货币", "币别"]),
    column("tax", &["tax rate", "tax percent", "vat", "稅率", "税率"]),
    column("active", ACTIVE),
];

/// The columns of a kind.
pub fn of(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Technicians => TECHNICIANS,
        Kind::Vans => VANS,
        Kind::Parts => PARTS,
        Kind::Users => USERS,
    }
}

/// Columns of which a file needs one.
pub fn needed(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Technicians | Kind::Users => &["login"],
        Kind::Vans => &["plate", "name"],
        Kind::Parts => &["part_no"],
    }
}

/// The column that a header names.
pub fn find(kind: Kind, header: &str) -> Option<&'static Column> {
    let header = plain(header);
    let names = |column: &Column| {
        plain(column.key) == header || column.names.iter().any(|name| plain(name) == header)
    };
    of(kind).iter().find(|column| names(column))
}

/// Why a header that could mean two things is not taken.
pub fn ambiguous(kind: Kind, header: &str) -> Option<&'static str> {
    let is_price = kind == Kind::Parts && plain(header) == "unitprice";
    is_price.then_some(
        "it is not clear in which unit the price is. Call it price for an amount as people write it \
         (320.50), or price_minor for minor units as the API has them (32050).",
    )
}

/// A header without case, width, spaces and punctuation.
fn plain(header: &str) -> String {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xff01 + 0x21).unwrap_or(c),
        other => other,
    };
    let narrow = header.chars().map(narrow).filter(|c| c.is_alphanumeric());
    narrow.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_known_by_its_names_in_three_languages_however_they_are_written() {
        for (kind, header, key) in [
            (Kind::Users, " User-Name ", "login"),
            (Kind::Users, "ＬＯＧＩＮ*", "login"),
            (Kind::Technicians, "行動電話", "phone"),
            (Kind::Technicians, "手机", "phone"),
            (Kind::Vans, "車牌號碼：", "plate"),
            (Kind::Parts, "Part No.", "part_no"),
            (Kind::Parts, "单价", "price"),
        ] {
            assert_eq!(find(kind, header).map(|column| column.key), Some(key), "{header}");
        }
        assert_eq!(find(Kind::Parts, "colour"), None);
    }

    #[test]
    fn no_name_means_two_columns_of_a_kind() {
        for kind in Kind::ALL {
            let mut all: Vec<String> = of(kind)
                .iter()
                .flat_map(|column| column.names.iter().chain([&column.key]).map(|name| plain(name)))
                .collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{kind:?}");
        }
    }
}
