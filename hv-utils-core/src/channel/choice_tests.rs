//! The texts of the command line and of D-Bus.

use super::{ChannelChoice, ParseChoiceError};
use std::path::PathBuf;

#[test]
fn every_choice_reads_back_what_it_shows() {
    for text in ["auto", "uio", "hv_utils", "sim:/run/host/kvp.sock"] {
        assert_eq!(text.parse::<ChannelChoice>().map(|c| c.to_string()), Ok(text.to_owned()));
    }
}

#[test]
fn sim_takes_everything_after_the_first_colon_as_path() {
    assert_eq!("sim:a:b".parse(), Ok(ChannelChoice::Sim(PathBuf::from("a:b"))));
}

#[test]
fn other_texts_are_refused() {
    for text in ["", "sim", "sim:", "UIO", "hv-utils", " auto"] {
        assert_eq!(text.parse::<ChannelChoice>(), Err(ParseChoiceError), "{text:?}");
    }
}
