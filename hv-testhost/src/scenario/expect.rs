//! What must come of a step, as TOML gives it: a word, or a table of properties of the answer.
//!
//! Types and their reading only; whether it came true is `judge`'s. What an adapter's configuration must be is in
//! `adapter`.

use clap::ValueEnum;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::adapter::Wanted;
use super::fields::{BytesAt, Hex};

/// What must come of a step.
#[derive(Debug, Clone)]
pub enum Expect {
    /// A word for it.
    Word(ExpectWord),
    /// Properties of the answer.
    Answer(Box<Answer>),
}

/// Expectations that need no numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExpectWord {
    /// Any answer at all.
    Reply,
    /// No answer, which a probe proves.
    Nothing,
    /// An error status or no answer, which a probe proves.
    RefusalOrNothing,
    /// The answer to NEGOTIATE with counts 0/0.
    NoCommonVersion,
    /// The guest closes the channel.
    Close,
    /// The answer is left unread.
    Unread,
    /// Whatever comes is all the same.
    Any,
}

/// Properties that an answer must have; only what is given counts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Answer {
    /// Status of each reply.
    pub status: Option<u32>,
    /// Statuses, of which each reply has one.
    pub status_in: Option<Vec<u32>>,
    /// How many replies come, one after the other.
    pub replies: Option<u32>,
    /// Key of the item.
    pub key: Option<String>,
    /// Value of the item.
    pub value: Option<String>,
    /// Versions, `framework/message`.
    pub agreed: Option<String>,
    /// Bytes of the payload at offsets.
    pub bytes: Vec<BytesAt>,
    /// The whole payload.
    pub payload: Option<Hex>,
    /// Bytes after the pipe header, as that says.
    pub length: Option<u32>,
    /// VMBus transaction id.
    pub transaction_id: Option<u64>,
    /// Items of a verb's result: each key and value, all of them, in order.
    pub items: Option<Vec<[String; 2]>>,
    /// Items that must be among a verb's result.
    pub contains: Vec<[String; 2]>,
    /// Keys that must not be among a verb's result.
    pub lacks: Vec<String>,
    /// Properties of a network adapter's configuration.
    pub adapter: Option<Wanted>,
    /// Exit code of a verb.
    pub exit: Option<u8>,
    /// Part of the sentence that says which rule the guest broke.
    pub violation: Option<String>,
}

impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Expect, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Expect;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a word (\"nothing\", \"close\", …) or a table of what the answer must be")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Expect, E> {
                ExpectWord::from_str(word, false).map(Expect::Word).map_err(|_| {
                    let names = ExpectWord::value_variants().iter().filter_map(ValueEnum::to_possible_value);
                    let names: Vec<String> = names.map(|name| name.get_name().to_owned()).collect();
                    E::custom(format!("unknown expectation {word:?}, there are {}", names.join(", ")))
                })
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Expect, M::Error> {
                let answer = Answer::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Expect::Answer(Box::new(answer)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
