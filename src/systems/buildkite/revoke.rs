//! The removal of one token from the organization: it can never be put back.

use serde::Deserialize;
use serde_json::json;

use super::{
    answers::{self, Trouble},
    description::GRAPHQL,
    documents, list,
};
use crate::{
    access::Account,
    systems::shared::{Conversation, absent, accepted, said},
    wire::{Answer, Ask, Draft, Fault, Judgement, Method, Note, Order, Path, Prepared, Settled, Unreadable},
};

#[derive(Deserialize)]
struct Body {
    data: Option<Data>,
    #[serde(default, rename = "errors")]
    _errors: answers::NoErrors,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    organization_api_access_token_revoke: Option<Payload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    revoked_api_access_token_id: String,
}

/// Walks the list to the token, and drafts its removal. A token cannot be read alone.
pub(super) async fn prepare(ask: &dyn Ask, account: &Account, order: &Order) -> Result<Prepared, Unreadable> {
    let talk = Conversation::new(ask);
    let list = list::walk(&talk, account, Some(&order.entry.id)).await?;
    let Some(entry) = list.entries.into_iter().find(|entry| entry.id == order.entry.id) else {
        return Ok(Prepared::Gone);
    };
    if !entry.is_live() {
        return Ok(Prepared::Gone);
    }
    if order.change(&entry).is_some() {
        return Ok(Prepared::Changed(Box::new(entry)));
    }
    let handle = entry.revoke_handle();
    // The client's own id is only echoed; it makes nothing idempotent.
    let input = json!({ "organizationId": list.whose.id, "apiAccessTokenId": handle, "clientMutationId": entry.id });
    let body = json!({ "query": documents::REVOKE, "variables": { "input": input } });
    Ok(Prepared::Send(Box::new(Draft {
        host: GRAPHQL,
        method: Method::Post,
        path: Path::new(&[])?,
        body: Some(body.to_string().into_bytes()),
        key_header: None,
        generation: None,
        judge: answers::write_judge,
        note: json!({ "organization": list.whose.id, "token": handle }),
    })))
}

/// What the answer to the mutation means. Which error a token that is already gone gets is not documented, so an error
/// without a known class is settled by the list.
pub(super) fn judge(draft: &Draft, answer: &Answer) -> Judgement {
    let note = draft.note.clone();
    let told = match said(&answer.body) {
        Some(said) => format!("HTTP {}, {said}", answer.status),
        None => format!("HTTP {}", answer.status),
    };
    let settled = match (answer.status, answers::trouble(answer)) {
        (200, None) => match revoked(answer) {
            Some(id) if Some(id.as_str()) == note.get("token").and_then(|token| token.as_str()) => {
                return Judgement { settled: Settled::Done(None), note: accepted(note) };
            }
            Some(_) => Settled::Unknown("the answer names another token: the list decides".to_owned()),
            None => Settled::Unknown("the answer does not name the token: the list decides".to_owned()),
        },
        (200, Some(Trouble::Permission)) | (403, _) => Settled::Refused(format!(
            "Buildkite refused; the credential has to be a token with full GraphQL access of an administrator ({told})"
        )),
        (400 | 405 | 422, _) => Settled::Refused(format!("Buildkite refused ({told})")),
        (401, _) | (200, Some(Trouble::Credential)) => {
            Settled::Unknown(format!("Buildkite did not accept the credential ({told}): the list decides"))
        }
        _ => Settled::Unknown(format!("the answer does not say what happened ({told}): the list decides")),
    };
    Judgement { settled, note }
}

fn revoked(answer: &Answer) -> Option<String> {
    let body: Body = serde_json::from_slice(&answer.body).ok()?;
    body.data?.organization_api_access_token_revoke.map(|payload| payload.revoked_api_access_token_id)
}

/// Settles by the list; that the token is not there is said only after all of it.
pub(super) async fn settle(
    ask: &dyn Ask,
    account: &Account,
    order: &Order,
    note: &Note,
) -> Result<Settled, Unreadable> {
    let talk = Conversation::new(ask);
    let list = list::walk(&talk, account, Some(&order.entry.id)).await?;
    if let Some(then) = note.get("organization").and_then(|id| id.as_str())
        && then != list.whose.id
    {
        let what = "another organization answers to this slug than when the removal was sent";
        return Err(Unreadable::new(Fault::WrongAccount, what));
    }
    match list.entries.iter().find(|entry| entry.id == order.entry.id) {
        Some(entry) if entry.is_live() => Ok(Settled::Present),
        _ => Ok(absent(note, None)),
    }
}
