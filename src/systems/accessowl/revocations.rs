//! Revocations and which access state each of them means.
//!
//! AccessOwl's record of a revocation does not name its state. It can only be tied to one by application, person, resource
//! and the whole set of permissions; where the record leaves one of these out, it may mean any state that agrees in the rest.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::{
    access::Text,
    systems::shared::{Conversation, Heard, Pages, Str, moment, present},
    wire::Unreadable,
};

use super::{
    claims::{Claims, Sought},
    list::{List, Page, walk},
    states::State,
};

/// By how much a state's end may lie before the request that led to it: ends are cut off to seconds or minutes, and clocks of
/// one vendor differ. What had ended is not asked to end, so an end so near to a request is its answer.
const END_SLACK: SignedDuration = SignedDuration::from_mins(1);

/// How far a revocation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// AccessOwl or an administrator still has to do it.
    Processing,
    /// It will not be done; the access remains.
    Rejected,
    /// It is said to be done; proof is the state's end.
    Revoked,
}

/// One revocation.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// Its id.
    pub id: Text,
    /// How far it is.
    pub status: Status,
    /// When it was asked for.
    pub asked_at: Option<Timestamp>,
    /// Whether an administrator of the application has to do it by hand.
    pub by_hand: bool,
    /// Whether AccessOwl says that it carries it out itself.
    pub automatic: bool,
    pub(super) application: Text,
    user: Option<Text>,
    // The outer `None`: the record does not tell.
    pub(super) resource: Option<Option<Text>>,
    permissions: Option<Vec<Text>>,
}

/// A revocation's record, as far as it matters here.
#[derive(Deserialize)]
pub struct Row<'a> {
    #[serde(borrow)]
    id: Str<'a>,
    #[serde(borrow)]
    application_id: Str<'a>,
    #[serde(borrow)]
    status: Str<'a>,
    #[serde(borrow, default)]
    grantee_user_id: Option<Str<'a>>,
    #[serde(borrow, default)]
    inserted_at: Option<Str<'a>>,
    #[serde(borrow, default)]
    provisioning_type: Option<Str<'a>>,
    #[serde(borrow, default, deserialize_with = "told")]
    resource_id: Option<Option<Str<'a>>>,
    #[serde(borrow, default, deserialize_with = "told")]
    permission_ids: Option<Option<Vec<Str<'a>>>>,
}

/// Keeps a missing key and null apart: `None` and `Some(None)`.
fn told<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    present(deserializer).map(Some)
}

impl Row<'_> {
    /// The revocation.
    ///
    /// # Errors
    /// A status or a time that is not known.
    pub fn read(&self) -> Result<Revocation, Unreadable> {
        let status = match self.status.as_str() {
            "processing_access" => Status::Processing,
            "rejected" => Status::Rejected,
            "revoked" => Status::Revoked,
            _ => {
                let what = format!("the revocation {:?} has a status that is not known", self.id.as_str());
                return Err(Unreadable::new(crate::wire::Fault::Malformed, what));
            }
        };
        let asked_at = self.inserted_at.as_ref().map(|at| moment("inserted_at", at.as_str())).transpose()?;
        let text = |text: &Str<'_>| Text::new(text.as_str());
        let provisioned = |way: &str| self.provisioning_type.as_ref().is_some_and(|kind| kind.as_str() == way);
        Ok(Revocation {
            id: text(&self.id),
            status,
            asked_at,
            by_hand: provisioned("application_admin"),
            automatic: provisioned("automatic"),
            application: text(&self.application_id),
            user: self.grantee_user_id.as_ref().map(text),
            resource: self.resource_id.as_ref().map(|id| id.as_ref().map(text)),
            permissions: self.permission_ids.as_ref().map(|ids| {
                let mut ids: Vec<Text> = ids.iter().flatten().map(text).collect();
                ids.sort_unstable();
                ids.dedup();
                ids
            }),
        })
    }
}

impl Revocation {
    /// Whether it means this state or may mean it. Its reason does not matter: others revoke too.
    pub fn may_mean(&self, state: &State) -> bool {
        let user = state.user.as_ref().map(|user| &user.id);
        self.application == state.application
            && (self.user.is_none() || self.user.as_ref() == user)
            && self.resource.as_ref().is_none_or(|resource| *resource == state.resource)
            && self
                .permissions
                .as_ref()
                .is_none_or(|ids| ids.iter().eq(state.permissions.iter().map(|permission| &permission.id)))
    }

    /// Whether it was asked for in this life of the state: a state that began later is a new life.
    pub(super) fn is_of_this_life(&self, state: &State) -> bool {
        self.asked_at.is_none_or(|at| state.start <= at)
    }

    /// Whether it can have brought this end about.
    pub(super) fn may_have_led_to(&self, end: Timestamp) -> bool {
        self.asked_at.is_none_or(|asked| asked.duration_since(end) <= END_SLACK)
    }
}

/// Lists revocations, all of them or those of a person and an application. `None` where the API has no such list.
///
/// # Errors
/// The list is not whole.
pub async fn list(
    conversation: &Conversation<'_>,
    application: Option<&str>,
    user: Option<&str>,
) -> Result<Option<Revocations>, Unreadable> {
    let mut query = Vec::new();
    query.extend(user.map(|id| ("user_id", id)));
    query.extend(application.map(|id| ("application_id", id)));
    let wanted = List { rows: "revocations", path: "access_revocations", query, optional: true };
    let take = |revocations: &mut Revocations, heard: &Heard, pages: &mut Pages| {
        let page: Page<'_, Row<'_>> = heard.json()?;
        for row in &page.data {
            let revocation = row.read()?;
            pages.id(&revocation.id)?;
            revocations.add(revocation);
        }
        page.turn(pages)
    };
    Ok(walk(conversation, wanted, take).await?.map(|(revocations, _)| revocations))
}

/// Revocations by application and person.
#[derive(Debug, Default)]
pub struct Revocations {
    by_holder: HashMap<(Text, Option<Text>), Vec<Revocation>>,
}

/// What the listed revocations say of one active state.
#[derive(Debug, Default)]
pub struct Standing<'r> {
    /// Every revocation that means it or may mean it.
    pub all: Vec<&'r Revocation>,
    /// One under way, or done while the state has not ended.
    pub in_flight: Option<&'r Revocation>,
    /// The rejections in this life: those that may be another account's first, each kind by its time.
    pub rejections: Vec<Rejection<'r>>,
    /// How many are closed, rejected or done.
    pub closed: u32,
}

/// A revocation that was rejected.
#[derive(Debug)]
pub struct Rejection<'r> {
    /// The revocation.
    pub revocation: &'r Revocation,
    /// Whether it may as well have meant another account without a person.
    pub in_doubt: bool,
}

impl Rejection<'_> {
    /// Why nothing goes, in words of ours.
    pub fn why(&self) -> String {
        match self.in_doubt {
            true => "a revocation that may be another account's was rejected".to_owned(),
            false => self.revocation.refusal(),
        }
    }
}

impl<'r> Standing<'r> {
    /// The rejection that stands: the latest, and one that is certain before one that is not.
    pub fn rejected(&self) -> Option<&Rejection<'r>> {
        self.rejections.last()
    }
}

impl Revocations {
    fn add(&mut self, revocation: Revocation) {
        self.by_holder.entry((revocation.application.clone(), revocation.user.clone())).or_default().push(revocation);
    }

    /// Every revocation that means this state or may mean it.
    pub fn of(&self, state: &State) -> Vec<&Revocation> {
        let user = state.user.as_ref().map(|user| user.id.clone());
        let mut holders = vec![(state.application.clone(), None)];
        if user.is_some() {
            holders.push((state.application.clone(), user));
        }
        let found = holders.iter().filter_map(|holder| self.by_holder.get(holder)).flatten();
        found.filter(|revocation| revocation.may_mean(state)).collect()
    }

    /// What those mean that name no person, among these states: all that they could mean. What fits several as well is
    /// taken for the one that is `sought`.
    pub fn claims<'r>(&'r self, states: &[State], sought: Option<Sought<'_>>) -> Claims<'r> {
        let unnamed = self.by_holder.iter().filter(|((_, user), _)| user.is_none());
        Claims::new(unnamed.flat_map(|(_, revocations)| revocations).collect(), states, sought)
    }

    /// What they say of an active state. `twins` are states of the same holder that have ended: a revocation that is done
    /// and whose own state has ended says nothing of another one with the same look. One that does not tell when it was asked
    /// for can have meant any of these; where it can have meant none, it is taken for this state's, so that nothing is sent
    /// twice. Of those that name no person only what `claims` has for it counts.
    pub fn standing<'r>(&'r self, state: &State, twins: &[&State], claims: &Claims<'r>) -> Standing<'r> {
        let all = self.of(state);
        let unnamed = claims.of(state);
        let is_meant = |revocation: &Revocation| {
            revocation.user.is_some() || unnamed.iter().any(|claimed| claimed.id == revocation.id)
        };
        // Nothing tells accounts without a person apart: a try for one of them is counted as a try for each.
        let counts = |revocation: &Revocation| state.user.is_none() || is_meant(revocation);
        let closed = all.iter().filter(|one| one.status != Status::Processing && counts(one)).count();
        let named = || all.iter().copied().filter(|one| one.user.is_some() && one.is_of_this_life(state));
        let ours = || named().chain(unnamed.iter().copied());
        let processing = ours().find(|revocation| revocation.status == Status::Processing);
        let mut done: Vec<&Revocation> = named().filter(|revocation| revocation.status == Status::Revoked).collect();
        // Those without a time fit every twin, so they come last and take what is left.
        done.sort_by_key(|revocation| std::cmp::Reverse(revocation.asked_at));
        let mut ends: Vec<(Timestamp, &State)> =
            twins.iter().filter_map(|twin| Some((twin.end?, *twin))).filter(|(_, twin)| twin.id != state.id).collect();
        let unanswered = done.into_iter().find(|revocation| {
            let claimed = ends.iter().position(|(end, twin)| {
                revocation.may_mean(twin) && revocation.is_of_this_life(twin) && revocation.may_have_led_to(*end)
            });
            match claimed {
                Some(at) => {
                    ends.swap_remove(at);
                    false
                }
                None => true,
            }
        });
        let unanswered = unanswered.or_else(|| unnamed.iter().copied().find(|one| one.status == Status::Revoked));
        let rejected = ours().filter(|revocation| revocation.status == Status::Rejected);
        let mut rejections: Vec<Rejection<'r>> =
            rejected.map(|revocation| Rejection { revocation, in_doubt: claims.is_in_doubt(revocation) }).collect();
        rejections.sort_by_key(|rejection| (!rejection.in_doubt, rejection.revocation.asked_at));
        Standing {
            in_flight: processing.or(unanswered),
            rejections,
            closed: u32::try_from(closed).unwrap_or(u32::MAX),
            all,
        }
    }
}

impl Revocation {
    /// What is waited for, in words of ours.
    pub fn waits_for(&self) -> &'static str {
        match (self.status, self.by_hand) {
            (Status::Processing, true) => "a revocation waits for an administrator of the application",
            (Status::Processing, false) => "AccessOwl is carrying a revocation out",
            (Status::Revoked, _) => "a revocation is done, and the access has not ended yet",
            (Status::Rejected, _) => "a revocation was rejected",
        }
    }

    /// Why it is refused, in words of ours.
    pub fn refusal(&self) -> String {
        match self.asked_at {
            Some(at) => format!("AccessOwl lists the revocation of {} as rejected", at.strftime("%Y-%m-%d")),
            None => "AccessOwl lists a revocation of it as rejected".to_owned(),
        }
    }
}
