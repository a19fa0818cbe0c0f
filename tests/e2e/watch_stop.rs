//! All writing stops at once when the operator says so, and goes on when that is taken back.

use std::fs;

use serde_json::json;

use crate::{
    daemon::{Daemon, every},
    service::{AT_ONCE, appears, house, strays},
};

#[test]
fn a_stop_file_stops_all_writing_until_it_is_gone() {
    let house = house(8, 1, AT_ONCE);
    every(&house, "1s");
    house.edit("portcullis.yaml", "targets:\n", "stop_file: STOP\ntargets:\n");
    house.write("STOP", "");
    let mut daemon = Daemon::start(&house);
    daemon.looked_again("s2", 2);
    assert_eq!(house.writes(), 0);
    assert_eq!(daemon.looks("s2").last().unwrap()["held"], 1, "plans go on");
    fs::remove_file(house.path("STOP")).unwrap();
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    house.write("STOP", "");
    appears(&house, "service/stray-01");
    daemon.until("the new stray to be held", |daemon| daemon.looks("s2").last().unwrap()["held"] == 1);
    daemon.looked_again("s2", 2);
    assert_eq!(house.writes(), 1);
}

#[test]
fn the_environment_stops_all_writing_of_its_process() {
    let house = house(8, 1, AT_ONCE);
    every(&house, "1s");
    let mut command = Daemon::command(&house, &[]);
    command.env("PORTCULLIS_OBSERVE", "1");
    let mut daemon = Daemon::of(command);
    daemon.looked_again("s2", 2);
    assert_eq!(house.writes(), 0);
    let told = daemon.said("all writing is stopped");
    assert_eq!(told.len(), 1, "once: {told:?}");
    assert_eq!((&told[0]["level"], &told[0]["because"]), (&json!("WARN"), &json!("PORTCULLIS_OBSERVE=1 is set")));
    assert_eq!(daemon.stop().0, 0);
    let mut daemon = Daemon::start(&house);
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
}
