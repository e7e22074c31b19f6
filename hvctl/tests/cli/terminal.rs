//! What changes on a terminal: colours, escaped values, and a person who can be asked for authorisation.
//!
//! util-linux's `script` gives hvctl a terminal; where it is missing the tests are skipped by name.

use std::process::{Command, Stdio};

use crate::fake::Fake;
use crate::harness::{Bus, run};

/// Runs hvctl on a terminal; what it printed there. Nothing if there is no `script`.
pub(crate) fn on_terminal(test: &str, bus: &Bus, args: &str, no_color: Option<&str>) -> Option<String> {
    let line = format!("{} --bus {} {args}", env!("CARGO_BIN_EXE_hvctl"), bus.address);
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::null())
        .env("TERM", "xterm")
        .env_remove("NO_COLOR");
    if let Some(value) = no_color {
        command.env("NO_COLOR", value);
    }
    if let Err(error) = Command::new("script").arg("--version").stdout(Stdio::null()).status() {
        use std::io::Write as _;
        // Not eprintln!: the runner swallows what a test that passes prints with it.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: script (util-linux) cannot be run: {error}");
        return None;
    }
    let ran = run(&mut command);
    assert_eq!(ran.code, Some(0), "{}", ran.out);
    // The terminal ends lines its own way, and `script` may echo the end of its input.
    Some(ran.out.replace('\r', "").replace("^D\u{8}\u{8}", ""))
}

#[test]
fn values_are_escaped_on_a_terminal() {
    let test = "get on a terminal";
    let Some(bus) = Bus::start(test) else { return };
    let _kvpd = Fake::kvpd(&bus.address, &[("guest", "k", "a\n\u{1b}[2Jb")]);
    let Some(out) = on_terminal(test, &bus, "kvp get guest k", None) else { return };
    assert_eq!(out, "a\\n\\u{1b}[2Jb\n");
}

#[test]
fn headings_are_bold_on_a_terminal_unless_no_color_is_set() {
    let test = "list on a terminal";
    let Some(bus) = Bus::start(test) else { return };
    let _kvpd = Fake::kvpd(&bus.address, &[("guest", "k", "v")]);
    let bold = "\u{1b}[1mPOOL\u{1b}[0m   \u{1b}[1mKEY\u{1b}[0m  \u{1b}[1mVALUE\u{1b}[0m\nguest  k    v\n";
    let plain = "POOL   KEY  VALUE\nguest  k    v\n";
    let Some(out) = on_terminal(test, &bus, "kvp list", None) else { return };
    assert_eq!(out, bold);
    assert_eq!(on_terminal(test, &bus, "kvp list", Some("1")).as_deref(), Some(plain));
    assert_eq!(on_terminal(test, &bus, "kvp list", Some("")).as_deref(), Some(bold));
}

#[test]
fn a_change_from_a_terminal_allows_interactive_authorisation() {
    let test = "set on a terminal";
    let Some(bus) = Bus::start(test) else { return };
    let kvpd = Fake::kvpd(&bus.address, &[]);
    let Some(out) = on_terminal(test, &bus, "kvp set guest k v", None) else { return };
    assert_eq!(out, "");
    assert_eq!(kvpd.interactive(), [true]);
}
