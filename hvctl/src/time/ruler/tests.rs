use super::*;

fn case<'a>(mode: &'a str, ruler: &'a str) -> Case<'a> {
    Case { mode, ruler, clients: &[], fed: &[], has_sample: true }
}

#[test]
fn every_ruler_has_a_sentence_and_where_it_may_surprise_a_hint() {
    let fed = ["chrony:/run/chrony/hv-timesyncd.sock".to_owned()];
    let chrony = ["chrony".to_owned()];
    let table = [
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
        (
            case("auto", "kernel"),
            "kept by the kernel's own driver, or by an unknown program",
            "hv-timesyncd leaves the clock alone; where no program keeps it",
        ),
        (case("observe", "none"), "kept by nobody", "in mode observe nothing is done"),
        (case("refclock", "none"), "kept by nobody", "in mode refclock an NTP client has to keep"),
        (case("auto", "none"), "kept by nobody", "the host's messages have stopped"),
        (
            Case { has_sample: false, ..case("auto", "none") },
            "kept by nobody",
            "no time has come from the host",
        ),
    ];
    for (case, sentence, hint) in table {
        assert_eq!(case.sentence(), sentence, "{case:?}");
        let told = case.hint().unwrap_or_default();
        assert!(told.starts_with(hint) && told.is_empty() == hint.is_empty(), "{case:?}: {told}");
    }
}
