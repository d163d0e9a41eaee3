//! A piece of a list.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Items, newest first, and where the list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// At most as many as `limit` asked for.
    pub items: Vec<T>,
    /// Give it as `cursor` to get what follows; none: this was all.
    pub next: Option<String>,
}
