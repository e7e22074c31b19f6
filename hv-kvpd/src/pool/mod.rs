//! pool
pub use hv_utils_core::wire::kvp::Pool;
mod crc; mod engine; mod error; mod index; mod journal; mod medium; mod record; mod replay; mod types;
pub use self::error::*;
pub use self::record::*;
pub use self::types::*;
