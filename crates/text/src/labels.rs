//! The ordered set of tags that a model predicts.

use std::collections::HashMap;

/// Tag names in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSet {
    names: Vec<String>,
    ids: HashMap<String, u32>,
}

impl LabelSet {
    /// A label set with these names, ids in order; a name given twice keeps its first id.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut set = Self::default();
        for name in names {
            set.insert(name.into());
        }
        set
    }

    /// The id of `name`, which is added when it is new.
    pub fn insert(&mut self, name: String) -> u32 {
        if let Some(&id) = self.ids.get(&name) {
            return id;
        }
        let id = self.names.len() as u32;
        self.ids.insert(name.clone(), id);
        self.names.push(name);
        id
    }

    /// The id of `name`.
    pub fn id(&self, name: &str) -> Option<u32> {
        self.ids.get(name).copied()
    }

    /// The name of `id`.
    pub fn name(&self, id: u32) -> Option<&str> {
        self.names.get(id as usize).map(String::as_str)
    }

    /// All names in the order of their ids.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of tags, `K`.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no tag.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}
