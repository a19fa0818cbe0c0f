//! People, applications and resources, from their own lists and from what states bring along.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde::Deserialize;

use crate::{
    access::{Directory, Object, Text},
    systems::shared::{Conversation, Heard, Pages, Rereads, Str, read_judge},
    wire::{Fault, Read, Unreadable},
};

use super::{
    description::{API, DISCOVERED},
    list::{LIMIT, List, Page, explained, lacks, walk},
    states::object,
};

/// The deepest tree of resources that is followed.
const MAX_DEPTH: usize = 64;

#[derive(Deserialize)]
pub struct UserRow<'a> {
    #[serde(borrow)]
    pub id: Str<'a>,
    #[serde(borrow, default)]
    email: Option<Str<'a>>,
    #[serde(borrow, default)]
    full_name: Option<Str<'a>>,
}

#[derive(Deserialize)]
pub struct ApplicationRow<'a> {
    #[serde(borrow)]
    pub id: Str<'a>,
    #[serde(borrow, default)]
    title: Option<Str<'a>>,
    #[serde(borrow, default)]
    status: Option<Str<'a>>,
}

#[derive(Deserialize)]
pub struct ResourceRow<'a> {
    #[serde(borrow)]
    pub id: Str<'a>,
    #[serde(borrow, default)]
    title: Option<Str<'a>>,
    #[serde(borrow, default)]
    parent_resource_id: Option<Str<'a>>,
}

/// An application and whether AccessOwl only found it.
#[derive(Debug)]
pub struct Application {
    /// As the directory has it.
    pub object: Arc<Object>,
    /// Whether its status is `discovered`; `None` where nothing told its status.
    pub discovered: Option<bool>,
}

#[derive(Debug)]
struct Resource {
    object: Arc<Object>,
    parent: Option<Text>,
}

/// Every object seen, by id.
#[derive(Debug, Default)]
pub struct Objects {
    users: HashMap<Text, Arc<Object>>,
    applications: HashMap<Text, Application>,
    resources: HashMap<Text, Resource>,
    ids: HashSet<Text>,
    /// Applications whose resources were asked for.
    asked: HashSet<Text>,
}

impl Objects {
    /// One shared copy of an id that many states name.
    pub fn shared(&mut self, id: &str) -> Text {
        if let Some(known) = self.ids.get(id) {
            return known.clone();
        }
        let id = Text::new(id);
        self.ids.insert(id.clone());
        id
    }

    /// Takes a person in; the first form stays.
    pub fn take_user(&mut self, row: &UserRow<'_>) -> Arc<Object> {
        if let Some(known) = self.users.get(row.id.as_str()) {
            return Arc::clone(known);
        }
        let id = self.shared(row.id.as_str());
        let names = titled(&row.email);
        // People choose their names: they are shown, and one that looks like an address could pass for somebody else's.
        let called = titled(&row.full_name).pop().filter(|name| !name.contains('@'));
        let user = Arc::new(Object { called, ..object("user", id.clone(), names, None) });
        self.users.insert(id, Arc::clone(&user));
        user
    }

    /// The person with this id; one that no list and no state brought along has no names.
    pub fn user_by_id(&mut self, id: &str) -> Arc<Object> {
        match self.users.get(id) {
            Some(known) => Arc::clone(known),
            None => Arc::new(object("user", self.shared(id), Vec::new(), None)),
        }
    }

    /// Takes an application in; the first form that tells a status stays.
    pub fn take_application(&mut self, row: &ApplicationRow<'_>) {
        let known = self.applications.get(row.id.as_str());
        if known.is_some_and(|known| known.discovered.is_some() || row.status.is_none()) {
            return;
        }
        let id = self.shared(row.id.as_str());
        let names = titled(&row.title);
        let object = Arc::new(object("application", id.clone(), names, None));
        let discovered = row.status.as_ref().map(|status| status.as_str() == DISCOVERED);
        self.applications.insert(id, Application { object, discovered });
    }

    /// Takes a resource in; the first form stays.
    pub fn take_resource(&mut self, application: &str, row: &ResourceRow<'_>) {
        if self.resources.contains_key(row.id.as_str()) {
            return;
        }
        let id = self.shared(row.id.as_str());
        let names = titled(&row.title);
        let parent = row.parent_resource_id.as_ref().map(|parent| self.shared(parent.as_str()));
        let application = self.shared(application);
        let object = Arc::new(object("resource", id.clone(), names, Some(application)));
        self.resources.insert(id, Resource { object, parent });
    }

    /// The application with this id.
    pub fn application(&self, id: &str) -> Option<&Application> {
        self.applications.get(id)
    }

    /// The resource with this id; an unknown one has neither names nor application.
    pub fn resource(&self, id: &Text, application: &Text) -> Arc<Object> {
        match self.resources.get(id) {
            Some(known) => Arc::clone(&known.object),
            None => Arc::new(object("resource", id.clone(), Vec::new(), Some(application.clone()))),
        }
    }

    /// The resources from the outermost to this one; `None` while one of them is unknown.
    ///
    /// # Errors
    /// They lie in each other.
    pub fn line_to(&self, id: &Text) -> Result<Option<Vec<Text>>, Unreadable> {
        let mut line = vec![id.clone()];
        let mut at = id;
        loop {
            let Some(resource) = self.resources.get(at) else { return Ok(None) };
            let Some(parent) = &resource.parent else { break };
            if line.len() >= MAX_DEPTH {
                let what = format!("the resource {id:?} lies more than {MAX_DEPTH} resources deep, or within itself");
                return Err(Unreadable::new(Fault::Malformed, what));
            }
            line.push(parent.clone());
            at = parent;
        }
        line.reverse();
        Ok(Some(line))
    }

    /// Whether a resource has no title, so that its siblings have to be known.
    pub fn is_untitled(&self, id: &Text) -> bool {
        self.resources.get(id).is_some_and(|resource| resource.object.names.is_empty())
    }

    /// Everything as a directory.
    pub fn directory(&self) -> Directory {
        let mut all: Vec<&Arc<Object>> = self.users.values().collect();
        all.extend(self.applications.values().map(|application| &application.object));
        all.extend(self.resources.values().map(|resource| &resource.object));
        all.sort_unstable_by(|a, b| (&a.class, &a.id).cmp(&(&b.class, &b.id)));
        let mut directory = Directory::default();
        for object in all {
            directory.add(Arc::clone(object));
        }
        directory
    }

    /// Reads all people: the list shows active ones only unless asked for all.
    ///
    /// # Errors
    /// The list is not whole.
    pub async fn read_users(&mut self, conversation: &Conversation<'_>) -> Result<(), Unreadable> {
        let list = List { rows: "people", path: "users", query: vec![("status", "all")], optional: false };
        let take = |(): &mut (), heard: &Heard, pages: &mut Pages| {
            let page: Page<'_, UserRow<'_>> = heard.json()?;
            for row in &page.data {
                pages.id(&self.take_user(row).id)?;
            }
            page.turn(pages)
        };
        walk(conversation, list, take).await.map(drop)
    }

    /// Reads all applications.
    ///
    /// # Errors
    /// The list is not whole.
    pub async fn read_applications(&mut self, conversation: &Conversation<'_>) -> Result<(), Unreadable> {
        let list = List { rows: "applications", path: "applications", query: Vec::new(), optional: false };
        let take = |(): &mut (), heard: &Heard, pages: &mut Pages| {
            let page: Page<'_, ApplicationRow<'_>> = heard.json()?;
            for row in &page.data {
                self.take_application(row);
                pages.id(&self.shared(row.id.as_str()))?;
            }
            page.turn(pages)
        };
        walk(conversation, list, take).await.map(drop)
    }

    /// Reads the resources of an application, once. An API that lacks the call is remarked; what is then still unknown is
    /// the caller's to judge.
    ///
    /// # Errors
    /// The answer is not what is known of this call, or no answer could be had.
    pub async fn read_resources(
        &mut self,
        conversation: &Conversation<'_>,
        application: &Text,
    ) -> Result<(), Unreadable> {
        if !self.asked.insert(application.clone()) {
            return Ok(());
        }
        let mut rereads = Rereads::default();
        loop {
            match self.read_resources_once(conversation, application).await {
                Ok(()) => return Ok(()),
                Err(error) => rereads.again(error)?,
            }
        }
    }

    async fn read_resources_once(
        &mut self,
        conversation: &Conversation<'_>,
        application: &Text,
    ) -> Result<(), Unreadable> {
        let mut pages = Pages::of("resources");
        let mut cursor: Option<String> = None;
        loop {
            let query: Vec<(&'static str, &str)> = cursor.iter().map(|cursor| ("cursor", cursor.as_str())).collect();
            let read = Read::get(API, &["applications", application, "resources"], &query, read_judge)?;
            let heard = conversation.ask(read).await?;
            if lacks(&heard) && pages.pages() == 0 {
                conversation
                    .remark("this API does not list resources: only those that someone has access to are known");
                return Ok(());
            }
            explained(&heard)?;
            let page: ResourcesPage<'_> = heard.json()?;
            let rows = page.rows().ok_or_else(|| heard.fault(Fault::Malformed, "the answer holds no resources"))?;
            // Whether this list has pages is not documented: any number of rows is taken, a next mark is followed.
            pages.page(rows.len(), rows.len().max(LIMIT))?;
            for row in rows {
                pages.id(&self.shared(row.id.as_str()))?;
                self.take_resource(application, row);
            }
            match page.meta.as_ref().and_then(|meta| meta.next_cursor.as_ref()) {
                None => return Ok(()),
                Some(next) => {
                    pages.cursor(next.as_str()).map_err(|error| error.at(&heard.request))?;
                    cursor = Some(next.as_str().to_owned());
                }
            }
        }
    }
}

/// A title as a name; an empty one is none.
fn titled(text: &Option<Str<'_>>) -> Vec<Text> {
    text.iter().map(Str::as_str).filter(|text| !text.is_empty()).map(Text::new).collect()
}

/// The envelope of this list is not documented: `data` is the list itself or a record that holds it.
#[derive(Deserialize)]
struct ResourcesPage<'a> {
    #[serde(borrow, default)]
    data: Option<ResourcesData<'a>>,
    #[serde(borrow, default)]
    resources: Option<Vec<ResourceRow<'a>>>,
    #[serde(borrow, default)]
    meta: Option<OpenMeta<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ResourcesData<'a> {
    Rows(#[serde(borrow)] Vec<ResourceRow<'a>>),
    Held {
        #[serde(borrow)]
        resources: Vec<ResourceRow<'a>>,
    },
}

#[derive(Deserialize)]
struct OpenMeta<'a> {
    #[serde(borrow, default)]
    next_cursor: Option<Str<'a>>,
}

impl<'a> ResourcesPage<'a> {
    fn rows(&self) -> Option<&[ResourceRow<'a>]> {
        match &self.data {
            Some(ResourcesData::Rows(rows) | ResourcesData::Held { resources: rows }) => Some(rows),
            None => self.resources.as_deref(),
        }
    }
}
