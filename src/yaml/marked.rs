//! What has a place in a file.

use super::{Key, Mark, Node};

/// Something that a problem can point at.
pub trait Marked {
    /// Where it stands.
    fn mark(&self) -> Mark;
}

impl Marked for Mark {
    fn mark(&self) -> Mark {
        *self
    }
}

impl Marked for Node<'_> {
    fn mark(&self) -> Mark {
        self.at
    }
}

impl Marked for Key<'_> {
    fn mark(&self) -> Mark {
        self.at
    }
}

impl<T: Marked + ?Sized> Marked for &T {
    fn mark(&self) -> Mark {
        (*self).mark()
    }
}
