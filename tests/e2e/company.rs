//! The company of 60 people, where a run removes at once what nobody declared.

use std::{
    collections::BTreeMap,
    process::{Child, Stdio},
};

use portcullis::sandbox::{Deed, System};

use crate::house::{House, ids};

/// The name of a system's target.
pub fn target(system: System) -> String {
    format!("{}-northlight", system.name())
}

/// It, without a notice and with short settling.
pub fn house() -> House {
    let house = House::company();
    house.edit("portcullis.yaml", "guards: { notice: 0h }", "guards: { notice: 0h }\n    settle: 1s");
    house
}

/// What was planned, by system.
pub type Planned = BTreeMap<System, Vec<String>>;

/// What a plan says now.
pub fn planned(house: &House) -> Planned {
    let plan = house.plan(&[]);
    System::ALL.map(|system| (system, ids(&plan, &target(system), "change"))).into()
}

/// `apply` in the background.
pub fn begin(house: &House, args: &[&str]) -> Child {
    let mut command = house.command(&[&["apply", "--yes", "--new-journal"], args].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// How often the servers did this to each entry; for AccessOwl its removal is asked for, elsewhere it is done at once.
pub fn done(house: &House, system: System) -> BTreeMap<String, usize> {
    let deed = if system == System::AccessOwl { Deed::Requested } else { Deed::Removed };
    let mut done = BTreeMap::new();
    for changed in house.sandbox.record().changes() {
        if changed.system == system && changed.effect.action == deed {
            *done.entry(changed.effect.id).or_default() += 1;
        }
    }
    done
}
