//! What a hook is given, and what is told of it: environment, descriptors, results, output.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use hv_vssd::hooks::{Hooks, Options};
use hv_vssd::report::{HookReport, Phase};

use crate::support::{Place, run, write};

async fn report(place: &Place) -> HookReport {
    place.hooks().run(Phase::Freeze, None).await.reports.remove(0)
}

#[test]
fn its_environment_is_five_variables_and_its_input_is_empty() {
    run(async {
        let place = Place::new();
        place.put("1", "pwd; cat; env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= | sort");
        place.put("2", "echo $HV_VSS_PHASE $HV_VSS_DEADLINE_SECS");
        let options = Options { time: Duration::from_secs(40), ..place.options() };
        let hooks = Hooks::new(options).frozen_at_most(Duration::from_secs(7));
        let round = hooks.run(Phase::Freeze, None).await;
        // Two hooks of 40 s at most, a minute for freezing, 7 s frozen.
        let expected = "/\nHV_VSS_DEADLINE_SECS=147\nHV_VSS_PHASE=freeze\nHV_VSS_TIMEOUT_SECS=40\nLANG=C.UTF-8\n\
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n";
        assert_eq!(round.reports[0].output, expected);
        assert_eq!(round.reports[1].output, "freeze 107\n");
        let round = hooks.run(Phase::Thaw, None).await;
        assert_eq!(round.reports[0].output, "thaw 40\n");
    });
}

#[test]
fn both_of_its_streams_are_kept_in_order_and_made_utf_8() {
    run(async {
        let place = Place::new();
        place.put("1", "echo one; echo two >&2; printf '\\377three'");
        assert_eq!(report(&place).await.output, "one\ntwo\n\u{fffd}three");
    });
}

#[test]
fn a_hook_that_writes_100_mb_does_not_wait_for_us_and_little_is_kept() {
    run(async {
        let place = Place::new();
        place
            .put("1", "head -c 50000000 /dev/zero | tr '\\0' x; head -c 50000000 /dev/zero | tr '\\0' y >&2");
        let report = report(&place).await;
        assert_eq!((report.result.as_str(), report.output), ("ok", "x".repeat(4096)));
    });
}

#[test]
fn what_it_wrote_last_is_kept_too() {
    run(async {
        let place = Place::new();
        place.put("1", "printf '%04000d' 0; sleep 0.01; echo end; exit 5");
        let report = report(&place).await;
        assert_eq!(report.result, "exit code 5");
        assert!(report.output.ends_with("end\n") && report.output.len() == 4004);
    });
}

#[test]
fn a_signal_that_ended_it_is_told() {
    run(async {
        let place = Place::new();
        place.put("1", "kill -9 $$");
        assert_eq!(report(&place).await.result, "killed by signal 9");
    });
}

#[test]
fn what_cannot_be_started_is_told() {
    run(async {
        let place = Place::new();
        write(&place.hooks_dir().join("1"), "#!/no/such/interpreter\n");
        let result = report(&place).await.result;
        assert!(result.starts_with("could not be started: No such file or directory"), "{result}");
    });
}

#[test]
fn a_name_that_is_no_text_is_refused_with_a_reason() {
    run(async {
        let place = Place::new();
        write(&place.hooks_dir().join(std::ffi::OsStr::from_bytes(b"1-\xff")), "#!/bin/sh\n");
        let report = report(&place).await;
        assert_eq!(
            (report.name.as_str(), report.result.as_str()),
            ("1-\u{fffd}", "was not run: its name is not UTF-8")
        );
    });
}

#[test]
fn a_linked_script_is_executed_where_it_lies() {
    run(async {
        let place = Place::new();
        write(&place.path("script"), "#!/bin/sh\necho \"$0\"\n");
        std::os::unix::fs::symlink("../script", place.hooks_dir().join("1")).unwrap();
        let real = std::fs::canonicalize(place.path("script")).unwrap();
        assert_eq!(report(&place).await.output, format!("{}\n", real.display()));
    });
}

#[test]
fn a_link_that_others_have_made_unsafe_since_the_round_began_is_not_run() {
    run(async {
        let place = Place::new();
        let (open, hook) = (place.path("open"), place.hooks_dir().join("2"));
        std::fs::create_dir(&open).unwrap();
        let (open, hook) = (open.display(), hook.display());
        place.put("1", &format!("chmod 777 {open}; ln -s /bin/true {open}/link; ln -sf {open}/link {hook}"));
        place.put("2", "echo unchanged");
        let round = place.hooks().run(Phase::Freeze, None).await;
        let why = format!("was not run: others than root can change {open}: chmod go-w {open}");
        assert_eq!(round.reports[1].result, why);
    });
}
