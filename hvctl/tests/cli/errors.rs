//! Wrong usage, no bus, no daemon, unknown pools, and a reader that has gone.

use std::io::Read as _;
use std::process::Stdio;

use crate::fake::Fake;
use crate::harness::{Bus, hvctl, run, run_with_input, wait};

const NO_BUS: &str = "unix:path=/nonexistent/hvctl-test/bus";

#[test]
fn no_bus_is_exit_69_for_every_verb_that_needs_one() {
    for verb in [
        vec!["kvp", "list"],
        vec!["kvp", "get", "guest", "k"],
        vec!["kvp", "set", "guest", "k", "v"],
        vec!["kvp", "delete", "guest", "k"],
        vec!["kvp", "watch"],
        vec!["kvp", "wait", "guest", "k"],
        vec!["kvp", "export"],
        vec!["host"],
        vec!["driver", "show"],
        vec!["driver", "use", "auto"],
        vec!["vss", "status"],
        vec!["vss", "freeze"],
    ] {
        let mut command = hvctl(&["--bus", NO_BUS]);
        run(command.args(&verb)).is(
            69,
            "",
            "hvctl: cannot reach the bus unix:path=/nonexistent/hvctl-test/bus: \
             No such file or directory (os error 2)\n\
             hint: start D-Bus, or name another bus with --bus system|session|ADDRESS\n",
        );
    }
}

#[test]
fn no_bus_as_json_is_an_error_object_on_standard_output() {
    run(&mut hvctl(&["--bus", NO_BUS, "--json", "kvp", "list"])).is(
        69,
        "{\"schema\":1,\"error\":{\"name\":\"org.hvutils.Error.NoBus\",\
         \"message\":\"cannot reach the bus unix:path=/nonexistent/hvctl-test/bus: \
         No such file or directory (os error 2)\",\
         \"hint\":\"start D-Bus, or name another bus with --bus system|session|ADDRESS\"}}\n",
        "",
    );
}

#[test]
fn no_daemon_is_exit_69_and_says_how_to_start_it() {
    let Some(bus) = Bus::start("no daemon") else { return };
    for verb in [
        vec!["kvp", "list"],
        vec!["kvp", "get", "guest", "k"],
        vec!["kvp", "set", "guest", "k", "v"],
        vec!["host"],
    ] {
        bus.run(&verb).is(
            69,
            "",
            "hvctl: hv-kvpd is not running: nothing on the bus answers for it\n\
             hint: start it with systemctl start hv-kvpd; hvctl status tells more\n",
        );
    }
    bus.run(&["kvp", "get", "guest", "k", "--json"]).is(
        69,
        "{\"schema\":1,\"error\":{\"name\":\"org.freedesktop.DBus.Error.ServiceUnknown\",\
         \"message\":\"hv-kvpd is not running: nothing on the bus answers for it\",\
         \"hint\":\"start it with systemctl start hv-kvpd; hvctl status tells more\"}}\n",
        "",
    );
}

#[test]
fn an_unknown_pool_is_exit_2_without_asking_anyone() {
    for pool in ["nonesuch", "5", ""] {
        run(&mut hvctl(&["--bus", NO_BUS, "kvp", "get", pool, "k"])).is(
            2,
            "",
            &format!(
                "hvctl: there is no pool \"{pool}\"\n\
                 hint: the pools are external, guest, auto, auto-external and auto-internal, or 0 to 4\n"
            ),
        );
    }
}

#[test]
fn wrong_usage_is_exit_64() {
    for args in [
        &[][..],
        &["nonsense"],
        &["kvp"],
        &["kvp", "get", "guest"],
        &["kvp", "get", "guest", "k", "extra"],
        &["kvp", "wait", "guest", "k", "--timeout", "soon"],
        &["kvp", "wait", "guest", "k", "--timeout", "-1"],
        &["--bus", "none", "kvp", "list"],
        &["completions", "tcsh"],
    ] {
        let ran = run(&mut hvctl(args));
        assert_eq!((ran.code, ran.out.as_str()), (Some(64), ""), "{args:?}");
        assert!(ran.err.contains("Usage: hvctl") || ran.err.contains("'--help'"), "{args:?}: {}", ran.err);
    }
}

#[test]
fn wrong_usage_as_json_is_an_error_object_too() {
    run(&mut hvctl(&["--json", "nonsense"])).is(
        64,
        "{\"schema\":1,\"error\":{\"name\":\"org.hvutils.Error.Usage\",\
         \"message\":\"unrecognized subcommand 'nonsense'\",\
         \"hint\":\"hvctl --help shows the verbs and options\"}}\n",
        "",
    );
}

#[test]
fn a_verb_that_is_missing_is_an_error_as_json_and_no_help() {
    for args in [&["--json", "kvp"][..], &["kvp", "--json"]] {
        run(&mut hvctl(args)).is(
            64,
            "{\"schema\":1,\"error\":{\"name\":\"org.hvutils.Error.Usage\",\
             \"message\":\"a verb is missing: hvctl kvp list|get|set|delete|watch|wait|export|import\",\
             \"hint\":\"hvctl --help shows the verbs and options\"}}\n",
            "",
        );
    }
    let ran = run(&mut hvctl(&["--json"]));
    assert!(ran.code == Some(64) && ran.out.contains("a verb is missing: hvctl status|kvp|"), "{}", ran.out);
}

#[test]
fn a_number_that_is_none_is_told_what_is_expected() {
    for args in [&["vss", "freeze", "--time"][..], &["time", "samples", "--last"]] {
        for wrong in ["soon", "0", "-1", "1.5"] {
            let ran = run(hvctl(args).arg(wrong));
            assert_eq!(ran.code, Some(64), "{args:?} {wrong}");
            let told = format!("invalid value '{wrong}' for '{}", args[2]);
            assert!(ran.err.contains(&told) && ran.err.contains("expected a whole number"), "{}", ran.err);
        }
    }
}

#[test]
fn help_of_a_verb_tells_the_pools_and_their_numbers() {
    let ran = run(&mut hvctl(&["kvp", "get", "--help"]));
    let told = "0 to 4 in this order [possible values: external, guest, auto, auto-external, auto-internal]";
    let words = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(ran.code == Some(0) && words.contains(told), "{}", ran.out);
}

#[test]
fn help_documents_exit_codes_and_examples() {
    let ran = run(&mut hvctl(&["--help"]));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    for line in [
        "  0   done",
        "  2   no such key, pool or adapter",
        "  3   wait ran out of time",
        "  64  wrong usage",
    ] {
        assert!(ran.out.lines().any(|seen| seen == line), "{line:?} is missing");
    }
    assert!(ran.out.contains("Examples:\n  hvctl status"));
    assert!(!ran.out.contains("sysfs-root"), "options for tests are not for people");
    let ran = run(&mut hvctl(&["--version"]));
    assert_eq!((ran.code, ran.out), (Some(0), format!("hvctl {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn completions_are_written_for_each_shell() {
    for (shell, sign) in [("bash", "_hvctl()"), ("zsh", "#compdef hvctl"), ("fish", "complete -c hvctl")] {
        let ran = run(&mut hvctl(&["completions", shell]));
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{shell}");
        assert!(ran.out.contains(sign), "{shell}");
        assert!(ran.out.contains("auto-external"), "{shell} knows the pools");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let Some(bus) = Bus::start("pipe closed") else { return };
    let names: Vec<String> = (0..3000).map(|number| format!("key-{number:04}")).collect();
    let value = "v".repeat(100);
    let items: Vec<_> = names.iter().map(|name| ("guest", name.as_str(), value.as_str())).collect();
    let _kvpd = Fake::kvpd(&bus.address, &items);
    for json in [&[][..], &["--json"]] {
        let mut command = bus.hvctl(&["kvp", "list", "guest"]);
        let mut child = command.args(json).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // More than a pipe holds is written: the rest meets a closed pipe.
        let mut first = [0; 4];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((wait(&mut child), err.as_str()), (Some(0), ""));
    }
}

#[test]
fn import_of_what_is_no_export_is_refused_before_the_bus_is_asked() {
    let import =
        |input: &str| run_with_input(&mut hvctl(&["--bus", NO_BUS, "kvp", "import", "-"]), input.as_bytes());
    let hint = "hint: import reads what hvctl kvp export has written\n";
    import("{\"schema\":2,\"kind\":\"kvp-export\",\"items\":[]}").is(
        1,
        "",
        &format!("hvctl: cannot import standard input: it is \"kvp-export\" of schema 2, not an export of schema 1\n{hint}"),
    );
    import("{\"schema\":1,\"kind\":\"status\",\"items\":[]}").is(
        1,
        "",
        &format!("hvctl: cannot import standard input: it is \"status\" of schema 1, not an export of schema 1\n{hint}"),
    );
    import("not json").is(
        1,
        "",
        &format!("hvctl: cannot import standard input: expected ident at line 1 column 2\n{hint}"),
    );
    run(&mut hvctl(&["--bus", NO_BUS, "kvp", "import", "/nonexistent/file"])).is(
        1,
        "",
        &format!("hvctl: cannot import /nonexistent/file: No such file or directory (os error 2)\n{hint}"),
    );
}
