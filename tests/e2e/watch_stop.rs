//! All writing stops at once when the operator says so, and goes on when that is taken back.

use std::fs;

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
    let mut command =
        house.command(&["watch", "--listen", "127.0.0.1:0", "--new-journal", "-v", "--log-format", "json"]);
    command.env("PORTCULLIS_OBSERVE", "1");
    let mut daemon = Daemon::of(command);
    daemon.looked_again("s2", 2);
    assert_eq!(house.writes(), 0);
    assert_eq!(daemon.stop().0, 0);
    let mut daemon = Daemon::start(&house);
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
}
