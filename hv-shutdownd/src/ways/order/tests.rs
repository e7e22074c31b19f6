//! Words that come from elsewhere, and outcomes.

use super::*;

fn order(text: &str) -> Order {
    let (action, text) = (Action::PowerOff, text.to_owned());
    Order { action, force: false, respect_inhibitors: true, delay: Duration::from_secs(5), text, reason: 0 }
}

#[test]
fn a_host_cannot_steer_a_terminal_with_its_text() {
    let text = order("  \u{1b}[2Jmain\ntenance\u{202e} \u{9b}now\0").wall();
    assert_eq!(text, "Hyper-V's host asks this machine to power off: [2Jmain tenance now");
}

#[test]
fn a_long_text_is_cut_at_a_character() {
    let text = order(&"\u{e9}".repeat(5000)).wall();
    assert_eq!(text.chars().filter(|char| *char == '\u{e9}').count(), TEXT);
}

#[test]
fn without_a_text_it_is_said_who_asks() {
    for nothing in ["", " ", "\0\u{200b}\n"] {
        assert_eq!(order(nothing).wall(), "Hyper-V's host asks this machine to power off");
    }
}

#[test]
fn neither_a_forced_order_nor_a_hibernation_waits() {
    assert_eq!(order("").delay(), Duration::from_secs(5));
    assert_eq!(Order { force: true, ..order("") }.delay(), Duration::ZERO);
    assert_eq!(Order { action: Action::Hibernate, ..order("") }.delay(), Duration::ZERO);
}

#[test]
fn a_forced_order_hears_nobody_and_only_a_way_down_is_insisted_on() {
    assert!(order("").heeds() && !order("").insists());
    let forced = Order { force: true, ..order("") };
    assert!(!forced.heeds() && forced.insists());
    assert!(!Order { action: Action::Hibernate, ..forced }.insists());
    assert!(!Order { respect_inhibitors: false, ..order("") }.heeds());
}

#[test]
fn outcomes_are_sentences() {
    let said = |action, by, seconds| Begun { action, by, delay: Duration::from_secs(seconds) }.to_string();
    assert_eq!(said(Action::PowerOff, Way::Logind, 0), "begun by logind");
    assert_eq!(said(Action::Restart, Way::Logind, 300), "begun by logind, in 300 s");
    assert_eq!(said(Action::PowerOff, Way::Print, 0), "would power off (print)");
    assert_eq!(said(Action::Restart, Way::Print, 30), "would restart in 30 s (print)");
    assert_eq!(said(Action::Hibernate, Way::Print, 0), "would hibernate (print)");
}
