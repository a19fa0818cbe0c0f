//! The last good tree of files of each target, beside the chain: so that an end that was in it still comes when the daemon begins
//! anew on files that are broken.
//!
//! The files are kept whole. Digests and dates would not do: whether an entry was wanted gone is told by everything that the
//! tree said of it, in whichever file, under whichever of its names: a hold, or a second declaration without an end.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::{Journal, JournalError, problem::storage, writer::Work};
use crate::access::Text;

/// Rows a statement, see [`super::observed`].
const CHUNK: usize = 500;

/// The last good tree, as far as one target goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoodTree {
    /// Digest of the people file; empty where there is none.
    pub people: Text,
    /// Digest of what the operator says of the target: which account it is, and what may never go of it.
    pub account: Text,
    /// Digest of what the files mean together.
    pub meaning: Text,
    /// Digest of each policy file that names the target.
    pub files: BTreeMap<Text, Text>,
    /// The bytes of all of these, by digest.
    pub contents: BTreeMap<Text, Arc<[u8]>>,
}

impl GoodTree {
    fn digests(&self) -> impl Iterator<Item = &Text> {
        self.files.values().chain(std::iter::once(&self.people).filter(|people| !people.is_empty()))
    }
}

impl Journal {
    /// Keeps the last good tree of a target, in place of what was kept before.
    ///
    /// # Errors
    /// Storage.
    pub async fn keep_tree(&self, target: &str, tree: &GoodTree) -> Result<(), JournalError> {
        self.write(Work::KeepTree(Box::new((target.into(), tree.clone())))).await.map(|_| ())
    }

    /// The last good trees, by target.
    ///
    /// # Errors
    /// Storage.
    pub async fn good_trees(&self) -> Result<BTreeMap<Text, GoodTree>, JournalError> {
        let mut connection = self.connection.lock().await;
        let mut contents: BTreeMap<Text, Arc<[u8]>> = BTreeMap::new();
        let rows = sqlx::query("SELECT digest, bytes FROM tree_contents");
        for row in rows.fetch_all(&mut *connection).await.map_err(storage)? {
            let digest: &str = row.try_get("digest").map_err(storage)?;
            let bytes: &[u8] = row.try_get("bytes").map_err(storage)?;
            contents.insert(digest.into(), bytes.into());
        }
        let mut trees: BTreeMap<Text, GoodTree> = BTreeMap::new();
        let rows = sqlx::query("SELECT target, people, account, meaning FROM trees");
        for row in rows.fetch_all(&mut *connection).await.map_err(storage)? {
            let text = |name: &str| row.try_get::<&str, _>(name).map(Text::from).map_err(storage);
            let (people, account, meaning) = (text("people")?, text("account")?, text("meaning")?);
            trees.insert(text("target")?, GoodTree { people, account, meaning, ..GoodTree::default() });
        }
        let rows = sqlx::query("SELECT target, file, digest FROM tree_files");
        for row in rows.fetch_all(&mut *connection).await.map_err(storage)? {
            let text = |name: &str| row.try_get::<&str, _>(name).map(Text::from).map_err(storage);
            if let Some(tree) = trees.get_mut(&text("target")?) {
                tree.files.insert(text("file")?, text("digest")?);
            }
        }
        for tree in trees.values_mut() {
            let of = |digest: &Text| Some((digest.clone(), Arc::clone(contents.get(digest)?)));
            let own = tree.digests().filter_map(of).collect();
            tree.contents = own;
        }
        Ok(trees)
    }
}

/// How much is written to see that there is room: more than the records of a look take.
const ROOM_BYTES: i64 = 256 * 1024;
/// Under which name. No file has such a digest; where it is left behind, the next tree takes it away with all that is unused.
const ROOM: &str = "room";

/// Takes room in the file, or gives it back, inside the caller's transaction. Two transactions: what is taken and given back in
/// one is never written.
pub(super) async fn room(connection: &mut SqliteConnection, take: bool) -> Result<(), JournalError> {
    let statement = match take {
        true => "INSERT OR REPLACE INTO tree_contents (digest, bytes) VALUES ($1, zeroblob($2))",
        false => "DELETE FROM tree_contents WHERE digest = $1",
    };
    let mut query = sqlx::query(statement).bind(ROOM);
    if take {
        query = query.bind(ROOM_BYTES);
    }
    query.execute(connection).await.map(|_| ()).map_err(storage)
}

/// Writes it inside the caller's transaction.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    target: &str,
    tree: &GoodTree,
) -> Result<(), JournalError> {
    for statement in ["DELETE FROM trees WHERE target = $1", "DELETE FROM tree_files WHERE target = $1"] {
        sqlx::query(statement).bind(target).execute(&mut *connection).await.map_err(storage)?;
    }
    sqlx::query("INSERT INTO trees (target, people, account, meaning) VALUES ($1, $2, $3, $4)")
        .bind(target)
        .bind(tree.people.as_str())
        .bind(tree.account.as_str())
        .bind(tree.meaning.as_str())
        .execute(&mut *connection)
        .await
        .map_err(storage)?;
    let files: Vec<(&Text, &Text)> = tree.files.iter().collect();
    for chunk in files.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO tree_files (target, file, digest) ");
        query.push_values(chunk, |mut row, (file, digest)| {
            row.push_bind(target).push_bind(file.as_str()).push_bind(digest.as_str());
        });
        query.build().execute(&mut *connection).await.map_err(storage)?;
    }
    for (digest, bytes) in &tree.contents {
        sqlx::query("INSERT INTO tree_contents (digest, bytes) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING")
            .bind(digest.as_str())
            .bind(&bytes[..])
            .execute(&mut *connection)
            .await
            .map_err(storage)?;
    }
    // What no tree holds any more.
    let unused =
        "DELETE FROM tree_contents WHERE digest NOT IN (SELECT digest FROM tree_files UNION SELECT people FROM trees)";
    sqlx::query(unused).execute(&mut *connection).await.map_err(storage)?;
    Ok(())
}
