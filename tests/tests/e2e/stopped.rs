//! A server that is asked to stop stops in order, however soon after it said that it listens.

use tests::process::Launch;

use crate::office::Folder;

#[test]
fn a_server_that_is_asked_to_stop_as_soon_as_it_listens_stops_in_order() {
    let folder = Folder::new();
    for _ in 0..10 {
        let mut server = Launch::on(folder.path()).start().unwrap();
        server.listens().unwrap();
        server.stop().unwrap();
    }
    let wal = folder.path().join("towline.db-wal");
    assert!(!wal.exists(), "the database was closed");
}
