//! What a look sees of links, swaps, and what is not there.
#![cfg(unix)]

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        // The temporary directory may itself lie behind a link.
        fs::canonicalize(self.0.path()).unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), text).unwrap();
    }

    fn link(&self, to: &str, name: &str) {
        let new = self.at(&format!("{name}.new"));
        symlink(to, &new).unwrap();
        fs::rename(new, self.at(name)).unwrap();
    }

    fn watched(&self) -> Watched {
        Watched { files: vec![self.at("people.yaml")], trees: vec![self.at("policies")] }
    }

    fn survey(&self) -> Survey {
        survey(&self.watched())
    }
}

#[test]
fn every_way_to_change_a_file_changes_the_stamp_and_nothing_beside_it_does() {
    let place = Place::new();
    place.write("policies/team/a.yaml", "a");
    place.write("people.yaml", "p");
    let mut before = place.survey().stamp;
    assert_eq!(before, place.survey().stamp);
    for beside in ["policies/.a.yaml.swp", "policies/.portcullis/journal.db", "journal.db", "policies2/a.yaml"] {
        place.write(beside, "x");
    }
    // The directory itself changed in time with what was written in it.
    before = place.survey().stamp.max(before).min(place.survey().stamp);
    let mut changed = |what: &str| {
        let now = place.survey().stamp;
        assert_ne!(std::mem::replace(&mut before, now), now, "{what}");
    };
    place.write("policies/team/a.yaml", "ab");
    changed("rewritten");
    place.write("new", "ab");
    fs::rename(place.at("new"), place.at("policies/team/a.yaml")).unwrap();
    changed("replaced by one of equal size");
    place.write("policies/b.yaml", "");
    changed("added");
    fs::remove_file(place.at("policies/b.yaml")).unwrap();
    changed("removed");
    fs::rename(place.at("policies"), place.at("old")).unwrap();
    changed("moved away");
    place.write("policies/team/a.yaml", "ab");
    changed("back as another one");
    fs::remove_file(place.at("people.yaml")).unwrap();
    changed("the people file is gone");
}

#[test]
fn links_are_followed_and_the_directories_of_links_tell_of_a_swap() {
    let place = Place::new();
    place.write("git/trees/one/policies/a.yaml", "1");
    place.write("git/trees/two/policies/a.yaml", "1");
    place.link("trees/one", "git/current");
    place.link("git/current/policies", "policies");
    place.link("git/current/../people.yaml", "people.yaml");
    let one = place.survey();
    assert_eq!(
        one.real,
        [None, Some(place.at("git/trees/one/policies"))],
        "`..` after a link goes up from where it leads"
    );
    let names = |directory: &str| one.named.get(&place.at(directory)).cloned().unwrap_or_default();
    assert!(names("git").contains(OsStr::new("current")));
    assert!(names("").contains(OsStr::new("policies")));
    assert!(names("git/trees").contains(OsStr::new("people.yaml")), "where the missing file would come up");
    assert!(names("git/trees").contains(OsStr::new("one")), "a directory on the way may be swapped, too");
    assert_eq!(one.whole, [place.at("git/trees/one/policies")].into());
    assert!(one.concerns(&place.at("git/current")) && one.concerns(&place.at("git/trees/one/policies/b.yaml")));
    assert!(!one.concerns(&place.at("git/other")) && !one.concerns(&place.at("journal.db")));
    place.link("trees/two", "git/current");
    assert_ne!(place.survey().stamp, one.stamp);
}

#[test]
fn a_config_map_is_seen_through_its_links() {
    let place = Place::new();
    place.write("policies/..1/a.yaml", "1");
    place.write("policies/..2/a.yaml", "1");
    place.link("..1", "policies/..data");
    place.link("..data/a.yaml", "policies/a.yaml");
    let one = place.survey();
    place.link("..2", "policies/..data");
    assert_ne!(place.survey().stamp, one.stamp, "the same name, the same size, another file");
}

#[test]
fn loops_and_depth_end() {
    let place = Place::new();
    place.link("loop", "policies");
    place.link("policies", "loop");
    assert_eq!(place.survey().real, [None, None]);
    let deep = vec!["d"; 3 * MAX_DEPTH].join("/");
    place.write(&format!("deep/{deep}/a.yaml"), "");
    place.link(".", "deep/self");
    let seen = survey(&Watched { files: Vec::new(), trees: vec![place.at("deep")] });
    assert_eq!(seen.whole.len(), MAX_DEPTH + 1);
}
