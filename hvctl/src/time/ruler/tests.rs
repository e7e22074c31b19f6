use super::*;

/// hv-timesyncd has the channel and heard the host a second ago.
fn case<'a>(mode: &'a str, ruler: &'a str) -> Case<'a> {
    let heard = Some(Duration::from_secs(1));
    Case {
        mode,
        ruler,
        clients: &[],
        fed: &[],
        channel: Channel::Ours,
        heard,
        verdict: "used",
        used: heard,
        ever_used: true,
        offset: 0,
        reason: "",
    }
}

fn by_kernel<'a>(mode: &'a str, ruler: &'a str) -> Case<'a> {
    Case { channel: Channel::Kernel, heard: None, ..case(mode, ruler) }
}

fn heard<'a>(ruler: &'a str, channel: Channel, secs: u64) -> Case<'a> {
    let heard = Some(Duration::from_secs(secs));
    Case { channel, heard, used: heard, ..case("auto", ruler) }
}

/// Each of them: its sentence, and how its hint begins.
#[track_caller]
fn judged(table: &[(Case<'_>, &str, &str)]) {
    for (case, sentence, hint) in table {
        assert_eq!(case.sentence(), *sentence, "{case:?}");
        let told = case.hint().unwrap_or_default();
        assert!(told.starts_with(hint) && told.is_empty() == hint.is_empty(), "{case:?}: {told}");
    }
}

#[test]
fn every_ruler_has_a_sentence_and_where_it_may_surprise_a_hint() {
    let fed = ["chrony:/run/chrony/hv-timesyncd.sock".to_owned()];
    let chrony = ["chrony".to_owned()];
    judged(&[
        (case("auto", "hv-timesyncd"), "kept by hv-timesyncd, by the host's time", ""),
        (
            Case { clients: &chrony, ..case("discipline", "hv-timesyncd") },
            "kept by hv-timesyncd, by the host's time",
            "chrony steers the same clock: stop it",
        ),
        (Case { fed: &fed, ..case("auto", "chrony") }, "kept by chrony; the host's time is handed on", ""),
        (
            case("auto", "chrony"),
            "kept by chrony, without the host's time",
            "chrony is left alone; to give it the host's time: refclock SOCK",
        ),
        (
            case("auto", "ntpd"),
            "kept by ntpd, without the host's time",
            "ntpd is left alone; to give it the host's time: [timesync]",
        ),
        (
            case("auto", "ntpd-rs"),
            "kept by ntpd-rs, without the host's time",
            "ntpd-rs is left alone; to give it the host's time: a source",
        ),
        (
            case("auto", "systemd-timesyncd"),
            "kept by systemd-timesyncd, without the host's time",
            "systemd-timesyncd is left alone; it cannot take",
        ),
        (
            case("observe", "chrony"),
            "kept by chrony, without the host's time",
            "in mode observe the host's time is not handed on",
        ),
        (case("observe", "none"), "kept by nobody", "in mode observe nothing is done"),
        (case("refclock", "none"), "kept by nobody", "in mode refclock an NTP client has to keep"),
        (case("auto", "none"), "kept by nobody", "the host's messages have stopped"),
        (Case { heard: None, ..case("auto", "none") }, "kept by nobody", "no time has come from the host"),
    ]);
}

#[test]
fn what_is_advised_while_the_kernel_has_the_channel_works_there() {
    judged(&[
        (by_kernel("auto", "hv-timesyncd"), "kept by hv-timesyncd, by the host's time", ""),
        (
            by_kernel("auto", "chrony"),
            "kept by chrony; the kernel's driver has the host's time for it",
            "chrony takes it from /dev/ptp_hyperv by itself, if it is told to: systemctl start",
        ),
        (
            by_kernel("observe", "chrony"),
            "kept by chrony; the kernel's driver has the host's time for it",
            "chrony takes it from /dev/ptp_hyperv by itself, if it is told to: systemctl start",
        ),
        (
            by_kernel("auto", "ntpd"),
            "kept by ntpd, without the host's time",
            "ntpd is left alone; the host's time can be given to it where hv-timesyncd has the messages",
        ),
        (
            by_kernel("auto", "systemd-timesyncd"),
            "kept by systemd-timesyncd, without the host's time",
            "systemd-timesyncd is left alone; it cannot take",
        ),
        (
            by_kernel("auto", "kernel"),
            "kept by the kernel's own driver, or by an unknown program",
            "the kernel steps the clock when the host says so, and hv-timesyncd leaves it alone; where no other",
        ),
        (
            by_kernel("observe", "kernel"),
            "kept by the kernel's own driver, or by an unknown program",
            "the kernel steps the clock when the host says so, and hv-timesyncd leaves it alone, as [timesync]",
        ),
    ]);
}

#[test]
fn clock_of_an_unknown_program_is_not_to_be_had_by_another_driver() {
    judged(&[(
        case("auto", "kernel"),
        "kept by an unknown program",
        "hv-timesyncd leaves the clock alone, as",
    )]);
    for channel in [Channel::Ours, Channel::Nobody, Channel::Unknown] {
        let hint = Case { channel, ..case("auto", "kernel") }.hint().unwrap();
        assert!(hint.contains("mode = \"discipline\"") && !hint.contains("hvctl driver"), "{hint}");
    }
    let hint = by_kernel("auto", "kernel").hint().unwrap();
    assert!(hint.contains("mode = \"discipline\""), "{hint}");
}

#[test]
fn host_that_is_silent_is_not_called_followed() {
    let fed = ["chrony:/run/chrony.hv-timesyncd.sock".to_owned()];
    judged(&[
        (heard("hv-timesyncd", Channel::Ours, 120), "kept by hv-timesyncd, by the host's time", ""),
        (
            heard("hv-timesyncd", Channel::Ours, 121),
            "kept by hv-timesyncd, by the host's time of 2 min ago",
            "the last time from the host came 2 min ago: hvctl status",
        ),
        (
            heard("hv-timesyncd", Channel::Nobody, 3 * 3600),
            "kept by hv-timesyncd, by the host's time of 3 h ago",
            "the last time from the host came 3 h ago: hvctl status",
        ),
        (heard("hv-timesyncd", Channel::Kernel, 900), "kept by hv-timesyncd, by the host's time", ""),
        (
            heard("hv-timesyncd", Channel::Kernel, 901),
            "kept by hv-timesyncd, by the host's time of 15 min ago",
            "the last time from the host came 15 min ago: hvctl status",
        ),
        (
            Case { fed: &fed, ..heard("chrony", Channel::Ours, 3 * 3600) },
            "kept by chrony, without the host's time",
            "the last time from the host came 3 h ago: hvctl status",
        ),
        // There hv-timesyncd does not look while another keeps the clock.
        (
            heard("chrony", Channel::Kernel, 3 * 3600),
            "kept by chrony; the kernel's driver has the host's time for it",
            "chrony takes it from",
        ),
        (
            Case { channel: Channel::Nobody, heard: None, ..case("auto", "chrony") },
            "kept by chrony, without the host's time",
            "chrony is left alone; no time has come from the host",
        ),
    ]);
    assert_eq!(heard("hv-timesyncd", Channel::Ours, 120).paint(), Paint::Green);
    assert_eq!(heard("hv-timesyncd", Channel::Ours, 121).paint(), Paint::Yellow);
}

#[test]
fn clock_that_cannot_be_set_is_said_whoever_keeps_it() {
    let reason = "cannot set the clock: Operation not permitted (os error 1)";
    let told = "cannot set the clock: Operation not permitted (os error 1): CAP_SYS_TIME may be missing";
    let powerless = Case { reason, ..case("auto", "hv-timesyncd") };
    judged(&[
        (powerless, "hv-timesyncd is to keep it, and cannot set it", told),
        (Case { reason, ..case("auto", "chrony") }, "kept by chrony, without the host's time", told),
    ]);
    assert_eq!(powerless.paint(), Paint::Yellow);
}

#[test]
fn channel_is_whose_it_was_said_to_be() {
    for (state, transport, channel) in [
        ("kernel", "hv_utils", Channel::Kernel),
        ("kernel", "", Channel::Kernel),
        ("ready", "uio", Channel::Ours),
        ("negotiating", "sim", Channel::Ours),
        ("closed", "", Channel::Nobody),
        ("failed", "uio", Channel::Nobody),
        ("", "", Channel::Unknown),
    ] {
        assert_eq!(Channel::of(state, transport), channel, "{state} {transport}");
    }
}

#[test]
fn host_whose_times_are_refused_is_not_called_followed() {
    let fed = ["chrony:/run/chrony.hv-timesyncd.sock".to_owned()];
    let refused = Case { verdict: "too-far", used: None, ever_used: false, ..case("auto", "hv-timesyncd") };
    let order = Case { ever_used: true, ..refused };
    let since = Case { used: Some(Duration::from_secs(3 * 3600)), ..refused };
    let beside = Case { ruler: "chrony", fed: &fed, ..refused };
    let told = "the host's time is refused, as it is further from the guest's than [timesync] max-step-days";
    judged(&[
        (refused, "hv-timesyncd is to keep it, and the host's times are not used", told),
        (order, "kept by hv-timesyncd, and the host's last time is not used", told),
        (since, "kept by hv-timesyncd, by the host's time of 3 h ago", told),
        (beside, "kept by chrony, without the host's time", told),
        (Case { ruler: "none", mode: "observe", ..refused }, "kept by nobody", told),
    ]);
    for case in [refused, order, since, beside] {
        assert_eq!(case.paint(), Paint::Yellow, "{case:?}");
    }
    let late = Case { verdict: "late", ..case("auto", "hv-timesyncd") };
    judged(&[(late, "kept by hv-timesyncd, by the host's time", "")]);
    assert_eq!(late.paint(), Paint::Green);
}

#[test]
fn clock_that_is_far_off_for_want_of_a_step_is_said() {
    let reason = "steps in this direction are not allowed";
    let ahead = Case { reason, offset: -79_200_000_000_000, ..case("auto", "hv-timesyncd") };
    let told = "the clock is off by \u{2212}79200.000 s, and [timesync] steps";
    judged(&[
        (ahead, "kept by hv-timesyncd, by the host's time", told),
        (Case { ruler: "kernel", ..ahead }, "kept by an unknown program", told),
    ]);
    assert_eq!(ahead.paint(), Paint::Yellow);
}
