//! Northlight's Aitronos: four assistants, three slices, one store, and who may use them.

use super::{days_ago, employees, in_groups};
use crate::sandbox::aitronos::{Assistant, Department, Grant, Role, Slice, State, User};

const ORGANIZATION: &str = "org_northlight";

/// Entity, grantee and level of each grant.
const GRANTS: &[(&str, &str, &str)] = &[
    ("assistant/asst_support", "department/dept_support", "write"),
    ("assistant/asst_support", "user/usr_fiona", "admin"),
    ("assistant/asst_release", "department/dept_engineering", "write"),
    ("assistant/asst_release", "user/usr_anna", "admin"),
    ("assistant/asst_sales", "department/dept_sales", "write"),
    ("assistant/asst_sales", "user/usr_lena", "admin"),
    ("assistant/asst_data", "role/role_analyst", "write"),
    ("assistant/asst_data", "user/usr_pavel", "admin"),
    ("knowledge_slice/kslice_handbook", "department/dept_support", "read"),
    ("knowledge_slice/kslice_handbook", "department/dept_engineering", "read"),
    ("knowledge_slice/kslice_handbook", "department/dept_sales", "read"),
    ("knowledge_slice/kslice_handbook", "department/dept_marketing", "read"),
    ("knowledge_slice/kslice_handbook", "department/dept_operations", "read"),
    ("knowledge_slice/kslice_handbook", "user/usr_wanda", "admin"),
    ("knowledge_slice/kslice_pricing", "department/dept_sales", "write"),
    ("knowledge_slice/kslice_pricing", "user/usr_lena", "admin"),
    ("knowledge_slice/kslice_pricing", "user/usr_adam", "read"),
    ("knowledge_slice/kslice_pricing", "user/usr_bella", "read"),
    ("knowledge_slice/kslice_incidents", "user/usr_anna", "admin"),
    ("knowledge_slice/kslice_incidents", "user/usr_priya", "write"),
    ("knowledge_slice/kslice_incidents", "user/usr_jonas", "write"),
    ("knowledge_slice/kslice_incidents", "user/usr_mei", "write"),
    ("vector_store/vs_code", "department/dept_engineering", "read"),
    ("vector_store/vs_code", "user/usr_tomas", "admin"),
    ("vector_store/vs_code", "user/usr_ben", "write"),
    ("vector_store/vs_code", "user/usr_chloe", "write"),
    ("vector_store/vs_code", "user/usr_david", "write"),
    // Declared, with an end that has passed.
    ("assistant/asst_release", "user/usr_hugo", "write"),
    // What nobody declares: one for a person, one for a whole department.
    ("knowledge_slice/kslice_pricing", "user/usr_marco", "admin"),
    ("knowledge_slice/kslice_pricing", "department/dept_marketing", "read"),
];

pub(super) fn state() -> State {
    let mut state = State::empty(ORGANIZATION);
    for person in employees().into_iter().filter(|person| !person.group.is_empty()) {
        // Lena signed up with another address; the people file knows her by her user id.
        let email = if person.key == "lena" { "l.braun@sales.example".to_owned() } else { person.email };
        let full_name = format!("{} {}", person.first, person.last);
        state.users.push(User { id: format!("usr_{}", person.key), email, full_name, deleted: false });
    }
    let members = |groups: &[&str]| in_groups(groups).into_iter().map(|key| format!("usr_{key}")).collect();
    for (name, groups) in [
        ("Support", &["support"][..]),
        ("Engineering", &["platform", "product-engineering", "data"]),
        ("Sales", &["sales"]),
        ("Marketing", &["marketing"]),
        ("Operations", &["operations"]),
    ] {
        let id = format!("dept_{}", name.to_lowercase());
        state.departments.push(Department { id, name: name.to_owned(), members: members(groups) });
    }
    let analysts = members(&["data"]);
    state.roles.push(Role { id: "role_analyst".to_owned(), name: "Analyst".to_owned(), members: analysts });
    for (id, name) in [
        ("asst_support", "Support Desk"),
        ("asst_release", "Release Notes"),
        ("asst_sales", "Sales Coach"),
        ("asst_data", "Data Explorer"),
    ] {
        let access_mode = "private".to_owned();
        state.assistants.push(Assistant { id: id.to_owned(), name: name.to_owned(), access_mode, created_by: None });
    }
    for (id, name, members) in [
        ("kslice_handbook", "Handbook", &[][..]),
        ("kslice_pricing", "Pricing", &[]),
        ("kslice_incidents", "Incident reports", &[]),
        ("kslice_company", "Company knowledge", &["kslice_handbook", "kslice_pricing"]),
    ] {
        let members = members.iter().map(|&id: &&str| id.to_owned()).collect();
        state.slices.push(Slice { id: id.to_owned(), name: name.to_owned(), members });
    }
    for (number, (entity, grantee, level)) in (1..).zip(GRANTS) {
        let split = |typed: &str| typed.split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap_or_default();
        let ((entity_type, entity_id), (grantee_type, grantee_id)) = (split(entity), split(grantee));
        let id = format!("agrant_{number:06}");
        let access_level = (*level).to_owned();
        let created_at = days_ago(200 - number);
        state.grants.push(Grant { id, entity_type, entity_id, grantee_type, grantee_id, access_level, created_at });
    }
    state
}
