//! The reverse proxy of `docs/deploy.md`, from that very file, and ways to set one up wrong.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mobile_ffi::{NetError, Place, Position, SyncEnd, WalkUp};
use serde_json::json;
use sync_core::id::JobId;
use tests::process::free_address;

use crate::office::{Folder, Office, PASSWORD, Phone, TENANT, Wire};
use crate::tools::{Listening, program};

/// The example of the documents.
const EXAMPLE: &str = include_str!("../../../docs/examples/nginx.conf");
const PATIENCE: Duration = Duration::from_secs(60);

/// nginx in front of a server.
struct Nginx {
    listening: Listening,
    binary: PathBuf,
    folder: Folder,
    /// The server behind it.
    behind: SocketAddr,
}

impl Nginx {
    /// With the example of the documents, in which `change` may spoil something.
    fn before(behind: SocketAddr, change: impl Fn(String) -> String) -> Option<Self> {
        let binary = program("nginx")?;
        let (folder, address) = (Folder::new(), free_address().unwrap());
        std::fs::write(folder.path().join("nginx.conf"), config(&folder, address, behind, &change))
            .unwrap();
        let mut command = Command::new(&binary);
        command.arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf"));
        command.args(["-e", "error.log"]).stderr(Stdio::null());
        let listening = Listening::start(command, address);
        Some(Self { listening, binary, folder, behind })
    }

    fn url(&self) -> String {
        format!("http://{}", self.listening.address)
    }

    /// Puts another set-up in place of the present one, and waits until it is.
    fn change(&self, change: impl Fn(String) -> String) {
        static CHANGES: AtomicUsize = AtomicUsize::new(0);
        let address = self.listening.address;
        // Only the new set-up has this page.
        let page = format!("/changed-{}", CHANGES.fetch_add(1, Ordering::Relaxed));
        let marked = |text: String| {
            let line = format!("location = {page} {{ return 204; }} location / {{");
            change(text).replacen("location / {", &line, 1)
        };
        let old = self.workers();
        let text = config(&self.folder, address, self.behind, &marked);
        std::fs::write(self.folder.path().join("nginx.conf"), text).unwrap();
        let mut command = Command::new(&self.binary);
        command
            .arg("-p")
            .arg(self.folder.path())
            .arg("-c")
            .arg(self.folder.path().join("nginx.conf"));
        let done = command.args(["-e", "error.log", "-s", "reload"]).status().unwrap();
        assert!(done.success());
        let changed = || {
            let agent = ureq::Agent::config_builder().http_status_as_error(false).build();
            let answer =
                ureq::Agent::new_with_config(agent).get(format!("{}{page}", self.url())).call();
            answer.is_ok_and(|answer| answer.status() == 204)
        };
        // Until the workers of the old set-up have ended, they answer on the same address.
        while !changed() || self.workers().iter().any(|worker| old.contains(worker)) {
            std::thread::yield_now();
        }
    }

    fn workers(&self) -> Vec<u32> {
        let master = self.listening.id();
        let children = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children"));
        children.unwrap().split_whitespace().map(|id| id.parse().unwrap()).collect()
    }
}

/// The example with this machine's addresses and without TLS: phones trust no certificate a test can make.
fn config(
    folder: &Folder,
    address: SocketAddr,
    behind: SocketAddr,
    change: &impl Fn(String) -> String,
) -> String {
    let mut example = EXAMPLE.to_owned();
    let mut put = |from: &str, to: &str| {
        assert!(example.contains(from), "the example has no line with {from}");
        example = example.replace(from, to);
    };
    put("server 127.0.0.1:8080;", &format!("server {behind};"));
    put("listen 443 ssl;", &format!("listen {address} default_server;"));
    put("listen 80;", &format!("listen {};", free_address().unwrap()));
    let certificate = |line: &&str| !line.trim_start().starts_with("ssl_certificate");
    let example: Vec<&str> = example.lines().filter(certificate).collect();
    let example = change(example.join("\n"));
    let path = folder.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {path}/{kind};\n"))
        .concat();
    format!(
        "daemon off;\nworker_processes 1;\nworker_shutdown_timeout 1s;\npid {path}/nginx.pid;\nerror_log {path}/error.log;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n{temporary}access_log off;\n{example}\n}}\n"
    )
}

fn office() -> Office {
    Office::with(|config| config.proxy_hops = 1)
}

fn phone(office: &Office, nginx: &Nginx, wire: Wire) -> Phone {
    let user = office.technician(if wire == Wire::Http { "bo" } else { "an" });
    let path = nginx.folder.path().join(format!("{user}.db"));
    Phone::enrolled(&office.admin, &nginx.url(), user, path, wire.connector())
}

fn failed(phone: &Phone) -> NetError {
    match phone.engine.sync_now().unwrap().end {
        SyncEnd::Failed(error) => error,
        end => panic!("{end:?}"),
    }
}

fn is_walk_up(office: &Office, job: JobId) -> bool {
    office.desk.get(&format!("/v1/jobs/{job}")).unwrap().body["walk_up"] == true
}

/// Notes that no compression makes small.
fn long_notes(phone: &Phone, notes: usize) {
    let mut job = phone.engine.walk_up(WalkUp::default()).unwrap();
    for n in 0..notes {
        if n % 9 == 8 {
            job = phone.engine.walk_up(WalkUp::default()).unwrap();
        }
        let bytes: [u8; 3000] = server::clock::random();
        let text = STANDARD.encode(bytes);
        phone.engine.note(job, &text).unwrap();
    }
}

#[test]
fn desk_and_phones_work_through_the_proxy_of_the_documents() {
    let office = office();
    let Some(nginx) = Nginx::before(office.server.addr, |it| it) else { return };
    for wire in [Wire::Http, Wire::WebSocket] {
        let phone = phone(&office, &nginx, wire);
        let job = phone.engine.walk_up(WalkUp::default()).unwrap();
        phone.sync();
        assert!(is_walk_up(&office, job), "{wire:?}");
    }
    let phone = phone_that_listens(&office, &nginx);
    let heard = std::thread::scope(|scope| {
        let listening = scope.spawn(|| phone.engine.wait_for_news(PATIENCE).unwrap());
        phone.sync();
        office.assign(office.job(), phone.engine.status().unwrap().user.unwrap());
        listening.join().unwrap()
    });
    assert_eq!(heard, Some(true), "a socket passes through");
    let desk = tests::rest::Rest::log_in(&nginx.url(), TENANT, "desk", PASSWORD).unwrap();
    assert_eq!(desk.get("/v1/jobs").unwrap().status, 200);
    assert!(desk.get("/metrics").is_err(), "the world reads no counters");
}

fn phone_that_listens(office: &Office, nginx: &Nginx) -> Phone {
    let user = office.technician("li");
    let path = nginx.folder.path().join("listener.db");
    Phone::enrolled(&office.admin, &nginx.url(), user, path, Wire::WebSocket.connector())
}

#[test]
fn a_change_with_the_tag_that_a_compressing_proxy_rewrote_is_made() {
    let office = office();
    let compressing = |example: String| {
        format!("gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;\n{example}")
    };
    let Some(nginx) = Nginx::before(office.server.addr, compressing) else { return };
    let job = office.job();
    let desk = tests::rest::Rest::log_in(&nginx.url(), TENANT, "desk", PASSWORD).unwrap();
    let (url, token) = (format!("{}/v1/jobs/{job}", nginx.url()), desk.token().to_owned());
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build();
    let agent = ureq::Agent::new_with_config(agent);
    let read = agent
        .get(&url)
        .header("authorization", format!("Bearer {token}"))
        .header("accept-encoding", "gzip")
        .call()
        .unwrap();
    let tag = read.headers()["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with("W/"), "nginx compressed: {tag}");
    let change = |tag: &str| {
        agent
            .patch(&url)
            .header("authorization", format!("Bearer {token}"))
            .header("if-match", tag)
            .send_json(json!({"remarks": "behind the church"}))
            .unwrap()
            .status()
    };
    assert_eq!(change(&tag), 200);
    assert_eq!(change(&tag), 412, "it has another version now");
}

#[test]
fn a_phone_cuts_its_pages_to_what_the_proxy_takes() {
    let office = office();
    let small =
        |example: String| example.replace("client_max_body_size 4m", "client_max_body_size 40k");
    let Some(nginx) = Nginx::before(office.server.addr, small) else { return };
    for wire in [Wire::Http, Wire::WebSocket] {
        let phone = phone(&office, &nginx, wire);
        phone.sync();
        long_notes(&phone, 60);
        let place = Place { lat: 250_000_000, lon: 1_210_000_000, accuracy: None, as_said: false };
        let at = |age_ms| Position { place, age_ms, speed: None, heading: None, job: None };
        let trail: Vec<_> = (0..1000).map(|n| at(n * 1000)).collect();
        phone.engine.add_positions(&trail).unwrap();
        let report = phone.engine.sync_now().unwrap();
        assert_eq!(report.end, SyncEnd::UpToDate, "{wire:?}");
        assert_eq!(report.positions, 1000, "{wire:?}");
        assert_eq!(phone.engine.status().unwrap().waiting, 0);
    }
}

#[test]
fn a_page_that_no_cut_makes_small_enough_waits_and_goes_when_the_proxy_takes_it() {
    let office = office();
    let tiny =
        |example: String| example.replace("client_max_body_size 4m", "client_max_body_size 1500");
    let Some(nginx) = Nginx::before(office.server.addr, tiny) else { return };
    let phone = phone(&office, &nginx, Wire::Http);
    phone.sync();
    long_notes(&phone, 3);
    for _ in 0..2 {
        let error = failed(&phone);
        assert_eq!(error.code(), "request_too_large");
        assert!(error.to_string().contains("client_max_body_size"), "{error}");
        assert_eq!(phone.engine.status().unwrap().waiting, 3, "nothing is lost");
    }
    nginx.change(|it| it);
    phone.sync();
    assert_eq!(phone.engine.status().unwrap().waiting, 0);
}

#[test]
fn where_a_proxy_drops_the_upgrade_a_phone_posts_its_frames() {
    let office = office();
    let plain = |example: String| example.replace("proxy_set_header Upgrade $http_upgrade;", "");
    let Some(nginx) = Nginx::before(office.server.addr, plain) else { return };
    let phone = phone(&office, &nginx, Wire::WebSocket);
    let job = phone.engine.walk_up(WalkUp::default()).unwrap();
    phone.sync();
    assert!(is_walk_up(&office, job));
    assert_eq!(phone.engine.wait_for_news(PATIENCE).unwrap(), None, "the app asks by itself");
    phone.engine.note(job, "posted as well").unwrap();
    phone.sync();
}

#[test]
fn a_redirect_of_the_proxy_is_named_and_never_followed() {
    let office = office();
    let Some(nginx) = Nginx::before(office.server.addr, |it| it) else { return };
    for wire in [Wire::Http, Wire::WebSocket] {
        nginx.change(|it| it);
        let phone = phone(&office, &nginx, wire);
        phone.engine.walk_up(WalkUp::default()).unwrap();
        nginx.change(|example| {
            example.replacen(
                "location / {",
                "location /v1/ { return 301 https://$host$request_uri; } location / {",
                1,
            )
        });
        let error = failed(&phone);
        assert_eq!(error.code(), "redirected", "{wire:?}");
        assert!(error.to_string().contains("public_url"), "{error}");
        assert_eq!(phone.engine.status().unwrap().waiting, 1);
        nginx.change(|it| it);
        phone.sync();
    }
}

#[test]
fn a_proxy_that_answers_for_the_server_is_told_from_it() {
    let office = office();
    let Some(nginx) = Nginx::before(office.server.addr, |it| it) else { return };
    let phone = phone(&office, &nginx, Wire::Http);
    phone.engine.walk_up(WalkUp::default()).unwrap();
    let answers = [("404", "not_passed_on"), ("403", "not_passed_on"), ("511", "captive_portal")];
    for (status, code) in answers {
        let line = format!("location /v1/ {{ return {status}; }} location / {{");
        nginx.change(|example| example.replacen("location / {", &line, 1));
        assert_eq!(failed(&phone).code(), code, "{status}");
        assert_eq!(phone.engine.status().unwrap().waiting, 1);
    }
    nginx.change(|example| {
        example.replace(&format!("server {}", office.server.addr), "server 127.0.0.1:1")
    });
    let report = phone.engine.sync_now().unwrap();
    assert!(
        matches!(report.end, SyncEnd::Failed(NetError::Gateway { status: 502, .. })),
        "{report:?}"
    );
    assert!(report.again_in_ms > 0, "and not at once");
    nginx.change(|it| it);
    phone.sync();
}
