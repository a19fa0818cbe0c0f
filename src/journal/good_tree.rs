//! What the last good tree of files said of each target, beside the chain: so that an end that was in it still comes when the
//! daemon begins anew on files that are broken.

use std::collections::BTreeMap;

use jiff::Timestamp;
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
    /// Digest of each policy file that names the target.
    pub files: BTreeMap<Text, Text>,
    /// When each declaration that ends by itself ends, by the kind's name and the declaration's key.
    pub ends: BTreeMap<(Text, Text), Timestamp>,
}

impl Journal {
    /// Keeps what the last good tree said of a target, in place of what was kept before.
    ///
    /// # Errors
    /// Storage.
    pub async fn keep_tree(&self, target: &str, tree: &GoodTree) -> Result<(), JournalError> {
        self.write(Work::KeepTree(Box::new((target.into(), tree.clone())))).await.map(|_| ())
    }

    /// What the last good tree said, by target.
    ///
    /// # Errors
    /// Storage.
    pub async fn good_trees(&self) -> Result<BTreeMap<Text, GoodTree>, JournalError> {
        let mut connection = self.connection.lock().await;
        let mut trees: BTreeMap<Text, GoodTree> = BTreeMap::new();
        let rows = sqlx::query("SELECT target, file, digest FROM tree_files");
        for row in rows.fetch_all(&mut *connection).await.map_err(storage)? {
            let text = |name: &str| row.try_get::<&str, _>(name).map(Text::from).map_err(storage);
            let tree = trees.entry(text("target")?).or_default();
            match text("file")? {
                people if people.is_empty() => tree.people = text("digest")?,
                file => drop(tree.files.insert(file, text("digest")?)),
            }
        }
        let rows = sqlx::query("SELECT target, kind, declaration, ends FROM tree_ends");
        for row in rows.fetch_all(&mut *connection).await.map_err(storage)? {
            let text = |name: &str| row.try_get::<&str, _>(name).map(Text::from).map_err(storage);
            let end = Timestamp::from_nanosecond(nanoseconds(row.try_get("ends").map_err(storage)?)).map_err(|_| {
                JournalError::Storage(
                    "an end in the journal cannot be read: the file is damaged, put back a copy".into(),
                )
            })?;
            trees.entry(text("target")?).or_default().ends.insert((text("kind")?, text("declaration")?), end);
        }
        Ok(trees)
    }
}

fn nanoseconds(text: &str) -> i128 {
    text.parse().unwrap_or(i128::MAX)
}

/// Writes it inside the caller's transaction. The people file stands among the files without a name.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    target: &str,
    tree: &GoodTree,
) -> Result<(), JournalError> {
    for statement in ["DELETE FROM tree_files WHERE target = $1", "DELETE FROM tree_ends WHERE target = $1"] {
        sqlx::query(statement).bind(target).execute(&mut *connection).await.map_err(storage)?;
    }
    let people = Text::default();
    let files: Vec<(&Text, &Text)> = std::iter::once((&people, &tree.people)).chain(&tree.files).collect();
    for chunk in files.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO tree_files (target, file, digest) ");
        query.push_values(chunk, |mut row, (file, digest)| {
            row.push_bind(target).push_bind(file.as_str()).push_bind(digest.as_str());
        });
        query.build().execute(&mut *connection).await.map_err(storage)?;
    }
    let ends: Vec<_> = tree.ends.iter().collect();
    for chunk in ends.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO tree_ends (target, kind, declaration, ends) ");
        query.push_values(chunk, |mut row, ((kind, key), end)| {
            row.push_bind(target).push_bind(kind.as_str()).push_bind(key.as_str());
            row.push_bind(end.as_nanosecond().to_string());
        });
        query.build().execute(&mut *connection).await.map_err(storage)?;
    }
    Ok(())
}
