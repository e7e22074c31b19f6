use clap::CommandFactory;

use super::*;
use crate::verb::Line;

fn line(words: &str) -> String {
    let words = words.split_whitespace().map(OsString::from);
    let spelled: Vec<String> = super::spelled(Line::command(), 0, words)
        .unwrap()
        .into_iter()
        .map(|word| word.into_string().unwrap())
        .collect();
    spelled.join(" ")
}

fn program(words: &str) -> String {
    let words = ["hv-testhost"].into_iter().chain(words.split_whitespace()).map(OsString::from);
    let spelled: Vec<String> = super::spelled(crate::cli::command(), 1, words)
        .unwrap()
        .into_iter()
        .map(|word| word.into_string().unwrap())
        .collect();
    spelled.join(" ")
}

#[test]
fn options_and_verbs_may_be_spelled_as_in_powershell() {
    let cases = [
        ("Stop-VM -Force", "stop-vm --force"),
        ("suspend-vm -Hibernate -force", "suspend-vm --hibernate --force"),
        ("copy-vmfile a /b -CreateFullPath", "copy-vmfile a /b --create-full-path"),
        ("Copy-VMFile -createfullpath a /b -FORCE", "copy-vmfile --create-full-path a /b --force"),
        ("copy-vmfile -Chunk 5 a -CutAfter 7 b", "copy-vmfile --chunk 5 a --cut-after 7 b"),
        ("set-ip x -DHCPEnabled true -IPAddresses a", "set-ip x --dhcp-enabled true --ip-addresses a"),
        ("stop-vm -Help", "stop-vm --help"),
        ("help Stop-VM", "help stop-vm"),
        ("Stop-VM -Name web1 -Force", "stop-vm --force"),
        ("get-vm -vmname web1", "get-vm"),
        ("Restart-VM -Name web1 -Type Reboot -Force", "restart-vm --force"),
        (
            "Copy-VMFile -Name web1 -SourcePath a -DestinationPath /b -FileSource Host -Force",
            "copy-vmfile --force a /b",
        ),
        ("Copy-VMFile a /b -filesource host", "copy-vmfile a /b"),
        ("Get-VMIntegrationService -VMName web1", "get-integration-services"),
        ("Enable-VMIntegrationService -VMName web1 -Name VSS", "enable-service VSS"),
        ("Disable-VMIntegrationService -Name Heartbeat -VMName web1", "disable-service Heartbeat"),
    ];
    for (typed, meant) in cases {
        assert_eq!(line(typed), meant);
    }
}

#[test]
fn values_stay_as_they_are_typed() {
    for typed in [
        "stop-vm --message -Force",
        "stop-vm --message -Name x",
        "add-kvp -Name x",
        "stop-vm --message -force -x",
        "sync-time --offset -1.5",
        "sync-time --offset -inf",
        "sync-time -o",
        "stop-vm -f",
        "stop-vm --message=-Force",
        "stop-vm -",
        "get-ip -- -Family",
        "copy-vmfile -- -Force -Chunk",
        "add-kvp -type -force",
        "set-kvp external k -type",
        "get-kvp external -direct",
        "remove-kvp -Help",
        "delete-kvp external Stop-VM",
        "raw -body 00",
        "frobnicate -Force",
        "",
    ] {
        assert_eq!(line(typed), typed);
    }
    assert_eq!(line("sync-time -Offset -1.5 -Leap 3"), "sync-time --offset -1.5 --leap 3");
    assert_eq!(line("stop-vm -Message -Force -Force"), "stop-vm --message -Force --force");
}

#[test]
fn options_of_the_program_are_spelled_so_too_before_and_after_the_verb() {
    assert_eq!(
        program("-Sim /tmp -Json -TimeOffset -5 Stop-VM -Force -Timeout 3 -json"),
        "hv-testhost --sim /tmp --json --time-offset -5 stop-vm --force --timeout 3 --json"
    );
    assert_eq!(program("--sim -Json stop-vm"), "hv-testhost --sim -Json stop-vm");
    assert_eq!(program("--sim=/tmp add-kvp -json v"), "hv-testhost --sim=/tmp add-kvp -json v");
    assert_eq!(program("-hV"), "hv-testhost -hV");
}

#[test]
fn a_word_that_is_no_text_is_passed_on() {
    use std::os::unix::ffi::OsStringExt;
    let odd = OsString::from_vec(vec![b'-', 0xff]);
    assert_eq!(super::spelled(Line::command(), 0, [OsString::from("stop-vm"), odd.clone()]).unwrap()[1], odd);
}

#[test]
fn an_option_that_there_is_not_is_called_as_it_was_typed() {
    for (line, option) in [
        ("Stop-VM -TurnOff", "-TurnOff"),
        ("stop-vm -SourcePath x", "-SourcePath"),
        ("wait-guest -Name kvp", "-Name"),
        ("Get-VMIntegrationService -Name VSS", "-Name"),
        ("stop-vm -force1", "-force1"),
        ("stop-vm -Forced", "-Forced"),
    ] {
        let text = refused(line);
        assert!(text.contains(&format!("unexpected argument '{option}' found")), "{text}");
    }
}

#[test]
fn a_value_that_this_host_has_no_meaning_for_is_refused() {
    for (line, words) in [
        ("Restart-VM -Type Foo", "invalid value 'Foo': this host knows 'Reboot' alone"),
        ("Copy-VMFile a /b -FileSource Guest", "invalid value 'Guest': this host knows 'Host' alone"),
    ] {
        let text = refused(line);
        assert!(text.contains(words), "{text}");
    }
}

fn refused(line: &str) -> String {
    let words = line.split_whitespace().map(OsString::from);
    super::spelled(Line::command(), 0, words).unwrap_err().to_string()
}

#[test]
fn a_value_that_is_missing_or_comes_twice_is_refused_and_nothing_is_swallowed() {
    for (line, option) in [
        ("Stop-VM -Name", "-Name"),
        ("Stop-VM -Name -Force", "-Name"),
        ("Stop-VM -VMName --", "-VMName"),
        ("Restart-VM -Type", "-Type"),
        ("Copy-VMFile a -DestinationPath --force", "-DestinationPath"),
        ("copy-vmfile -DestinationPath -Force -SourcePath a", "-DestinationPath"),
        ("copy-vmfile -sourcepath", "-sourcepath"),
        ("Enable-VMIntegrationService -Name", "-Name"),
    ] {
        let text = refused(line);
        assert!(text.contains(&format!("a value is required for '{option}', and there is none")), "{text}");
    }
    let text = refused("Disable-VMIntegrationService -Name VSS -Name Heartbeat");
    assert!(text.contains("the argument '-Name' cannot be used multiple times"), "{text}");
}
