//! The command line as clap sees it.

use super::*;
use clap::CommandFactory;
use hv_utils_core::wire::Ic;

#[test]
fn definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn options_stand_before_or_after_the_verb() {
    for args in [
        ["hv-driver", "--run-dir", "/x", "use", "uio", "kvp", "fcopy", "--runtime"],
        ["hv-driver", "use", "uio", "kvp", "fcopy", "--runtime", "--run-dir", "/x"],
    ] {
        let cli = Cli::try_parse_from(args).unwrap();
        assert_eq!(cli.common.run_dir, PathBuf::from("/x"));
        let Some(Verb::Use { choice, components, runtime, json }) = cli.verb else {
            panic!("{:?}", cli.verb)
        };
        let ics: Vec<Ic> = components.iter().map(|component| component.ic).collect();
        assert_eq!((choice, ics, runtime, json), (Choice::Uio, vec![Ic::Kvp, Ic::FileCopy], true, false));
    }
}

#[test]
fn guard_is_not_in_the_help() {
    assert!(!Cli::command().render_long_help().to_string().contains("guard"));
}
