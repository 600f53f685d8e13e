//! The words of made-up people, vehicles, places and remarks, in three languages.

use super::Language;
use crate::random::Random;

/// A person's name as it is written in a language. All of them are invented.
pub(super) fn person(language: Language, random: &mut Random) -> String {
    match language {
        Language::Traditional => {
            const FAMILY: [&str; 12] =
                ["陳", "林", "黃", "張", "李", "王", "吳", "劉", "蔡", "楊", "許", "鄭"];
            const GIVEN: [&str; 12] = [
                "志明", "俊傑", "建宏", "家豪", "淑芬", "雅婷", "怡君", "冠宇", "承翰", "美玲",
                "宗翰", "佩珊",
            ];
            format!("{}{}", random.pick(&FAMILY), random.pick(&GIVEN))
        }
        Language::Simplified => {
            const FAMILY: [&str; 10] = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴"];
            const GIVEN: [&str; 12] = [
                "伟", "强", "建国", "志强", "秀英", "丽", "敏", "涛", "明", "晓东", "海燕", "浩然",
            ];
            format!("{}{}", random.pick(&FAMILY), random.pick(&GIVEN))
        }
        Language::English => {
            const GIVEN: [&str; 12] = [
                "Alice", "Ben", "Carla", "David", "Elena", "Frank", "Grace", "Hugo", "Irene",
                "Jack", "Nora", "Sam",
            ];
            const FAMILY: [&str; 12] = [
                "Baker", "Cruz", "Doyle", "Evans", "Fischer", "Grant", "Hayes", "Kim", "Lopez",
                "Novak", "Shaw", "Wood",
            ];
            format!("{} {}", random.pick(&GIVEN), random.pick(&FAMILY))
        }
    }
}

/// A mobile number in E.164.
pub(super) fn phone(language: Language, random: &mut Random) -> String {
    match language {
        Language::Traditional => format!("+8869{:08}", random.between(10_000_000, 90_000_000)),
        Language::Simplified => format!("+86138{:08}", random.between(0, 100_000_000)),
        Language::English => format!("+1215555{:04}", random.between(100, 200)),
    }
}

/// A licence plate.
pub(super) fn plate(random: &mut Random) -> String {
    let mut letter = || char::from(b'A' + random.between(0, 26) as u8);
    let letters: String = (0..3).map(|_| letter()).collect();
    format!("{letters}-{:04}", random.between(0, 10_000))
}

/// Make, model and colour.
pub(super) fn vehicle(language: Language, random: &mut Random) -> String {
    const CARS: [&str; 10] = [
        "Toyota Corolla",
        "Honda CR-V",
        "Nissan X-Trail",
        "Ford Focus",
        "VW Golf",
        "BMW 320i",
        "Mazda 3",
        "Hyundai Tucson",
        "Tesla Model 3",
        "Kia Sportage",
    ];
    let colours = match language {
        Language::Traditional => ["白色", "黑色", "銀色", "紅色"],
        Language::Simplified => ["白色", "黑色", "银色", "红色"],
        Language::English => ["white", "black", "silver", "red"],
    };
    format!("{}, {}", random.pick(&CARS), random.pick(&colours))
}

/// An address in words.
pub(super) fn address(language: Language, random: &mut Random) -> String {
    let (number, km) = (random.between(1, 400), random.between(1, 370));
    match (language, random.percent(40)) {
        (Language::Traditional, true) => format!("國道一號北上 {km} 公里"),
        (Language::Traditional, false) => {
            let road = random.pick(&["中山路", "民生東路", "復興南路", "忠孝東路", "濱海公路"]);
            format!("{road}{number}號")
        }
        (Language::Simplified, true) => format!("沪宁高速 {km} 公里处"),
        (Language::Simplified, false) => {
            format!("{}{number}号", random.pick(&["人民路", "解放路", "建设路", "长江路"]))
        }
        (Language::English, true) => format!("Highway 1 northbound, km {km}"),
        (Language::English, false) => {
            format!("{number} {}", random.pick(&["Main Street", "Harbour Road", "Mill Lane"]))
        }
    }
}

/// A remark a technician leaves.
pub(super) fn remark(language: Language, random: &mut Random) -> String {
    let remarks: [&str; 4] = match language {
        Language::Traditional => [
            "現場在隧道內，沒有訊號。",
            "客戶表示上週也發生過同樣狀況。",
            "建議進廠檢查充電系統。",
            "路肩狹窄，已放置三角錐。",
        ],
        Language::Simplified => [
            "现场没有信号，回到主路后上传。",
            "客户要求先电话联系家人。",
            "建议到店检查刹车片。",
            "车辆已移至安全区域。",
        ],
        Language::English => [
            "No signal on scene, sent from the main road.",
            "Customer says it happened last week too.",
            "Recommended a check of the charging system.",
            "Narrow shoulder, cones set out.",
        ],
    };
    (*random.pick(&remarks)).to_owned()
}

/// What was found, why, and what was done about a problem.
pub(super) fn findings(problem: &str) -> [&'static str; 3] {
    match problem {
        "flat_tyre" => ["left front tyre flat", "nail in the tread", "wheel changed"],
        "battery" | "no_start" => ["does not crank", "battery at 10.2 V", "battery replaced"],
        "lockout" => ["keys inside", "door locked itself", "door opened without damage"],
        "fuel" => ["tank empty", "gauge stuck", "ten litres filled in"],
        "overheating" => ["coolant lost", "hose burst", "hose replaced and refilled"],
        "brakes" => ["pedal soft", "brake hose leaking", "made safe for towing"],
        "accident" => ["front damaged", "collision", "made safe and cleared"],
        _ => ["vehicle does not move", "not clear on the road", "made safe"],
    }
}
